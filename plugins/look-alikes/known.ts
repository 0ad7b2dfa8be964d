/**
 * Domains that people of this site write to, as far as the service `reputation` tells: whoever comes near one of these as a sender is told too. Read in the
 * background now and then, in small pieces; a question never waits for it, and with trouble what was read last counts.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import type { Clock, Log, Reputation } from 'posthouse/api'
import { toAsciiDomain } from 'posthouse/text'
import { ProtectedNames } from './protected.js'

const REFRESH_MS = 15 * 60_000
const MOST_ADDRESSES = 20_000
/** So many at once take about a millisecond. */
const PIECE = 50

export interface KnownParts {
  readonly reputation: () => Reputation | undefined
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

export class Known {
  readonly #parts: KnownParts
  #names: ProtectedNames | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(parts: KnownParts) {
    this.#parts = parts
  }

  /** What is known by now; nothing: nobody tells, or not yet. */
  names(): ProtectedNames | undefined {
    const { clock, signal } = this.#parts
    if (this.#reading === undefined && clock.now() - this.#readAt >= REFRESH_MS && !signal.aborted) void this.refresh()
    return this.#names
  }

  /** Resolves when it is read. Never rejects: trouble is said in the log. */
  refresh(): Promise<void> {
    this.#readAt = this.#parts.clock.now()
    this.#reading ??= this.#read()
      .catch((error: unknown) => this.#parts.log.warn({ error: String(error) }, 'known domains cannot be read now'))
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }

  async #read(): Promise<void> {
    const domains = await this.#parts.reputation()?.writtenTo?.(MOST_ADDRESSES)
    if (domains === undefined) return
    const names = new ProtectedNames()
    for (let at = 0; at < domains.length && !this.#parts.signal.aborted; at += PIECE) {
      for (const written of domains.slice(at, at + PIECE)) {
        const domain = toAsciiDomain(written)
        if (domain !== undefined) names.add({ kind: 'known', title: domain }, [domain])
      }
      await breathe()
    }
    this.#names = names
  }
}
