/**
 * What learning adds, on two sites that know nothing of each other: one of the first set's people (personal mail and spam of 2001-02), one of the others'
 * (lists and phishing of 2017-23). Each is judged out of the box; after it was taught its own train part; with a starting model and lessons from the other
 * site alone, which is mail of other years and from elsewhere; and along the way from there, after 10, 100 and 1,000 mails of its own.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errorsOf, type Result } from './figures.js'
import type { Item, Label } from './sets.js'
import { type PluginLine, Site } from './site.js'
import { pluginsOf } from './stages.js'
import { errorRow, JUNK } from './tables.js'
import { type Mail, type View, viewOf } from './view.js'

export interface LearningWish {
  readonly train: readonly Item[]
  readonly test: readonly Item[]
  readonly folder: string
  readonly view: View
  readonly say: (text: string) => void
}

export interface Lesson {
  /** `modern, taught 100 of its own`. */
  readonly name: string
  readonly results: readonly Result[]
}

const CURVE = [10, 100, 1000] as const

/** The sets that come from the same people, as far as can be told. */
function siteOf({ set }: Pick<Item, 'set'>): string {
  return set === 'spamassassin' ? 'spamassassin' : 'modern'
}

/** Nothing when the plugin is not there. */
export async function learnAndJudge(wish: LearningWish): Promise<readonly Lesson[]> {
  if (pluginsOf('learning') === undefined) return []
  const rows: Lesson[] = [...(await outOfTheBox(wish))]
  for (const site of [...new Set(wish.test.map(siteOf))]) rows.push(...(await oneSite(wish, site)))
  return rows
}

/** What each mail comes to where nothing of its site is known to the classifier. */
export async function unseen(wish: LearningWish): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const name of [...new Set(wish.test.map(siteOf))]) {
    const [first] = await oneSite(wish, name, [])
    results.push(...(first?.results ?? []))
  }
  return results
}

async function outOfTheBox(wish: LearningWish): Promise<readonly Lesson[]> {
  const site = await Site.open({ folder: join(wish.folder, 'box'), plugins: pluginsOf('learning')! })
  wish.say('out of the box\n')
  const before = await judgeAll(site, wish.test, wish.view)
  wish.say(`taught all ${wish.train.length} train mails\n`)
  await teach(site, wish.train, wish.view, join(wish.folder, 'lessons'))
  const after = await judgeAll(site, wish.test, wish.view)
  await site.close()
  const sites = [...new Set(wish.test.map(siteOf))]
  const of = (results: readonly Result[], name: string) => results.filter(one => siteOf(one) === name)
  return sites.flatMap(name => [
    { name: `${name}, out of the box`, results: of(before, name) },
    { name: `${name}, after all train parts`, results: of(after, name) },
  ])
}

/** Begins with what only the other site knows. */
async function oneSite(wish: LearningWish, name: string, curve: readonly number[] = CURVE): Promise<readonly Lesson[]> {
  const own = interleaved(wish.train.filter(item => siteOf(item) === name))
  const others = wish.train.filter(item => siteOf(item) !== name)
  const test = wish.test.filter(item => siteOf(item) === name)
  if (own.length === 0 || others.length === 0) return []
  const folder = join(wish.folder, name)
  const site = await Site.open({ folder, plugins: withModel(await modelOf(others, wish.view, folder)) })
  const rows: Lesson[] = []
  let taught = 0
  for (const count of [0, ...curve]) {
    if (count > own.length) break
    wish.say(`${name}: taught ${count} of its own\n`)
    if (count > 0) await teach(site, own.slice(taught, count), wish.view, join(folder, `lessons-${count}`))
    taught = count
    const row = count === 0 ? `${name}, knows the other site only` : `${name}, and ${count} of its own`
    rows.push({ name: row, results: await judgeAll(site, test, wish.view) })
  }
  await site.close()
  return rows
}

function withModel(model: string): readonly PluginLine[] {
  return pluginsOf('learning')!.map(line => (line.use === 'learning' ? { ...line, with: { model } } : line))
}

/** A starting model of these mails, made by the command that makes the shipped one. */
async function modelOf(items: readonly Item[], view: View, folder: string): Promise<string> {
  const sets = join(folder, 'sets')
  for (const item of items)
    write(join(sets, item.set, item.label, `${item.id}.eml`), viewOf(readFileSync(item.path), view))
  const rows = items.map(({ set, label, id }) => `${set}\t${label}\t${id}\ttrain\t`)
  writeFileSync(join(sets, 'index.tsv'), ['corpus\tlabel\tid\tsplit\tgroup', ...rows, ''].join('\n'))
  const path = join(folder, 'starting.model')
  const maker = await Site.open({ folder: join(folder, 'maker'), plugins: withModel('none') })
  const names = [...new Set(items.map(({ set }) => set))].join(',')
  await maker.command('learn build-model', [sets, path], { sets: names, 'own-use': true })
  await maker.close()
  return path
}

async function teach(site: Site, items: readonly Item[], view: View, folder: string): Promise<void> {
  for (const { set, label, id, path } of items)
    write(join(folder, label, `${set}-${id}.eml`), viewOf(readFileSync(path), view))
  for (const label of ['spam', 'ham'] satisfies Label[])
    if (items.some(item => item.label === label)) await site.command(`learn ${label}`, [join(folder, label)])
}

function write(path: string, { octets }: Mail): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, octets)
}

/** Spam and ham by turns while there are both, each in the order of its set: who begins to teach begins with both. */
function interleaved(items: readonly Item[]): readonly Item[] {
  const sides = (['spam', 'ham'] as const).map(label => items.filter(item => item.label === label))
  const longest = Math.max(...sides.map(({ length }) => length))
  return Array.from({ length: longest }, (_, i) => sides.flatMap(side => side[i] ?? [])).flat()
}

async function judgeAll(site: Site, items: readonly Item[], view: View): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const { set, label, id, path } of items) {
    const mail = viewOf(readFileSync(path), view)
    const { sum, findings } = await site.judge(mail)
    results.push({ set, label, id, at: mail.at, year: mail.year, sum, findings })
  }
  return results
}

/** A row for each. */
export function lessonRows(lessons: readonly Lesson[]): readonly (readonly string[])[] {
  return lessons.map(({ name, results }) => errorRow(name, results))
}

/** For --json. */
export function lessonFigures(lessons: readonly Lesson[]) {
  return lessons.map(({ name, results }) => ({ name, ...errorsOf(results, JUNK) }))
}
