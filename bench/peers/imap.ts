/**
 * `npm run bench:imap-peers`: IMAP, ours beside Debian's Dovecot in one run. Each case is done by turns (ABAB…) with the same generator, this process;
 * the servers are processes of their own, and their CPU and memory is all that counts as theirs. Prints what each was configured to do and a table.
 */
import { chmodSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ends, runToTheEnd, say } from '../lib/ends.js'
import { latencyOf } from '../lib/figures.js'
import { buildFlushCounter } from '../lib/flush.js'
import { type Machine, machineOf, machineText } from '../lib/machine.js'
import { countOf, list, oneOf, parseOptions, secondsOf, sizeOf } from '../lib/options.js'
import { checkPlaces } from '../lib/places.js'
import { writeResults } from '../lib/results.js'
import { rate } from '../lib/table.js'
import { readUsage, usageBetween } from '../lib/usage.js'
import { DOVECOT_STORES, noDovecot } from './dovecot.js'
import { type ImapPeer, startPeers } from './imap/peer.js'
import type { ImapCase, ImapScenario, ImapWish } from './imap/scenario.js'
import { SCENARIOS } from './imap/scenarios.js'
import { type CaseResult, HEAD, linesOf, rowsOf, type Turn } from './imap/table.js'

const OPTIONS = {
  scenario: { type: 'string', default: SCENARIOS.map(({ name }) => name).join(',') },
  store: { type: 'string', default: 'mbox,maildir' },
  sessions: { type: 'string', default: '1,20' },
  size: { type: 'string', default: '4KB,50KB' },
  seconds: { type: 'string', default: '5' },
  rounds: { type: 'string', default: '3' },
  messages: { type: 'string', default: '100000' },
  idle: { type: 'string', default: '2000' },
  workers: { type: 'string', default: '2' },
  only: { type: 'string' },
  before: { type: 'string' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const HELP = `npm run bench:imap-peers -- [options]     as root, with Debian's dovecot-imapd and dovecot-lmtpd

  --scenario A,B     of these, all of them by default:
${SCENARIOS.map(({ name, asks }) => `      ${name.padEnd(15)} ${asks}\n`).join('')}
  --store A,B        Dovecot's stores, of ${DOVECOT_STORES.join(', ')} (mbox,maildir)
  --rounds N         turns of each case (3); --seconds N each where a turn has no other end (5)
  --messages N       in the large mailbox (100000)
  --sessions N,M  --size 4KB,50KB     of append;   --idle N     silent connections (2000)
  --workers N        of ours (2);   --only posthouse|dovecot;   --before CLONE     another clone of ours, built
  --folder DIR  --json FILE  --profile DIR
`

/** CPU that has fallen by less stands still. */
const STEADY = 0.95

async function main(): Promise<void> {
  const { values } = parseOptions({ options: OPTIONS })
  if (values.help) return void process.stdout.write(HELP)
  const only = values.only === undefined ? undefined : oneOf('--only', ['posthouse', 'dovecot'])(values.only)
  const stores = only === 'posthouse' ? [] : list(values.store, oneOf('--store', DOVECOT_STORES))
  const wish = wishOf(values)
  checkPlaces(values)
  const rounds = countOf('--rounds', 1, 1000)(values.rounds)
  const workers = countOf('--workers', 1, 64)(values.workers)
  const scenarios = scenariosOf(values.scenario)
  const why = stores.length === 0 ? undefined : noDovecot()
  if (why !== undefined) throw new Error(why)
  const folder = mkdtempSync(join(values.folder, 'posthouse-bench-imap-'))
  // Dovecot's processes give root up.
  chmodSync(folder, 0o755)
  ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  const counter = buildFlushCounter(folder)
  const peers = await startPeers({
    folder,
    stores,
    workers,
    ours: only !== 'dovecot',
    before: values.before,
    profile: values.profile,
    flushLibrary: 'library' in counter ? counter.library : undefined,
    ends: end => ends.push(end),
  })
  const machine = machineOf(folder)
  const about = [machineText(machine), ...peers.map(one => one.about), GENERATOR, '']
  process.stdout.write(about.join('\n'))
  const results = await all(scenarios, peers, wish, rounds)
  process.stdout.write(`load of the machine at the end: ${loadText()}\n`)
  if (values.json !== undefined) write(values.json, { machine, peers, results, settings: values })
}

const GENERATOR =
  'generator: one Node process on the same machine, a command at a time in each session, clear text on loopback; by turns'

function scenariosOf(text: string): ImapScenario[] {
  const names = list(
    text,
    oneOf(
      '--scenario',
      SCENARIOS.map(one => one.name),
    ),
  )
  return names.map(name => SCENARIOS.find(one => one.name === name)!)
}

function wishOf(values: Readonly<Record<'seconds' | 'sessions' | 'size' | 'messages' | 'idle', string>>): ImapWish {
  return {
    seconds: secondsOf(values.seconds),
    sessions: list(values.sessions, countOf('--sessions', 1, 20_000)),
    sizes: list(values.size, sizeOf),
    messages: countOf('--messages', 1, 10_000_000)(values.messages),
    idle: countOf('--idle', 1, 100_000)(values.idle),
  }
}

async function all(
  scenarios: readonly ImapScenario[],
  peers: readonly ImapPeer[],
  wish: ImapWish,
  rounds: number,
): Promise<CaseResult[]> {
  if (scenarios.some(({ large }) => large)) await fill(peers, wish.messages)
  const results: CaseResult[] = []
  process.stdout.write(HEAD)
  for (const scenario of scenarios)
    for (const one of scenario.cases(wish)) {
      say(` ${scenario.name} ${one.name}:`)
      const turns = await measured(one, peers, rounds)
      say('\n')
      const result = { scenario: scenario.name, case: one.name, unit: scenario.unit, turns }
      process.stdout.write(linesOf(result))
      results.push(result)
    }
  return results
}

async function fill(peers: readonly ImapPeer[], messages: number): Promise<void> {
  for (const peer of peers) {
    const began = performance.now()
    await peer.fill(messages)
    say(` ${peer.name}: ${messages} messages filled in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  }
}

async function measured(
  one: ImapCase,
  peers: readonly ImapPeer[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Turn[]>> {
  const turns = new Map<string, Turn[]>(peers.map(({ name }) => [name, []]))
  for (const peer of peers) await warmUp(one, peer)
  for (let round = 0; round < (one.once ? 1 : rounds); round++) {
    for (const peer of peers) {
      const turn = await turnOf(one, peer, round)
      say(` ${peer.name} ${rate(turn.perSecond)}/s`)
      if (turn.errors.length > 0) say(` (${turn.errors.join('; ')})`)
      turns.get(peer.name)!.push(turn)
    }
  }
  return turns
}

/** Servers run for weeks, and a fresh Node process compiles for a minute what is used often. */
async function warmUp(one: ImapCase, peer: ImapPeer): Promise<void> {
  const { warm = 0, warmCount = 0 } = one
  let [best, since, done] = [Number.POSITIVE_INFINITY, 0, 0]
  for (let at = 0; at < warm && (since < 2 || done < warmCount); at++) {
    const { cpu = 0, count } = await turnOf(one, peer, -1 - at)
    done += count
    since = cpu < best * STEADY ? 0 : since + 1
    best = Math.min(best, cpu)
  }
}

async function turnOf(one: ImapCase, peer: ImapPeer, round: number): Promise<Turn> {
  const before = readUsage(peer.group)
  const flushesBefore = peer.flushes?.read().calls
  const drive = await one.turn(peer, round)
  const flushes = peer.flushes?.read().calls
  const { cpuMs, anonymousBytes } = usageBetween(before, readUsage(peer.group))
  const latency = latencyOf(Float64Array.from(drive.latencies))
  return {
    perSecond: (drive.count * 1000) / drive.elapsedMs,
    count: drive.count,
    errors: drive.errors,
    ...(cpuMs !== undefined && { cpu: cpuMs / drive.count }),
    ...(anonymousBytes !== undefined && { bytes: anonymousBytes }),
    ...(latency && { latency }),
    ...(drive.bytesEach !== undefined && { bytesEach: drive.bytesEach }),
    ...(drive.commands && { commands: drive.commands }),
    ...(flushes !== undefined && flushesBefore !== undefined && { flushes: (flushes - flushesBefore) / drive.count }),
  }
}

function loadText(): string {
  return loadavg()
    .map(one => one.toFixed(1))
    .join(' ')
}

interface Run {
  readonly machine: Machine
  readonly peers: readonly ImapPeer[]
  readonly results: readonly CaseResult[]
  readonly settings: object
}

function write(file: string, { machine, peers, results, settings }: Run): void {
  const about = peers.map(one => one.about)
  writeResults(file, { at: new Date().toISOString(), machine, settings, about, rows: results.flatMap(rowsOf) })
}

runToTheEnd(main)
