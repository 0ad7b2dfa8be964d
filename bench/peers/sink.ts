/** Postfix's smtp-sink as the world: takes all mail, keeps none, and counts what came. One for all peers, so that it costs each the same. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { answers } from '../../test/harness/ports.js'
import { program } from '../../test/harness/shared.js'

export class CountingSink {
  readonly port: number
  readonly #child: ChildProcess
  #count = 0
  #wanted = Number.POSITIVE_INFINITY
  #reached: () => void = () => undefined

  private constructor(path: string, port: number) {
    this.port = port
    // It wants to be told whose rights it shall have when it is started by root.
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    this.#child = spawn(path, [...user, '-c', `127.0.0.1:${port}`, '1000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout!.on('data', (said: Buffer) => this.#hear(said.toString('latin1')))
  }

  static async start(port: number): Promise<CountingSink> {
    const path = program('smtp-sink')
    if (path === undefined) throw new Error('smtp-sink is not here (Debian: apt install postfix)')
    const sink = new CountingSink(path, port)
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries === 100) throw new Error('smtp-sink does not answer')
      await sleep(50)
    }
    return sink
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Messages it has had. */
  get count(): number {
    return this.#count
  }

  /** Resolves when it has had so many; rejects when that takes too long. */
  async until(count: number, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`the sink has ${this.#count} of ${count} messages`)), timeoutMs)
      this.#wanted = count
      this.#reached = resolve
      if (this.#count >= count) resolve()
    }).finally(() => clearTimeout(timer))
  }

  async stop(): Promise<void> {
    // A terminal's Ctrl-C ends it before we do.
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise(done => this.#child.once('exit', done))
    this.#child.kill('SIGKILL')
    await ended
  }

  /** `sess=5 quit=0 mesg=123\r`, after each message. A line that came in two pieces is made good by the next one. */
  #hear(said: string): void {
    for (const line of said.split('\r')) {
      const found = /mesg=(\d+)$/.exec(line)?.[1]
      if (found !== undefined) this.#count = Math.max(this.#count, Number(found))
    }
    if (this.#count >= this.#wanted) this.#reached()
  }
}
