/** Thousands of connections that are opened a few hundred at a time and held: what the scenarios share that ask what a client costs that does little. */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'

/** Connections under way at once: below the backlog of a listener. */
const AT_ONCE = 200
/** Files the processes need beside the connections. */
const OTHER_FILES = 500
const CONNECT_MS = 60_000

/** What is said until a client is where it shall be: a line, sent when an answer has come that begins so. */
export type Script = readonly (readonly [answer: RegExp, line: string | undefined])[]

export class Crowd {
  readonly latencies: number[] = []
  readonly errors: string[] = []
  readonly sockets: Socket[] = []
  elapsedMs = 0
  readonly #port: number
  readonly #script: (at: number) => Script
  readonly #atOnce: number
  #next = 0

  constructor(port: number, script: (at: number) => Script, atOnce = AT_ONCE) {
    this.#port = port
    this.#script = script
    this.#atOnce = atOnce
  }

  async growTo(count: number): Promise<void> {
    const started = performance.now()
    const open = async (): Promise<void> => {
      while (this.#next < count && this.errors.length < 5) {
        const at = this.#next++
        const began = performance.now()
        await play(this.#port, this.#script(at), this.sockets).catch((error: Error) => this.errors.push(error.message))
        this.latencies.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: this.#atOnce }, open))
    this.elapsedMs += performance.now() - started
  }

  async leave(): Promise<void> {
    await Promise.all(this.sockets.map(gone))
  }
}

/** As many connections as this process and the server's may hold. */
export function mostConnections(wanted: number): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  return limit === 'unlimited' ? wanted : Math.min(wanted, Number(limit) - OTHER_FILES)
}

/** Resolves when the last answer of the script has come. */
function play(port: number, script: Script, sockets: Socket[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    sockets.push(socket)
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(new Error(why))
    }
    const timer = setTimeout(() => fail(`no answer to step ${step + 1} in time`), CONNECT_MS)
    let [text, step] = ['', 0]
    socket.on('error', error => fail(error.message))
    socket.on('close', () => fail('closed'))
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const [answer, line] = script[step] ?? [/$^/, undefined]
      if (!answer.test(text)) {
        if (/^([45]\d\d |a (NO|BAD))/m.test(text)) fail(text.slice(0, 80).trimEnd())
        return
      }
      text = ''
      step += 1
      if (line !== undefined) socket.write(line)
      if (step < script.length) return
      clearTimeout(timer)
      resolve()
    })
  })
}

function gone(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve()).destroy()
  })
}
