/**
 * The scenarios of IMAP that are measured beside Dovecot (`bench peers imap`), here ours alone, so that its figures stand in one table with all others:
 * imap-mix, and a mailbox of a hundred thousand messages opened, listed, searched and sorted. The generator is the bench's own process.
 */

import type { Case, Load } from '../lib/figures.js'
import type { Scenario, Stage } from '../lib/scenario.js'
import { type ImapPeer, startPeers } from '../peers/imap/peer.js'
import type { ImapCase, ImapScenario, ImapWish } from '../peers/imap/scenario.js'
import { SCENARIOS as IMAP } from '../peers/imap/scenarios.js'

const LARGE = 100_000
const ROUNDS = 3
const MIX_SECONDS = 5
const KB = 1024
const WISH: ImapWish = { seconds: MIX_SECONDS, sessions: [1, 20], sizes: [4 * KB, 50 * KB], messages: LARGE, idle: 0 }
/** Silent connections have a scenario of their own. */
const TAKEN: ReadonlySet<string> = new Set(['idle'])

export const imapLarge: readonly Scenario[] = IMAP.filter(({ name }) => !TAKEN.has(name)).map(scenarioOf)

function scenarioOf(imap: ImapScenario): Scenario {
  const name = imap.name.startsWith('imap-') ? imap.name : `imap-${imap.name}`
  const cases = imap.cases(WISH)
  return {
    name,
    onRequest: true,
    cold: true,
    rounds: ({ variant }) => (cases.find(one => one.name === variant)?.once === true ? 1 : ROUNDS),
    asks: `${imap.asks} Counted are ${imap.unit}`,
    variants: cases.map(one => one.name),
    oneStage: true,
    usual: cases.map(one => ({ variant: one.name, sessions: 1, size: 2 * KB })),
    open: (_variant, _cases, setting) => stageOf(imap, setting),
  }
}

async function stageOf(imap: ImapScenario, setting: Parameters<Scenario['open']>[2]): Promise<Stage> {
  const { folder, flushLibrary, args } = setting
  const messages = args.mailbox ?? LARGE
  const [peer] = await startPeers({
    folder,
    flushLibrary,
    workers: args.workers,
    stores: [],
    ours: true,
    profile: args.profile,
    ends: end => void setting.keep(undefined, async () => void (await end())),
  })
  if (imap.large === true) await peer!.fill(messages)
  const cases = new Map(imap.cases({ ...WISH, messages }).map(one => [one.name, one]))
  const warm = new Set<string>()
  let turn = 0
  return {
    ours: {
      group: peer!.group,
      flushes: peer!.flushes,
      async prepare({ variant }: Case) {
        const one = cases.get(variant)!
        if (warm.has(variant)) return
        warm.add(variant)
        for (let at = 0; at < (one.warm ?? 0); at++) await one.turn(peer!, -1 - at)
      },
      drive: ({ variant, size }: Case) => drive(cases.get(variant)!, peer!, turn++, size),
    },
    probe: async () => ({ kind: 'not checked', why: 'most of it only reads; see smtp-in' }),
  }
}

async function drive(one: ImapCase, peer: ImapPeer, turn: number, size: number): Promise<Load> {
  const { count, elapsedMs, latencies, errors } = await one.turn(peer, turn)
  return { messages: count, bytes: count * size, elapsedMs, latencies: Float64Array.from(latencies), errors }
}
