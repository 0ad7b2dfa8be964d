/**
 * Workers tell each other over the bus who is inside, so that limits hold over all of them: what has changed, at most every 50 ms, and
 * everything every 5 s. Deciding stays where the connection is, from what is known there, and never waits. What comes to several workers
 * within one interval may therefore exceed a limit; and a worker that cannot hear the others decides by its own count alone.
 */
import type { Bus, Clock } from '../api/index.js'
import { newId } from '../text/index.js'
import { Others, type Report } from './others.js'

/** Who is inside here. */
export interface Inside {
  readonly inside: number
  readonly networks: ReadonlyMap<string, number>
}

export interface CensusDeps {
  readonly bus: Bus
  readonly clock: Clock
  /** The number of this worker, when it takes connections from others. */
  readonly worker?: number
}

const TOPIC = 'connections'
const TELL_MS = 50
const ROUND_MS = 5000
/** Networks in one message: with the longest names far below the 64 KB of a line on the control socket. */
const MAX_COUNTS = 500
const MAX_NAME = 64

export class Census {
  readonly #bus: Bus
  readonly #others: Others
  readonly #id: string
  #worker: number | undefined
  readonly #changed = new Set<string>()
  #here: Inside = { inside: 0, networks: new Map() }
  /** Networks still to be named in this round. */
  #round: string[] | undefined
  #timer: NodeJS.Timeout | undefined
  #rounds: NodeJS.Timeout | undefined
  #unsubscribe: () => void = () => undefined

  constructor({ bus, clock, worker }: CensusDeps) {
    this.#bus = bus
    this.#worker = worker
    this.#others = new Others(() => clock.now())
    this.#id = newId(clock.now())
  }

  /** `close` must follow. */
  begin(here: Inside): void {
    this.#here = here
    this.#unsubscribe = this.#bus.subscribe(TOPIC, payload => this.#hear(payload))
    this.#rounds = setInterval(() => this.#tellAll(), ROUND_MS).unref()
    this.#tellAll()
  }

  /** Connections at the other workers. */
  get total(): number {
    return this.#others.total
  }

  /** Other workers that take connections. One with our own number is of the generation before, or after: what is passed to it would come back. */
  *takers(): ReturnType<Others['takers']> {
    for (const taker of this.#others.takers()) if (taker.worker !== this.#worker) yield taker
  }

  /** This worker ends: it goes on counting, and gets nothing new. */
  takesNoMore(): void {
    this.#worker = undefined
    this.changed()
  }

  /** Those from one network. */
  of(network: string): number {
    return this.#others.of(network)
  }

  /** Without a network: the total alone is another. */
  changed(network?: string): void {
    if (this.#rounds === undefined) return
    if (network !== undefined) this.#changed.add(network)
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS).unref()
  }

  /** The others need not wait for our silence. */
  close(): void {
    if (this.#rounds === undefined) return
    clearInterval(this.#rounds)
    clearTimeout(this.#timer)
    this.#rounds = undefined
    this.#unsubscribe()
    this.#bus.publish(TOPIC, JSON.stringify({ from: this.#id, gone: true }))
  }

  #tellAll(): void {
    this.#round ??= [...this.#here.networks.keys()]
    this.changed()
  }

  /** One message: what has changed goes first, and the round fills it up. The rest has its turn 50 ms later. */
  #tell(): void {
    this.#timer = undefined
    const named: string[] = []
    for (const network of this.#changed) {
      if (named.length >= MAX_COUNTS) break
      this.#changed.delete(network)
      named.push(network)
    }
    named.push(...(this.#round?.splice(0, MAX_COUNTS - named.length) ?? []))
    const end = this.#round?.length === 0
    if (end) this.#round = undefined
    const { inside, networks } = this.#here
    const counts = named.map(network => [network, networks.get(network) ?? 0] as const)
    const number = this.#worker === undefined ? {} : { worker: this.#worker }
    const report: Report = { from: this.#id, ...number, total: inside, counts, end }
    this.#bus.publish(TOPIC, JSON.stringify(report))
    if (this.#changed.size > 0 || this.#round !== undefined) this.changed()
  }

  /** Who hears of somebody new says all of its own: a worker that has just begun must not wait for the next round. */
  #hear(payload: string): void {
    const news = readNews(payload)
    if (news === undefined || news.from === this.#id) return
    if ('gone' in news) this.#others.forget(news.from)
    else if (this.#others.hear(news)) this.#tellAll()
  }
}

/** Pure. `undefined` for what is no report: maybe that of another version. */
export function readNews(payload: string): Report | { readonly from: string; readonly gone: true } | undefined {
  const { from, gone, worker, total, counts, end } = fieldsOf(payload)
  if (!isName(from)) return undefined
  if (gone === true) return { from, gone }
  if (!isCount(total) || typeof end !== 'boolean' || !Array.isArray(counts) || counts.length > MAX_COUNTS)
    return undefined
  if (worker !== undefined && !isCount(worker)) return undefined
  return counts.every(isCounted) ? { from, ...(worker !== undefined && { worker }), total, counts, end } : undefined
}

function fieldsOf(payload: string): Record<string, unknown> {
  try {
    return (JSON.parse(payload) as Record<string, unknown> | null) ?? {}
  } catch {
    return {}
  }
}

function isCounted(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && value.length === 2 && isName(value[0]) && isCount(value[1])
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
