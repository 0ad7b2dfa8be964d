/**
 * Ours and the filters of others on the same messages in one run: errors at the threshold that each ships, and speed. All of them judge one mail after
 * the other, twice; the second time is measured, when what is compiled or opened late has been. CPU is what counts: other work on the machine makes
 * times longer, but hardly CPU.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { oneMinusAuc, percentile } from './figures.js'
import { bogofilter } from './peers/bogofilter.js'
import type { Answers, Peer, PeerKind, Sample } from './peers/peer.js'
import { rspamd } from './peers/rspamd.js'
import { spamassassin } from './peers/spamassassin.js'
import type { Item } from './sets.js'
import { Site } from './site.js'
import { pluginsOf, type StageName } from './stages.js'
import { JUNK, share, tableOf } from './tables.js'
import { type Mail, type View, viewOf } from './view.js'

const PEERS: readonly PeerKind[] = [spamassassin, rspamd, bogofilter]

export interface Drawn {
  readonly asked: readonly Item[]
  readonly taught: readonly Item[]
}

export interface Beside {
  readonly name: string
  readonly sets: readonly {
    readonly set: string
    readonly ham: number
    readonly falsePositives: number
    readonly spam: number
    readonly falseNegatives: number
  }[]
  readonly oneMinusAuc: number | undefined
  /** What one core does in a second. */
  readonly perCpuSecond: number
  readonly p50: number | undefined
  readonly p99: number | undefined
}

export interface Shown extends Sample {
  readonly mail: Mail
  readonly set: string
}

/** So many of each set and label, evenly over all of them. */
export function draw(items: readonly Item[], most: number): readonly Item[] {
  const kinds = new Map<string, Item[]>()
  for (const item of items) {
    const key = `${item.set} ${item.label}`
    kinds.set(key, [...(kinds.get(key) ?? []), item])
  }
  return [...kinds.values()].flatMap(all =>
    all.length <= most ? all : Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]!),
  )
}

export async function besideOthers(
  drawn: Drawn,
  { folder, view, say }: { readonly folder: string; readonly view: View; readonly say: (text: string) => void },
): Promise<readonly Beside[]> {
  const asked = shown(drawn.asked, view, join(folder, 'asked'))
  const taught = shown(drawn.taught, view, join(folder, 'taught'))
  const rows: Beside[] = []
  for (const stage of ['content', 'origin', 'learning'] as const) {
    if (pluginsOf(stage) === undefined) continue
    for (const learns of stage === 'learning' ? [false, true] : [false]) {
      const peer = await ours(stage, join(folder, `ours-${stage}-${learns ? 'taught' : 'new'}`), learns)
      if (learns) await peer.teach(taught)
      rows.push(await measured(peer, asked, say))
    }
  }
  for (const kind of PEERS) {
    const missing = kind.missing()
    if (missing !== undefined) {
      say(`${kind.name} is not here: ${missing}\n`)
      continue
    }
    for (const learns of kind.learnsOnly ? [true] : [false, true]) {
      const place = join(folder, `${kind.name}-${learns ? 'taught' : 'new'}`)
      mkdirSync(place, { recursive: true })
      const peer = await kind.start(place, learns)
      if (learns) await peer.teach(taught)
      rows.push(await measured(peer, asked, say))
    }
  }
  return rows
}

export async function ours(stage: StageName, folder: string, learns = false): Promise<Peer> {
  const site = await Site.open({ folder, plugins: pluginsOf(stage)! })
  return {
    name: `Posthouse ${stage}${learns ? ', taught' : ''}`,
    async teach(samples) {
      for (const label of ['spam', 'ham']) {
        const paths = samples.filter(one => one.label === label).map(({ path }) => path)
        if (paths.length > 0) await site.command(`learn ${label}`, paths)
      }
    },
    async ask(samples): Promise<Answers> {
      const before = process.cpuUsage()
      const times: number[] = []
      const opinions = []
      for (const { mail } of samples as readonly Shown[]) {
        const { sum, ms } = await site.judge(mail)
        times.push(ms)
        opinions.push({ score: sum, spam: sum >= JUNK })
      }
      const { user, system } = process.cpuUsage(before)
      return { opinions, times, cpuMs: (user + system) / 1000 }
    },
    end: () => site.close(),
  }
}

async function measured(peer: Peer, samples: readonly Shown[], say: (text: string) => void): Promise<Beside> {
  say(`${peer.name} judges ${samples.length} messages twice\n`)
  await peer.ask(samples)
  const { opinions, cpuMs, times } = await peer.ask(samples)
  await peer.end()
  const scored = samples.map(({ set, label }, i) => ({ set, label, ...opinions[i]! }))
  const ham = scored.filter(({ label }) => label === 'ham')
  const spam = scored.filter(({ label }) => label === 'spam')
  return {
    name: peer.name,
    sets: [...new Set(samples.map(({ set }) => set))].map(set => {
      const of = (all: typeof scored) => all.filter(one => one.set === set)
      return {
        set,
        ham: of(ham).length,
        falsePositives: of(ham).filter(one => one.spam).length,
        spam: of(spam).length,
        falseNegatives: of(spam).filter(one => !one.spam).length,
      }
    }),
    oneMinusAuc: oneMinusAuc(
      ham.map(({ score }) => score),
      spam.map(({ score }) => score),
    ),
    perCpuSecond: (1000 * samples.length) / cpuMs,
    p50: times.length === 0 ? undefined : percentile(times, 0.5),
    p99: times.length === 0 ? undefined : percentile(times, 0.99),
  }
}

/** Peers read files as they lie in a mailbox, with line feeds. */
export function shown(items: readonly Item[], view: View, folder: string): readonly Shown[] {
  mkdirSync(folder, { recursive: true })
  return items.map(({ set, label, path: from }, i) => {
    const mail = viewOf(readFileSync(from), view)
    const path = join(folder, `${i}.eml`)
    writeFileSync(path, mail.handed.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    return { set, label, path, octets: mail.handed, mail }
  })
}

export function besideTable(rows: readonly Beside[]): string {
  const sets = rows[0]?.sets.map(({ set }) => set) ?? []
  const head = [
    'filter',
    ...sets.map(set => `${set}: false positives, false negatives`),
    '1-AUC of all',
    'messages a CPU second',
    'p50 ms',
    'p99 ms',
  ]
  const cells = rows.map(row => [
    row.name,
    ...row.sets.map(one =>
      [share(one.falsePositives, one.ham), share(one.falseNegatives, one.spam)].filter(text => text !== '').join(', '),
    ),
    row.oneMinusAuc === undefined ? '' : `${(100 * row.oneMinusAuc).toFixed(2)} %`,
    row.perCpuSecond >= 100 ? row.perCpuSecond.toFixed(0) : row.perCpuSecond.toFixed(1),
    row.p50?.toFixed(2) ?? '',
    row.p99?.toFixed(1) ?? '',
  ])
  return tableOf(head, cells)
}
