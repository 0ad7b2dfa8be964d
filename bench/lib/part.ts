/**
 * Parts of a bench that run in processes of their own (load sources, sinks, the reference), so that their CPU is never taken for
 * the server's. The bench asks, the part answers; a part ends with the bench that started it.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { LIB } from './root.js'

interface Question {
  readonly id: number
  readonly question: unknown
}

type Answer =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly why: string }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A child process with a file of this folder as its program. `Q` maps each question's kind to what is asked and answered. */
export class Part<Q extends { readonly ask: unknown; readonly answer: unknown }> {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #waiting = new Map<number, Waiting>()
  #next = 1

  /** Parts whose usage is measured get a process group of their own: its number is their pid. */
  constructor(name: string, env: Readonly<Record<string, string>> = {}, args: readonly string[] = []) {
    this.#name = name
    this.#child = fork(join(LIB, `${name}.js`), args, {
      serialization: 'advanced',
      detached: true,
      env: { ...process.env, ...env },
    })
    this.#child.on('message', message => this.#hear(message as Answer))
    this.#child.once('exit', (code, signal) => this.#fail(`${this.#name} ended (${signal ?? code})`))
    this.#child.once('error', error => this.#fail(`${this.#name}: ${error.message}`))
  }

  get group(): number {
    return this.#child.pid ?? 0
  }

  ask(question: Q['ask']): Promise<Q['answer']> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: value => resolve(value as Q['answer']), reject })
      this.#child.send({ id, question } satisfies Question, error => {
        if (error !== null) this.#fail(`${this.#name} does not listen: ${error.message}`)
      })
    })
  }

  /** Ends the process and waits for it. */
  async end(): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(done => child.once('exit', done))
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000)
    await ended
    clearTimeout(timer)
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.kind === 'answer') waiting?.resolve(answer.value)
    else waiting?.reject(new Error(`${this.#name}: ${answer.why}`))
  }

  #fail(why: string): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(why))
    this.#waiting.clear()
  }
}

/** The other end, called once by a part's program. */
export function servePart<Q extends { readonly ask: unknown; readonly answer: unknown }>(
  answer: (question: Q['ask']) => Promise<Q['answer']>,
): void {
  process.on('message', message => {
    const { id, question } = message as Question
    answer(question as Q['ask']).then(
      value => tell({ kind: 'answer', id, value }),
      error => tell({ kind: 'failure', id, why: error instanceof Error ? error.message : String(error) }),
    )
  })
  process.once('disconnect', () => process.exit(0))
  // Ctrl-C is for the bench, which then ends its parts in order.
  process.on('SIGINT', () => undefined)
}

function tell(answer: Answer): void {
  if (process.connected) process.send!(answer)
}
