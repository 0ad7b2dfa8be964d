/**
 * When an organisation was first seen here, as one that sends mail or one that links lead to: kept in the state, so that all workers know it. Whoever was
 * seen on one day only is forgotten sooner, so that a flood of names that never come again does not push out those that do.
 */
import { createHash } from 'node:crypto'
import type { Log, State } from 'posthouse/api'

export type SeenAs = 'sender' | 'link'

const DAY_MS = 86_400_000
/** For those seen on one day only: whoever writes once a month shall not be new each time. */
const BRIEF_MS = 70 * DAY_MS
/** It is written again when that much of its time is over. */
const RENEW = 0.1
const LONGEST_KEY = 80
const SINCE_KEY = 'since/site'
const FOREVER_MS = 3650 * DAY_MS

/** What was seen is written so much later, in one go: no mail waits for it, and a crash loses as much of it. */
const WRITE_MS = 1000
const MOST_UNWRITTEN = 1000
/** What was read is not read again so soon: others change nothing in it that matters. */
const KNOWN_MS = 60_000
const MOST_KNOWN = 5000

export interface AgeParts {
  readonly state: State
  readonly rememberMs: number
  readonly log: Pick<Log, 'warn'>
}

interface Kept {
  /** 0: never. */
  readonly first: number
  readonly last: number
}

const NEVER: Kept = { first: 0, last: 0 }

export class Age {
  readonly #state: State
  readonly #rememberMs: number
  readonly #log: AgeParts['log']
  #since: number | undefined
  readonly #known = new Map<string, Kept & { readonly at: number }>()
  readonly #unwritten = new Map<string, Kept & { readonly expires: number }>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  /** Why the last names could not be written. Until others can be, nobody is called new: they may have been here before. */
  #trouble: Error | undefined

  constructor({ state, rememberMs, log }: AgeParts) {
    this.#state = state
    this.#rememberMs = rememberMs
    this.#log = log
  }

  get remembers(): boolean {
    return this.#rememberMs > 0
  }

  /** Since when this site remembers; the first to ask starts it. */
  async since(now: number): Promise<number> {
    if (this.#since !== undefined) return this.#since
    const kept = Number(await this.#state.get(SINCE_KEY, now))
    // Kept anew by each process: what was full in between has not forgotten it.
    const since = kept > 0 && kept <= now ? kept : now
    await this.#state.put(SINCE_KEY, String(since), now + FOREVER_MS)
    this.#since = since
    return since
  }

  /** Notes that it was seen; resolves to when it was first seen before, as whatever, or to nothing. Throws where that cannot be known. */
  async see(organisation: string, as: SeenAs, now: number): Promise<number | undefined> {
    const key = keyOf(organisation, as)
    const { first, last } = await this.#kept(key, now)
    if (first === 0) {
      const expires = now + Math.min(BRIEF_MS, this.#rememberMs)
      await this.#note(key, { first: now, last: now, expires })
      const other = await this.#kept(keyOf(organisation, as === 'sender' ? 'link' : 'sender'), now)
      if (other.first !== 0) return other.first
      if (this.#trouble !== undefined) throw this.#trouble
      return undefined
    }
    const stays = last - first >= DAY_MS
    if (stays ? now - last >= this.#rememberMs * RENEW : now - first >= DAY_MS)
      await this.#note(key, { first, last: now, expires: now + this.#rememberMs })
    return first
  }

  /** All that was seen so far. Resolves when it is in the state, or lost. */
  async write(): Promise<void> {
    while (this.#unwritten.size > 0) await this.#writeSome()
  }

  /** One at a time. Never rejects. */
  #writeSome(): Promise<void> {
    this.#writing ??= this.#writeNow().finally(() => {
      this.#writing = undefined
      if (this.#unwritten.size > 0) this.#writeLater()
    })
    return this.#writing
  }

  async #writeNow(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const all = [...this.#unwritten]
    const puts = all.map(([key, { first, last, expires }]) => this.#state.put(key, `${first} ${last}`, expires))
    const lost = (await Promise.allSettled(puts)).find(one => one.status === 'rejected')
    this.#trouble = lost?.reason as Error | undefined
    if (lost !== undefined) this.#log.warn({ err: lost.reason }, 'who was seen could not be kept')
    // Until now it was read from there; what came meanwhile stays.
    for (const [key, one] of all) {
      if (this.#unwritten.get(key) !== one) continue
      this.#unwritten.delete(key)
      this.#keep(key, { first: one.first, last: one.last, at: one.last })
    }
  }

  #writeLater(): void {
    this.#timer ??= setTimeout(() => void this.#writeSome(), WRITE_MS).unref()
  }

  #keep(key: string, read: Kept & { readonly at: number }): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(key, read)
  }

  async #kept(key: string, now: number): Promise<Kept> {
    const there = this.#unwritten.get(key) ?? this.#known.get(key)
    if (there !== undefined && isGood(there, now)) return there.first <= now ? there : NEVER
    const [first = 0, last = 0] = ((await this.#state.get(key, now)) ?? '').split(' ').map(Number)
    if (first <= 0 || first > now) return NEVER
    this.#keep(key, { first, last, at: now })
    return { first, last }
  }

  /** Waits where much is written already. */
  async #note(key: string, seen: Kept & { readonly expires: number }): Promise<void> {
    this.#known.delete(key)
    this.#unwritten.set(key, seen)
    if (this.#unwritten.size >= MOST_UNWRITTEN) await this.#writeSome()
    else this.#writeLater()
  }
}

function isGood(there: { readonly expires: number } | { readonly at: number }, now: number): boolean {
  return 'expires' in there ? now < there.expires : now >= there.at && now - there.at < KNOWN_MS
}

function keyOf(organisation: string, as: SeenAs): string {
  const subject =
    organisation.length <= LONGEST_KEY ? organisation : createHash('sha256').update(organisation).digest('base64url')
  return `${as}/${subject}`
}
