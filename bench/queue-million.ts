/**
 * `npm run bench:queue`: a queue of a million recipients over 50,000 domains. How long it takes to put them in, whether a claim costs more as the
 * queue grows, how long a server takes to start on it and what it needs, and what the commands take that people use to look at it.
 * It has no reference to compare with: what counts is that figures do not grow with the queue. Progress goes to stderr, the table to stdout.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import type { NewRow } from '../core/api/index.js'
import { createLmdbStore, type LmdbStore } from '../plugins/store-lmdb/store.js'
import { answers, freeBase, OFFSETS } from '../test/harness/ports.js'
import { commandLine } from './lib/command-line.js'
import { ends, runToTheEnd } from './lib/ends.js'
import { median } from './lib/figures.js'
import { machineOf } from './lib/machine.js'
import { oneOf } from './lib/options.js'
import { checkPlaces } from './lib/places.js'
import { type Measure, writeResults } from './lib/results.js'
import { ROOT } from './lib/root.js'

const MAIN = join(ROOT, 'dist/core/main.js')
/** How many lie in the queue when claims are measured. */
const STEPS = ['1000', '10000', '100000', '1000000'] as const
const HELP = `npm run bench:queue [-- ROWS] [--json FILE]     ROWS: ${STEPS.join(', ')} (the last); some minutes\n`
const { given, values } = commandLine({
  help: HELP,
  options: { json: { type: 'string' } },
  read: word => oneOf('rows', STEPS)(word ?? STEPS.at(-1)!),
})
const ROWS = Number(given)
const DOMAINS = 50_000
const ROWS_EACH = 10
/** Acceptances under way at once; they share commits. */
const AT_ONCE = 500
const BODY = Buffer.from(`Subject: bench\r\n\r\n${'x'.repeat(1000)}\r\n`)
const SENDER = { local: 'sender', domain: 'bench.test' }
const CLAIMS = 40

const say = (text: string): void => void process.stderr.write(`${text}\n`)
const table: (readonly [string, string])[] = []
const measures: Measure[] = []
const keep = (name: string, value: number, unit: string): void => void measures.push({ name, value, unit })
const note = (what: string, figure: string): void => {
  table.push([what, figure])
  say(`${what}: ${figure}`)
}

function rowsOf(message: number, due: number): NewRow[] {
  return Array.from({ length: ROWS_EACH }, (_, number) => {
    const domain = `d${(message * 7919 + number * 4999) % DOMAINS}.test`
    const to = { local: `user${number}`, domain }
    const place = { target: 'mx', lane: domain, detail: {}, prefix: '' }
    const common = { row: number, to, original: to, dsn: { notify: [] }, priority: 0 }
    return { ...common, ...place, due, expires: due + 5 * 86_400_000 }
  })
}

async function accept(store: LmdbStore, message: number, rows: readonly NewRow[]): Promise<void> {
  const id = `m${String(message).padStart(8, '0')}`
  const facts = { cuts: [], sender: SENDER, utf8: false, bodyType: '8BITMIME', origin: { helo: 'bench.test' } } as const
  // Spread over five days, as what is put off is.
  const received = Date.now() - (message % 7200) * 60_000
  await store.accept({
    message: { id, body: { kind: 'memory', bytes: BODY }, received, ...facts },
    rows,
    filings: [],
    trail: [],
  })
}

/** Fills up to so many rows that wait for tomorrow; resolves to seconds. */
async function fill(store: LmdbStore, from: number, to: number): Promise<number> {
  const began = performance.now()
  const due = Date.now() + 86_400_000
  for (let message = from / ROWS_EACH; message < to / ROWS_EACH; message += AT_ONCE) {
    const count = Math.min(AT_ONCE, to / ROWS_EACH - message)
    await Promise.all(Array.from({ length: count }, (_, at) => accept(store, message + at, rowsOf(message + at, due))))
  }
  return (performance.now() - began) / 1000
}

/** Median milliseconds of a claim of 20 jobs among so many rows, and of its settling. */
async function claimCost(store: LmdbStore, round: number): Promise<readonly [claim: number, settle: number]> {
  const base = 50_000_000 + round * 1000
  for (let at = 0; at < CLAIMS * 2; at++) await accept(store, base + at, rowsOf(base + at, Date.now() - 1000))
  const [claims, settles]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < CLAIMS; turn++) {
    const before = performance.now()
    const jobs = await store.queue.claim({ now: Date.now(), leaseMs: 600_000, max: 20, perLane: 5 })
    const between = performance.now()
    const done = jobs.map(({ token, rows }) => {
      return store.queue.settle(
        token,
        rows.map(({ row }) => ({ kind: 'done', row })),
      )
    })
    await Promise.all(done)
    claims.push(between - before)
    settles.push(performance.now() - between)
  }
  return [median(claims), median(settles)]
}

async function growing(store: LmdbStore): Promise<void> {
  let [filled, seconds] = [0, 0]
  for (const [round, rows] of STEPS.map(Number)
    .filter(rows => rows <= ROWS)
    .entries()) {
    seconds += await fill(store, filled, rows)
    filled = rows
    const [claim, settle] = await claimCost(store, round)
    keep(`claim of 20 jobs among ${rows} rows`, claim, 'ms')
    keep(`settling of 20 jobs among ${rows} rows`, settle, 'ms')
    note(`claim of 20 jobs among ${rows} rows`, `${claim.toFixed(1)} ms, settling them ${settle.toFixed(1)} ms`)
  }
  keep('seconds for each million rows put in', (seconds * 1e6) / filled, 's')
  note('acknowledged, on disk', `${filled} rows in ${seconds.toFixed(0)} s, ${Math.round(filled / seconds)} rows/s`)
}

/** The longest and the median of five runs of a command. */
function command(folder: string, ...args: readonly string[]): void {
  const times = Array.from({ length: 5 }, () => {
    const began = performance.now()
    execFileSync(process.execPath, [MAIN, ...args, '--config', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
    return performance.now() - began
  })
  keep(`posthouse ${args.join(' ')}`, median(times), 'ms')
  note(
    `posthouse ${args.join(' ')}`,
    `${(median(times) / 1000).toFixed(2)} s (the longest ${(Math.max(...times) / 1000).toFixed(2)} s)`,
  )
}

async function serve(folder: string, port: number): Promise<void> {
  const began = performance.now()
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', folder], { stdio: 'ignore', detached: true })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(done => child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
  ends.push(stop)
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() - began > 120_000)
        throw new Error('the server does not open its port')
      await sleep(20)
    }
    keep('start of a server on it', performance.now() - began, 'ms')
    note('start of a server on it', `${((performance.now() - began) / 1000).toFixed(2)} s until port 25 answers`)
    await sleep(3000)
    const kilobytes = processesOf(child.pid!).map(pid => anonymousOf(pid))
    const all = kilobytes.reduce((sum, one) => sum + one, 0)
    keep('memory of supervisor and workers', all / 1024, 'MB')
    note('memory of supervisor and worker', kilobytes.map(size => `${Math.round(size / 1024)} MB`).join(', '))
    command(folder, 'queue', 'ls', '--limit', '20')
    command(folder, 'queue', 'shape')
    command(folder, 'queue', 'audit')
  } finally {
    await stop()
  }
}

function processesOf(parent: number): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return [parent, ...children.map(Number)]
}

/** Without the pages of the store, which belong to the file. */
function anonymousOf(pid: number): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

async function main(): Promise<void> {
  checkPlaces({ folder: tmpdir(), json: values.json })
  const parent = mkdtempSync(join(process.env.POSTHOUSE_BENCH_FOLDER ?? tmpdir(), 'posthouse-million-'))
  const folder = join(parent, 'config')
  ends.push(() => rm(parent, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  const base = await freeBase()
  execFileSync(process.execPath, [MAIN, 'init', folder, '--domain', 'bench.test', '--base-port', String(base)])
  const { data } = parse(readFileSync(join(folder, 'server.yaml'), 'utf8')) as { readonly data: string }
  const path = join(resolve(folder, data), 'mail.lmdb')
  const store = createLmdbStore({ path })
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => (closed ??= store.close())
  ends.push(close)
  await growing(store)
  await close()
  keep('the file', statSync(path).size / ROWS, 'octets a row')
  note(
    'the file',
    `${Math.round(statSync(path).size / 1024 ** 2)} MB, ${Math.round(statSync(path).size / ROWS)} octets a row`,
  )
  command(folder, '--version')
  await serve(folder, base + OFFSETS.mx)
  const width = Math.max(...table.map(([what]) => what.length))
  for (const [what, figure] of table) process.stdout.write(`${what.padEnd(width)}  ${figure}\n`)
  const about = { at: new Date().toISOString(), machine: machineOf(parent), settings: { rows: ROWS } }
  if (values.json !== undefined) writeResults(values.json, { ...about, rows: [], measures })
}

runToTheEnd(main)
