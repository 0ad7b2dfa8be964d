/**
 * `npm run bench:recipients`: what a message to many mailboxes of ours costs. It is stored once and filed in one commit, so flushes and octets written
 * should not grow with the recipients but for what each copy has of its own. It has no reference to compare with. The table goes to stdout.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Instance } from '../test/harness/instance.js'
import { sendOctets } from '../test/harness/send-mail.js'
import { commandLine } from './lib/command-line.js'
import { ends, runToTheEnd } from './lib/ends.js'
import { median } from './lib/figures.js'
import { buildFlushCounter, FlushCounter } from './lib/flush.js'
import { countOf } from './lib/options.js'

const { given: MOST } = commandLine({
  help: 'npm run bench:recipients [-- MOST]     1, 10, 100, 1000 mailboxes, as far as MOST (1000) goes\n',
  read: word => countOf('most', 1, 1000)(word ?? '1000'),
})
const TURNS = 10
const KB = 1024
/** Of /proc: a hundred a second. */
const TICK_MS = 10
let sent = 0
const address = (at: number): string => `u${at}@example.test`

const folder = mkdtempSync(join(tmpdir(), 'posthouse-recipients-'))
const built = buildFlushCounter(folder)
const flushes = 'why' in built ? undefined : new FlushCounter(built.library, join(folder, 'flushes'))
ends.push(() => rm(folder, { recursive: true, force: true }))
const making = Instance.make({
  users: [[address(0), 'secret']],
  server: { limits: { recipients: 1000 } },
  ...(flushes && { run: { env: flushes.env } }),
})
ends.push(async () => (await making).destroy())
let instance: Instance

runToTheEnd(async () => {
  instance = await making
  cloneAccounts(join(instance.dataDir, 'accounts.json'))
  await instance.start()
  // Mailboxes are made with the first mail, and the filter reads its rules with the first messages.
  for (let i = 0; i < 3; i += 1) await send(MOST, 4 * KB)
  console.log(
    '| recipients | size | ms until 250, median | CPU, ms | of it a recipient | flushes | octets written, KB |',
  )
  console.log('|---|---|---|---|---|---|---|')
  for (const size of [4 * KB, 1024 * KB])
    for (const recipients of [1, 10, 100, 1000].filter(count => count <= MOST))
      console.log(await measured(recipients, size))
})

/** The same password for all. */
function cloneAccounts(path: string): void {
  const file = JSON.parse(readFileSync(path, 'utf8')) as { accounts: { id: string }[] }
  const [first] = file.accounts
  file.accounts = Array.from({ length: MOST }, (_, at) => ({
    ...first!,
    id: `${first!.id}${at}`,
    login: address(at),
    addresses: [address(at)],
  }))
  writeFileSync(path, JSON.stringify(file), { mode: 0o600 })
}

async function measured(recipients: number, size: number): Promise<string> {
  const times: number[] = []
  const pids = await instance.pids()
  const [cpu, flushed] = [cpuMs(pids), flushes?.read()]
  for (let turn = 0; turn < TURNS; turn += 1) times.push(await send(recipients, size))
  const used = (cpuMs(pids) - cpu) / TURNS
  const now = flushes?.read()
  const each = (what: 'calls' | 'fileBytes', by: number): string =>
    now === undefined || flushed === undefined ? '?' : ((now[what] - flushed[what]) / TURNS / by).toFixed(1)
  const figures = [
    recipients,
    `${size / KB} KB`,
    median(times).toFixed(1),
    used.toFixed(1),
    (used / recipients).toFixed(3),
    each('calls', 1),
    each('fileBytes', KB),
  ]
  return `| ${figures.join(' | ')} |`
}

/** How long it took from the first command to the 250. */
async function send(recipients: number, size: number): Promise<number> {
  sent += 1
  const to = Array.from({ length: recipients }, (_, at) => address(at))
  const header = `From: <carol@world.test>\r\nSubject: number ${sent}\r\nMessage-ID: <${sent}@bench.test>\r\n\r\n`
  const octets = Buffer.from(header + `${'x'.repeat(70)}\r\n`.repeat(Math.ceil(size / 72)))
  const begun = performance.now()
  await sendOctets(instance.ports.mx, { from: 'carol@world.test', to, octets })
  return performance.now() - begun
}

/** User and system time of all threads, from Linux's /proc. */
function cpuMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
    return sum + (Number(fields[11]) + Number(fields[12])) * TICK_MS
  }, 0)
}
