/**
 * Who wants to be told, by topic. Listeners are called after the change is complete, once for changes that come together;
 * a listener that throws is logged and hurts nobody else.
 */
import type { Log } from 'posthouse/api'

export type Warn = Pick<Log, 'warn'>

export class Watchers {
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #waiting = new Set<string>()
  readonly #log: Warn | undefined

  constructor(log?: Warn) {
    this.#log = log
  }

  add(topic: string, listener: () => void): () => void {
    const own = () => listener()
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(own))
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic)
    }
  }

  tell(topic: string): void {
    if (!this.#listeners.has(topic)) return
    if (this.#waiting.size === 0) setImmediate(() => this.#run())
    this.#waiting.add(topic)
  }

  #run(): void {
    const topics = [...this.#waiting]
    this.#waiting.clear()
    for (const topic of topics) for (const listener of [...(this.#listeners.get(topic) ?? [])]) this.#call(listener)
  }

  #call(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#log?.warn({ err: error }, 'a watcher of the store threw')
    }
  }
}
