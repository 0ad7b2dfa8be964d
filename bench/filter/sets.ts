/**
 * The sets of mail that the filter is tried on: `FOLDER/<set>/{ham,spam}/*.eml`, and beside them, if there is one, `index.tsv`, which says of each
 * message whether a filter may learn from it. A message of which it says nothing is for testing; duplicates are left out.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../lib/root.js'

export type Label = 'ham' | 'spam'
export type Split = 'train' | 'test'

export interface Item {
  readonly set: string
  readonly label: Label
  readonly id: string
  readonly split: Split
  readonly path: string
}

export interface SetsWish {
  /** Left out: what POSTHOUSE_SHARED has. */
  readonly folder?: string
  /** Empty: all. */
  readonly sets: readonly string[]
  readonly splits: readonly Split[]
  /** Every so-manieth message of each set, label and split. */
  readonly every: number
}

/** The folder with the sets; `undefined` when there is none on this machine. */
export function folderOfSets(given: string | undefined): string | undefined {
  if (given !== undefined) return existsSync(given) ? given : undefined
  const shared = process.env.POSTHOUSE_SHARED
  const unpack = shared === undefined ? undefined : join(shared, 'data', 'unpack')
  if (unpack === undefined || !existsSync(unpack)) return undefined
  const folder = execFileSync(unpack, [join(tmpdir(), 'posthouse-data'), 'spam'], { encoding: 'utf8' }).trim()
  return join(folder, 'spam')
}

/** In the order of set, label and id, so that a share is the same share tomorrow. */
export function itemsOf(folder: string, { sets, splits, every }: Omit<SetsWish, 'folder'>): readonly Item[] {
  const index = readIndex(join(folder, 'index.tsv'))
  const names = readdirSync(folder, { withFileTypes: true }).filter(one => one.isDirectory())
  const items: Item[] = []
  for (const { name: set } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (sets.length > 0 && !sets.includes(set)) continue
    for (const label of ['ham', 'spam'] as const) items.push(...readLabel(folder, set, label, index))
  }
  const counts = new Map<string, number>()
  return items.filter(({ set, label, split }) => {
    if (!splits.includes(split)) return false
    const key = `${set} ${label} ${split}`
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    return count % every === 0
  })
}

/** The honest mail of `test/honest`, which is of kinds that sets lack. */
export function honestItems(): readonly Item[] {
  const place = join(ROOT, 'test/honest')
  const names = readdirSync(place).filter(name => name.endsWith('.eml'))
  return names
    .sort()
    .map(name => ({ set: 'honest', label: 'ham', id: name.slice(0, -4), split: 'train', path: join(place, name) }))
}

function readLabel(folder: string, set: string, label: Label, index: ReadonlyMap<string, string>): readonly Item[] {
  const place = join(folder, set, label)
  if (!existsSync(place)) return []
  return readdirSync(place)
    .filter(name => name.endsWith('.eml'))
    .sort()
    .flatMap(name => {
      const id = name.slice(0, -'.eml'.length)
      const split = index.get(`${set}/${label}/${id}`) ?? 'test'
      return split === 'train' || split === 'test' ? [{ set, label, id, split, path: join(place, name) }] : []
    })
}

/** Columns corpus, label, id, split; the first line names them. */
function readIndex(path: string): ReadonlyMap<string, string> {
  if (!existsSync(path)) return new Map()
  const lines = readFileSync(path, 'utf8').split('\n').slice(1)
  return new Map(
    lines
      .map(line => line.split('\t'))
      .filter(cells => cells.length >= 4)
      .map(([set, label, id, split]) => [`${set}/${label}/${id}`, split!]),
  )
}
