/**
 * Who is told of changes. Listeners of this process are called after the commit, those of other processes by way of the bus; as the bus
 * may lose news, everything watched is looked at once a second when the store's transaction id has moved. Nobody watching, no timer: it ends a second after,
 * as who leaves a mailbox often opens the next one.
 */
import type { Bus, Log } from 'posthouse/api'

export interface NewsOptions {
  readonly bus?: Bus
  readonly log?: Pick<Log, 'warn'>
  /** Moves with every commit of any process. */
  readonly transactionId: () => number
  /** Something that differs once a topic has changed. */
  readonly mark: (topic: string) => string
  readonly pollMs?: number
}

interface Topic {
  readonly listeners: Set<() => void>
  mark: string
}

const BUS_TOPIC = 'store-lmdb'
const POLL_MS = 1000
/** While changes come thick and fast, other processes hear of them so often. The first after a rest is told at once. */
const PUBLISH_EVERY_MS = 10
/** In one piece of news: the bus carries 64 KB. */
const MAX_NAMES = 1000

export class News {
  readonly #options: NewsOptions
  readonly #topics = new Map<string, Topic>()
  /** To be told in this process, and to others. */
  readonly #untold = new Set<string>()
  readonly #unpublished = new Set<string>()
  readonly #arrivalListeners = new Set<(mailboxId: string) => void>()
  readonly #arrivedIn = new Set<string>()
  #resting = false
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined
  #seen = 0

  constructor(options: NewsOptions) {
    this.#options = options
  }

  watch(name: string, listener: () => void): () => void {
    const own = () => listener()
    const topic = this.#topics.get(name) ?? { listeners: new Set(), mark: this.#options.mark(name) }
    this.#topics.set(name, topic)
    topic.listeners.add(own)
    this.#start()
    return () => {
      topic.listeners.delete(own)
      if (topic.listeners.size === 0 && this.#topics.get(name) === topic) this.#topics.delete(name)
    }
  }

  /** After the commit. News of one turn go out together. */
  tell(names: Iterable<string>): void {
    if (this.#untold.size === 0) setImmediate(() => this.#tell())
    for (const name of names) this.#untold.add(name)
  }

  /** Mailboxes into which this process has put messages, after the commit; other names may stand among them. */
  arrived(names: Iterable<string>): void {
    if (this.#arrivalListeners.size === 0) return
    if (this.#arrivedIn.size === 0) setImmediate(() => this.#tellArrivals())
    for (const name of names) this.#arrivedIn.add(name)
  }

  watchArrivals(listener: (mailboxId: string) => void): () => void {
    this.#arrivalListeners.add(listener)
    return () => this.#arrivalListeners.delete(listener)
  }

  #tellArrivals(): void {
    const names = [...this.#arrivedIn]
    this.#arrivedIn.clear()
    for (const listener of [...this.#arrivalListeners]) for (const name of names) this.#guard(() => listener(name))
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#unsubscribe?.()
    this.#timer = undefined
    this.#unsubscribe = undefined
  }

  #start(): void {
    if (this.#timer !== undefined) return
    this.#seen = this.#options.transactionId()
    this.#timer = setInterval(() => this.#poll(), this.#options.pollMs ?? POLL_MS).unref()
    this.#unsubscribe = this.#options.bus?.subscribe(BUS_TOPIC, payload => {
      for (const name of payload.split(' ')) this.#call(name)
    })
  }

  #tell(): void {
    const names = [...this.#untold]
    this.#untold.clear()
    for (const name of names) this.#unpublished.add(name)
    if (!this.#resting) this.#publish()
    for (const name of names) this.#call(name)
  }

  #publish(): void {
    const names = [...this.#unpublished]
    this.#unpublished.clear()
    this.#resting = names.length > 0
    if (!this.#resting) return
    for (let at = 0; at < names.length; at += MAX_NAMES) {
      this.#guard(() => this.#options.bus?.publish(BUS_TOPIC, names.slice(at, at + MAX_NAMES).join(' ')))
    }
    setTimeout(() => this.#publish(), PUBLISH_EVERY_MS)
  }

  #poll(): void {
    if (this.#topics.size === 0) {
      this.stop()
      return
    }
    this.#guard(() => {
      const now = this.#options.transactionId()
      if (now === this.#seen) return
      this.#seen = now
      for (const [name, topic] of [...this.#topics]) if (topic.mark !== this.#options.mark(name)) this.#call(name)
    })
  }

  #call(name: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    this.#guard(() => {
      topic.mark = this.#options.mark(name)
    })
    for (const listener of [...topic.listeners]) this.#guard(listener)
  }

  #guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#options.log?.warn({ err: error }, 'a watcher of the store threw')
    }
  }
}
