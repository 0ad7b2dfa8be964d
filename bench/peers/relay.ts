/**
 * Relaying, ours beside Postfix in one run: accept by SMTP, 250 when the message is on disk, deliver to Postfix's smtp-sink on loopback; the
 * client is Postfix's smtp-source. Both get the same number of messages by turns (ABAB…), and a turn lasts from the first
 * connection until the sink has counted all of them. Prints a table; what each was configured to do stands above it.
 */
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freeBase } from '../../test/harness/ports.js'
import { program } from '../../test/harness/shared.js'
import { ends, runToTheEnd, say } from '../lib/ends.js'
import { median } from '../lib/figures.js'
import { buildFlushCounter, type FlushCounter } from '../lib/flush.js'
import { machineOf, machineText } from '../lib/machine.js'
import { countOf, list, oneOf, parseOptions, sizeOf } from '../lib/options.js'
import { checkPlaces } from '../lib/places.js'
import { Posthouse } from '../lib/posthouse.js'
import { type ServerRow, writeResults } from '../lib/results.js'
import { CONTENT_FILTER } from '../lib/scenario.js'
import { figure, rate, sizeName } from '../lib/table.js'
import { readStat, readUsage, usageBetween } from '../lib/usage.js'
import { ABOUT_HARAKA, installed, startHaraka } from './haraka.js'
import { noPostfix, startPostfix } from './postfix.js'
import { CountingSink } from './sink.js'

const DOMAIN = 'sink.test'
/** Deliveries at once to one host, and in all: Postfix's defaults; ours are for each worker. */
const AT_ONCE = 20
const IN_ALL = 100
/** After the sink has counted all: what is still to be settled is of this turn. */
const SETTLE_MS = 400
/**
 * Servers run for weeks. A fresh Node process needs a minute of load until its CPU per message stands still, and once more for messages of another
 * size (what is compiled for the first size meets other paths, heap and file grow): turns are made until it has not fallen by this part for some turns,
 * or as often as `--warm` says. Once for each size, with new connections and with kept ones.
 */
const WARM_TURN = 6000
const STEADY = 0.02
const STEADY_TURNS = 5
const TURN_MS = 180_000

const FAIR = [
  `both: relay for 127.0.0.0/8; one next host, smtp-sink, by a fixed route; ${AT_ONCE} deliveries at once to it, ${IN_ALL} in all (Postfix's defaults); no TLS,`,
  '      no name service, no content filter; log to a file; 250 after the message is flushed; data on the same disk',
  'Postfix: as Debian ships it, but no pause between intake and delivery (in_flow_delay), a process for each session, no limits of clients',
  'Posthouse: as `posthouse init` makes it, without the content filter (origin, look-alikes, reputation and the spam plugins), no limit of connections',
]

interface Peer {
  readonly name: string
  readonly port: number
  readonly group: number
  readonly flushes: FlushCounter | undefined
}

/** One turn of one peer. */
interface Turn {
  readonly perSecond: number
  /** Milliseconds of CPU per message, so seconds per 1,000: of the server's processes, and of client and sink. */
  readonly cpu: number
  readonly others: number
  readonly flushes?: number
  /** Until the client had its last 250. */
  readonly acceptedPerSecond: number
}

interface Result {
  readonly sessions: number
  readonly size: number
  readonly kept: boolean
  readonly messages: number
  readonly turns: ReadonlyMap<string, readonly Turn[]>
}

const OPTIONS = {
  sessions: { type: 'string', default: '20,100' },
  size: { type: 'string', default: '4KB,50KB' },
  connections: { type: 'string', default: 'new,kept' },
  messages: { type: 'string', default: '3000' },
  rounds: { type: 'string', default: '5' },
  workers: { type: 'string', default: '2' },
  only: { type: 'string' },
  haraka: { type: 'string' },
  before: { type: 'string' },
  /** Turns at most, before it is measured; few say how things work, and not how fast. */
  warm: { type: 'string', default: '20' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

const HELP = `npm run bench -- peers relay [options]     as root, with Debian's postfix

  --haraka fetch|DIR    Haraka takes part: fetched by npm into the bench's own folder, or installed in DIR
  --connections new,kept     a connection for each message, or kept ones;   --sessions 20,100   --size 4KB,50KB
  --messages N          of each turn (3000);   --rounds N   turns of each server (5);   --warm N   turns at most before that (20)
  --workers N           of ours and of Haraka (2);   --only posthouse|postfix;   --before CLONE   another clone of ours, built
  --folder DIR  --json FILE  --profile DIR
`

async function main(): Promise<void> {
  const { values } = parseOptions({ options: OPTIONS })
  if (values.help) return void process.stdout.write(HELP)
  const wish = wishOf(values)
  checkPlaces(values)
  const why = wish.only === 'posthouse' ? undefined : noPostfix()
  if (why !== undefined) throw new Error(why)
  const folder = mkdtempSync(join(values.folder, 'posthouse-bench-peers-'))
  // Postfix's processes give root up.
  chmodSync(folder, 0o755)
  ends.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  const base = await freeBase()
  const sink = await CountingSink.start(base + 1)
  ends.push(() => sink.stop())
  const peers = await startPeers(folder, base, sink.port, wish)
  const machine = machineOf(folder)
  const others = wish.haraka === undefined ? [] : [ABOUT_HARAKA]
  const about = [...FAIR, ...others, `Posthouse has ${wish.workers} workers`]
  process.stdout.write(`${[machineText(machine), ...about].join('\n')}\n\n`)
  const startedAt = new Date().toISOString()
  const results: Result[] = []
  process.stdout.write(HEAD)
  for (const kept of wish.kept) {
    for (const size of wish.sizes) {
      for (const peer of peers) await warmUp(peer, sink, { kept, size, most: wish.warm })
      for (const sessions of wish.sessions) {
        const one = { sessions, size, kept, messages: wish.messages }
        const result = await measured(peers, sink, one, wish.rounds)
        process.stdout.write(linesOf(result))
        results.push(result)
      }
    }
  }
  process.stdout.write(
    `load of the machine at the end: ${loadavg()
      .map(one => one.toFixed(1))
      .join(' ')}\n`,
  )
  if (values.json !== undefined)
    writeResults(values.json, { at: startedAt, machine, settings: values, about, rows: results.flatMap(rowsOf) })
}

type Values = Readonly<
  Record<'sessions' | 'size' | 'connections' | 'messages' | 'rounds' | 'warm' | 'workers', string>
> &
  Partial<Readonly<Record<'only' | 'haraka' | 'before' | 'profile', string | undefined>>>

function wishOf(values: Values) {
  return {
    kept: list(values.connections, oneOf('--connections', ['new', 'kept'])).map(one => one === 'kept'),
    sessions: list(values.sessions, countOf('--sessions', 1, 20_000)),
    sizes: list(values.size, sizeOf),
    messages: countOf('--messages', 1, 1_000_000)(values.messages),
    rounds: countOf('--rounds', 1, 1000)(values.rounds),
    warm: countOf('--warm', 0, 1000)(values.warm),
    workers: countOf('--workers', 1, 64)(values.workers),
    only: values.only === undefined ? undefined : oneOf('--only', ['posthouse', 'postfix'])(values.only),
    /** `fetch`, or a folder where it is installed. */
    haraka: values.haraka,
    /** Another clone of ours, built: a peer too. */
    before: values.before,
    profile: values.profile,
  }
}

type Wish = ReturnType<typeof wishOf>

async function startPeers(
  folder: string,
  base: number,
  sinkPort: number,
  { only, before, workers, haraka, profile }: Wish,
): Promise<readonly Peer[]> {
  const counter = buildFlushCounter(folder)
  const flushLibrary = 'library' in counter ? counter.library : undefined
  const peers: Peer[] = []
  const spawned = (stop: () => Promise<void>): void => ends.push(stop)
  const ours = [
    ['Posthouse', undefined] as const,
    ...(before === undefined ? [] : [['before', resolve(before)] as const]),
  ]
  for (const [name, root] of only === 'postfix' ? [] : ours) {
    const posthouse = await Posthouse.start({
      parent: folder,
      workers: workers,
      users: [],
      without: CONTENT_FILTER,
      server: {
        trusted: ['127.0.0.0/8'],
        queue: { concurrency: Math.ceil(IN_ALL / workers), per_lane: Math.ceil(AT_ONCE / workers) },
      },
      plugins: { mx: { routes: { [DOMAIN]: `127.0.0.1:${sinkPort}` } } },
      flushLibrary,
      ...(root === undefined ? {} : { root }),
      profileFolder: profile,
      spawned: one => ends.push(() => one.stop()),
    })
    peers.push({ name, port: posthouse.ports.mx, group: posthouse.group, flushes: posthouse.flushes })
  }
  if (only !== 'posthouse') {
    const place = join(folder, 'postfix')
    mkdirSync(place)
    const postfix = await startPostfix({ folder: place, port: base + 2, sinkPort, flushLibrary, spawned })
    peers.push({ name: 'Postfix', port: base + 2, ...postfix })
  }
  if (haraka !== undefined) {
    const place = join(folder, 'haraka')
    mkdirSync(place)
    const options = { port: base + 3, nextHost: sinkPort, workers, flushLibrary, spawned }
    const server = await startHaraka({ folder: place, package: await installed(haraka, folder), ...options })
    peers.push({ name: 'Haraka', port: base + 3, ...server })
  }
  return peers
}

type WarmUp = Pick<Order, 'kept' | 'size'> & { readonly most: number }

async function warmUp(peer: Peer, sink: CountingSink, { kept, size, most }: WarmUp): Promise<void> {
  let [best, since] = [Number.POSITIVE_INFINITY, 0]
  for (let n = 0; n < most && since < STEADY_TURNS; n++) {
    const { cpu } = await turn(peer, sink, { sessions: 20, size, kept, messages: WARM_TURN })
    since = cpu < best * (1 - STEADY) ? 0 : since + 1
    best = Math.min(best, cpu)
    say(` ${peer.name} warms up at ${sizeName(size)}: CPU ${figure(cpu)} ms\n`)
  }
}

type Order = Pick<Result, 'sessions' | 'size' | 'kept' | 'messages'>

async function measured(peers: readonly Peer[], sink: CountingSink, order: Order, rounds: number): Promise<Result> {
  const turns = new Map<string, Turn[]>(peers.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      const one = await turn(peer, sink, order)
      say(` ${peer.name} ${rate(one.perSecond)}/s (CPU ${figure(one.cpu)} ms)`)
      turns.get(peer.name)!.push(one)
    }
  }
  say('\n')
  return { ...order, turns }
}

async function turn(peer: Peer, sink: CountingSink, order: Order): Promise<Turn> {
  const { messages } = order
  const before = readUsage(peer.group)
  const flushesBefore = peer.flushes?.read().calls
  const othersBefore = cpuOf(process.pid) + cpuOf(sink.pid)
  const began = performance.now()
  const since = () => performance.now() - began
  const [elapsedMs, acceptedMs] = await Promise.all([
    sink.until(sink.count + messages, TURN_MS).then(since),
    send(peer.port, order).then(since),
  ])
  await sleep(SETTLE_MS)
  const flushes = peer.flushes?.read().calls
  return {
    perSecond: (messages * 1000) / elapsedMs,
    acceptedPerSecond: (messages * 1000) / acceptedMs,
    cpu: (usageBetween(before, readUsage(peer.group)).cpuMs ?? Number.NaN) / messages,
    others: (cpuOf(process.pid) + cpuOf(sink.pid) - othersBefore) / messages,
    ...(flushes === undefined || flushesBefore === undefined ? {} : { flushes: (flushes - flushesBefore) / messages }),
  }
}

function send(port: number, { sessions, size, kept, messages }: Order): Promise<void> {
  const counts = ['-s', String(sessions), '-m', String(messages), '-l', String(size)]
  const names = ['-M', 'source.test', '-f', 'sender@source.test', '-t', `reader@${DOMAIN}`]
  const args = [...(kept ? ['-d'] : []), ...counts, ...names, `inet:127.0.0.1:${port}`]
  return new Promise((done, fail) => {
    execFile(program('smtp-source')!, args, { timeout: TURN_MS }, (error, _out, said) => {
      if (error === null) done()
      else fail(new Error(`smtp-source: ${said.slice(0, 300).trim() || error.message}`))
    })
  })
}

/** Of a process and of its children that have ended. */
function cpuOf(pid: number): number {
  return readStat(readFileSync(`/proc/${pid}/stat`, 'latin1')).cpuMs
}

const COLUMNS = [
  'connections',
  'sessions',
  'size',
  'server',
  'msg/s',
  '(turns)',
  'accepted/s',
  'CPU s/1,000',
  'with load',
  'flushes/msg',
  '× rate',
  '× CPU',
]
const WIDTHS = [11, 8, 6, 9, 7, 14, 10, 11, 9, 11, 6, 6]
const HEAD = lineOf(COLUMNS)

function lineOf(cells: readonly string[]): string {
  return `| ${cells.map((cell, at) => cell.padEnd(WIDTHS[at]!)).join(' | ')} |\n`
}

/** A line per peer; ratios are ours by that of the line, of the medians. */
function linesOf({ turns, ...order }: Result): string {
  const medians = [...turns].map(([name, list]) => ({ name, list, ...mediansOf(list) }))
  const [ours] = medians
  return medians
    .map(({ name, list, perSecond, acceptedPerSecond, cpu, others, flushes }, at) => {
      const rates = list.map(one => one.perSecond)
      const ratios =
        at === 0 || ours === undefined ? ['', ''] : [figure(ours.perSecond / perSecond), figure(ours.cpu / cpu)]
      return lineOf([
        order.kept ? 'kept' : 'new',
        String(order.sessions),
        sizeName(order.size),
        name,
        rate(perSecond),
        `(${rate(Math.min(...rates))}–${rate(Math.max(...rates))})`,
        rate(acceptedPerSecond),
        figure(cpu),
        figure(cpu + others),
        figure(flushes),
        ...ratios,
      ])
    })
    .join('')
}

function rowsOf({ turns, sessions, size, kept, messages }: Result): readonly ServerRow[] {
  return [...turns].map(([name, list]) => {
    const { perSecond, cpu, flushes } = mediansOf(list)
    return {
      scenario: 'relay',
      variant: kept ? 'kept connections' : 'new connections',
      sessions,
      size,
      ...(name !== 'Posthouse' && { server: name }),
      ours: {
        messages: messages * list.length,
        elapsedMs: list.reduce((sum, one) => sum + (messages * 1000) / one.perSecond, 0),
        messagesPerSecond: perSecond,
        bytesPerSecond: perSecond * size,
        cpuMsPerMessage: cpu,
        ...(flushes !== undefined && Number.isFinite(flushes) && { flushesPerMessage: flushes }),
        errors: [],
      },
      durable: { kind: 'not checked', why: 'how each was set up stands in about' },
    }
  })
}

function mediansOf(turns: readonly Turn[]): Turn {
  const of = (pick: (turn: Turn) => number) => median(turns.map(pick))
  return {
    perSecond: of(one => one.perSecond),
    acceptedPerSecond: of(one => one.acceptedPerSecond),
    cpu: of(one => one.cpu),
    others: of(one => one.others),
    flushes: of(one => one.flushes ?? Number.NaN),
  }
}

runToTheEnd(main)
