/**
 * idle-smtp: thousands of clients that have greeted one worker and then keep silent. A "message" is one such connection; what counts is
 * what each costs in memory while it waits: more than 16 KB is an error. As many as the limit of open files allows, and on loopback only.
 */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Load } from '../lib/figures.js'
import { Posthouse } from '../lib/posthouse.js'
import type { Scenario, Side, Stage } from '../lib/scenario.js'
import { startReference } from '../lib/smtp-stage.js'
import { readUsage } from '../lib/usage.js'

const CONNECTIONS = 10_000
const MOST_BYTES = 16 * 1024
/** Connections under way at once: below the backlog of a listener. */
const AT_ONCE = 200
/** Before memory is looked at: what opening left behind may be collected. */
const REST_MS = 1500
/** Files the processes need beside the connections. */
const OTHER_FILES = 500
const CONNECT_MS = 20_000

export const idleSmtp: Scenario = {
  name: 'idle-smtp',
  onRequest: true,
  asks: 'What does a silent SMTP connection cost, with ten thousand of them on one worker (at most 16 KB each)?',
  variants: ['greeted'],
  usual: [{ variant: 'greeted', sessions: CONNECTIONS, size: 0 }],
  async open(_variant, _cases, setting): Promise<Stage> {
    const most = CONNECTIONS * 2
    const server = {
      limits: { connections: most, connections_total: most, command_timeout: '10m' },
      log: { level: 'warn' },
    }
    const { profile: profileFolder } = setting.args
    const posthouse = setting.keep(
      await Posthouse.start({ parent: setting.folder, workers: 1, users: [], server, profileFolder }),
      one => one.stop(),
    )
    const reference = await startReference(setting, { kind: 'file', folder: join(setting.folder, 'reference') })
    return {
      ours: { group: posthouse.group, drive: holder(posthouse.group, posthouse.ports.mx, MOST_BYTES) },
      reference: {
        group: reference.group,
        drive: holder(reference.group, reference.ports[0]!, Number.POSITIVE_INFINITY),
      },
      probe: async () => ({ kind: 'not checked', why: 'nothing is written' }),
    }
  },
}

/**
 * Memory is judged once, while the process is fresh: from a fifth of the connections to all of them, so that neither what it needs
 * anyway nor what earlier rounds left behind counts.
 */
function holder(group: number, port: number, mostBytes: number): Side['drive'] {
  let verdict: readonly string[] | undefined
  return async ({ sessions }: Case): Promise<Load> => {
    const count = Math.min(sessions, openFiles() - OTHER_FILES)
    const crowd = new Crowd(port, count)
    try {
      const first = Math.floor(count / 5)
      await crowd.growTo(first)
      const some = await memory(group, verdict)
      await crowd.growTo(count)
      const all = await memory(group, verdict)
      if (some !== undefined && all !== undefined) verdict = judge((all - some) / (count - first), count, mostBytes)
      const { latencies, elapsedMs, errors } = crowd
      return { messages: count, bytes: 0, elapsedMs, latencies, errors: [...errors, ...(verdict ?? [])] }
    } finally {
      await crowd.leave()
    }
  }
}

async function memory(group: number, verdict: unknown): Promise<number | undefined> {
  if (verdict !== undefined) return undefined
  await sleep(REST_MS)
  return readUsage(group)?.anonymousBytes
}

function judge(bytesEach: number, count: number, mostBytes: number): readonly string[] {
  const each = `${(bytesEach / 1024).toFixed(1)} KB`
  process.stderr.write(`  ${each} for each of ${count} connections\n`)
  return bytesEach > mostBytes ? [`an idle connection costs ${each}`] : []
}

class Crowd {
  readonly latencies: Float64Array
  readonly errors: string[] = []
  elapsedMs = 0
  readonly #port: number
  readonly #sockets: Socket[] = []
  #next = 0

  constructor(port: number, most: number) {
    this.#port = port
    this.latencies = new Float64Array(most)
  }

  async growTo(count: number): Promise<void> {
    const started = performance.now()
    const open = async () => {
      while (this.#next < count && this.errors.length < 5) {
        const at = this.#next++
        const began = performance.now()
        await greet(this.#port, this.#sockets).catch((error: Error) => this.errors.push(error.message))
        this.latencies[at] = performance.now() - began
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, open))
    this.elapsedMs += performance.now() - started
  }

  async leave(): Promise<void> {
    await Promise.all(this.#sockets.map(gone))
  }
}

/** Resolves when EHLO was answered to its end. */
function greet(port: number, sockets: Socket[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    sockets.push(socket)
    const fail = (why: string) => {
      clearTimeout(timer)
      reject(new Error(why))
    }
    const timer = setTimeout(() => fail('no greeting in time'), CONNECT_MS)
    let text = ''
    socket.on('error', error => fail(error.message))
    socket.on('close', () => fail('closed'))
    socket.on('data', chunk => {
      const greeted = text.startsWith('220 ')
      text += chunk.toString('latin1')
      if (!greeted && text.startsWith('220 ')) socket.write('EHLO bench.test\r\n')
      if (/^250 .*\r\n$/m.test(text)) {
        clearTimeout(timer)
        text = ''
        resolve()
      } else if (/^[45]/.test(text)) fail(text.slice(0, 80))
    })
  })
}

function gone(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve()).destroy()
  })
}

function openFiles(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}
