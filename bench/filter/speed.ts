/**
 * What a message costs: our rules beside those of Rspamd and SpamAssassin, without network and untaught, or all of the filter beside theirs with Bayes, taught
 * the same messages, in one run on one core's time. All are given the
 * same messages, the same number of them before anything is measured, and then take turns. SpamAssassin, which is slowest by far and has compiled all its
 * rules when it starts, is given a tenth of them, before and in the turns; ours and Rspamd's figure for just these stands beside it.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { median } from '../lib/figures.js'
import { ours, type Shown, shown } from './beside.js'
import { percentile } from './figures.js'
import type { Peer } from './peers/peer.js'
import { rspamd } from './peers/rspamd.js'
import { spamassassin } from './peers/spamassassin.js'
import type { Item } from './sets.js'
import { tableOf } from './tables.js'
import type { View } from './view.js'

const FEW = 10
const PEERS = [rspamd, spamassassin]

export interface SpeedOrder {
  readonly folder: string
  readonly view: View
  /** Messages that each filter has judged before it is measured; whole turns. */
  readonly warm: number
  readonly turns: number
  /** What all are taught before. Left out: rules alone, untaught. */
  readonly taught?: readonly Item[]
  say(text: string): void
}

interface Racer {
  readonly peer: Peer
  /** What it is not given, since it would take too long. */
  readonly fewOnly: boolean
  /** CPU of one message, of each turn: over all of them, and over the few. */
  readonly all: number[]
  readonly few: number[]
  times: readonly number[]
}

export async function speedTable(items: readonly Item[], order: SpeedOrder): Promise<string> {
  const samples = shown(items, order.view, join(order.folder, 'asked'))
  const few = samples.filter((_, i) => i % FEW === 0)
  const rest = samples.filter((_, i) => i % FEW !== 0)
  const racers = await racersOf(order)
  for (const racer of racers) await warmUp(racer, { few, rest }, order)
  for (let turn = 0; turn < order.turns; turn++) {
    for (const racer of turn % 2 === 0 ? racers : racers.toReversed()) await take(racer, few, rest)
    order.say(`turn ${turn + 1} of ${order.turns}\n`)
  }
  for (const { peer } of racers) await peer.end()
  return tableOf(HEAD, rowsOf(racers))
}

async function racersOf({ folder, say, taught, view }: SpeedOrder): Promise<readonly Racer[]> {
  const learns = taught !== undefined
  const peers: Peer[] = [await ours(learns ? 'learning' : 'content', join(folder, 'ours'), learns)]
  for (const kind of PEERS) {
    const missing = kind.missing()
    if (missing !== undefined) {
      say(`${kind.name} is not here: ${missing}\n`)
      continue
    }
    const place = join(folder, kind.name)
    mkdirSync(place, { recursive: true })
    peers.push(await kind.start(place, learns))
  }
  const lessons = shown(taught ?? [], view, join(folder, 'taught'))
  for (const peer of learns ? peers : []) await peer.teach(lessons)
  return peers.map(peer => ({ peer, fewOnly: peer.name.startsWith('SpamAssassin'), all: [], few: [], times: [] }))
}

interface Parts {
  readonly few: readonly Shown[]
  readonly rest: readonly Shown[]
}

async function warmUp({ peer, fewOnly }: Racer, { few, rest }: Parts, { warm, say }: SpeedOrder): Promise<void> {
  const before = fewOnly ? few : [...few, ...rest]
  const least = fewOnly ? warm / FEW : warm
  let judged = 0
  while (judged < least) {
    await peer.ask(before)
    judged += before.length
  }
  say(`${peer.name} has judged ${judged} messages\n`)
}

async function take(racer: Racer, few: readonly Shown[], rest: readonly Shown[]): Promise<void> {
  const first = await racer.peer.ask(few)
  racer.few.push(first.cpuMs / few.length)
  if (racer.fewOnly) {
    racer.times = [...racer.times, ...first.times]
    return
  }
  const second = await racer.peer.ask(rest)
  racer.all.push((first.cpuMs + second.cpuMs) / (few.length + rest.length))
  racer.times = [...racer.times, ...first.times, ...second.times]
}

const HEAD = [
  'filter',
  'ms CPU a message',
  '(turns)',
  'a CPU second',
  '× ours',
  'ms, the few',
  '× ours',
  'p50 ms',
  'p99 ms',
]

function rowsOf(racers: readonly Racer[]): readonly (readonly string[])[] {
  const [first] = racers
  return racers.map(({ peer, all, few, times }) => [
    peer.name,
    ...(all.length === 0
      ? ['', '', '', '']
      : [
          median(all).toFixed(2),
          `(${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)})`,
          (1000 / median(all)).toFixed(0),
          (median(all) / median(first!.all)).toFixed(1),
        ]),
    median(few).toFixed(2),
    (median(few) / median(first!.few)).toFixed(1),
    percentile(times, 0.5).toFixed(2),
    percentile(times, 0.99).toFixed(1),
  ])
}
