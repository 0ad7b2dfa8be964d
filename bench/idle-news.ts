/**
 * `npm run bench:idle`: how soon a client that idles in one worker hears of a message that comes in by the other. Measured from the answer to the
 * one who brought it (it is on disk then) and from the sending of it. It has no reference to compare with. The table goes to stdout.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Instance } from '../test/harness/instance.js'
import { commandLine } from './lib/command-line.js'
import { ends, runToTheEnd } from './lib/ends.js'
import { countOf } from './lib/options.js'

const { given: MESSAGES } = commandLine({
  help: 'npm run bench:idle [-- MESSAGES]     so many (300) that eight clients hear of\n',
  read: word => countOf('messages', 1, 100_000)(word ?? '300'),
})
const IDLERS = 8
const MESSAGE = 'Subject: x\r\n\r\nx\r\n'

const making = Instance.make({
  server: { workers: 2 },
  users: [['ann', 'secret']],
  plugins: { imap: { cleartext_auth: true } },
})
ends.push(async () => (await making).destroy())
let instance: Instance
let workers: readonly number[] = []

class Talker {
  private readonly socket: Socket
  private held = ''
  private onLine: (line: string, at: number) => void = () => undefined

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', data => {
      const at = performance.now()
      const lines = (this.held + data.toString('latin1')).split('\r\n')
      this.held = lines.pop()!
      for (const line of lines) this.onLine(line, at)
    })
  }

  /** When the line came. */
  heard(pattern: RegExp): Promise<number> {
    return new Promise(done => {
      this.onLine = (line, at) => {
        if (pattern.test(line)) done(at)
      }
    })
  }

  say(text: string, pattern: RegExp): Promise<number> {
    const heard = this.heard(pattern)
    this.socket.write(`${text}\r\n`)
    return heard
  }

  /** The worker at the other end. */
  get worker(): number | undefined {
    const port = `:${this.socket.localPort!.toString(16).toUpperCase().padStart(4, '0')}`
    const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n')
    const inode = rows.map(row => row.trim().split(/\s+/)).find(fields => fields[2]?.endsWith(port))?.[9]
    const mine = (pid: number) =>
      readdirSync(`/proc/${pid}/fd`).some(fd => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)
    return workers.find(mine)
  }
}

/** A file that has just been closed has none. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** To any worker but the one that sleeps meanwhile. */
async function join(not?: number): Promise<Talker> {
  if (not !== undefined) process.kill(not, 'SIGSTOP')
  const talker = new Talker(instance.ports.imap)
  await talker.heard(/^\* OK/)
  if (not !== undefined) process.kill(not, 'SIGCONT')
  await talker.say('a LOGIN ann@example.test secret', /^a OK/)
  return talker
}

runToTheEnd(async () => {
  instance = await making
  await instance.start()
  workers = (await instance.pids()).slice(1)
  const sender = await join()
  const bringing = sender.worker!
  const idlers: Talker[] = []
  for (let at = 0; at < IDLERS; at++) {
    const idler = await join(bringing)
    await idler.say('b SELECT INBOX', /^b OK/)
    await idler.say('c IDLE', /^\+/)
    if (idler.worker !== bringing) idlers.push(idler)
  }

  const fromAnswer: number[] = []
  const fromSending: number[] = []
  for (let at = 0; at < MESSAGES; at++) {
    const news = idlers.map(idler => idler.heard(/EXISTS/))
    const sent = performance.now()
    const answered = await sender.say(
      `n${at} APPEND INBOX {${MESSAGE.length}+}\r\n${MESSAGE}`,
      new RegExp(`^n${at} OK`),
    )
    for (const heard of await Promise.all(news)) {
      fromAnswer.push(heard - answered)
      fromSending.push(heard - sent)
    }
    await sleep(20 + (at % 7) * 5)
  }

  const part = (sorted: readonly number[], share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1)
  for (const [what, times] of [
    ['from the answer', fromAnswer],
    ['from the sending', fromSending],
  ] as const) {
    const sorted = times.toSorted((a, b) => a - b)
    const figures = [0.5, 0.9, 0.99, 1].map(
      (share, at) => `${['p50', 'p90', 'p99', 'most'][at]} ${part(sorted, share)} ms`,
    )
    process.stdout.write(`${what}, ${times.length} times, ${idlers.length} clients: ${figures.join(', ')}\n`)
  }
})
