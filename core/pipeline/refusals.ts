/**
 * What is refused before there is a message (at the connection, the greeting, MAIL, RCPT), or without the intake having seen it (too large, a loop), in
 * the trail: one record for each transaction or session. Hostile clients are refused millions of times, so the rule is:
 *
 * - of one client (an IPv4 address, an IPv6 /64) the first 20 refusals in an hour have records of their own;
 * - of all clients together 600 at once, and 30 a minute from then on;
 * - what is beyond is counted: one record for each hour, with the clients that were refused most.
 *
 * Each process counts for itself. Records are written together within a second, and nobody waits for them: a crash loses that second.
 */
import type { Clock, Log, Trail } from '../api/index.js'
import { formatDate, networkAround, newId } from '../text/index.js'
import { type Refusal, refusalEntry } from './refusal-entry.js'
import { TrailLater } from './trail-later.js'

export interface RefusalsParts {
  readonly trail: Pick<Trail, 'add'>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

export const PER_CLIENT = 20
export const AT_ONCE = 600
export const A_MINUTE = 30
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Clients that are told apart; the others count together. */
const MAX_CLIENTS = 20_000
const NAMED = 10

interface Hour {
  readonly began: number
  readonly clients: Map<string, number>
  counted: number
}

export class Refusals {
  readonly #clock: Clock
  readonly #later: TrailLater
  #hour: Hour | undefined
  #room = AT_ONCE
  #roomAt = 0

  constructor({ trail, clock, log }: RefusalsParts) {
    this.#clock = clock
    this.#later = new TrailLater(trail, log)
  }

  /** Never throws, and nobody waits. */
  note(refusal: Refusal): void {
    const now = this.#clock.now()
    const hour = this.#hourOf(now)
    const { address } = refusal.session.remote
    // Whoever has an IPv6 address has a whole /64 of them.
    const client = networkAround(address, { ipv4: 32 }) ?? address
    const before = hour.clients.get(client) ?? 0
    if (before > 0 || hour.clients.size < MAX_CLIENTS) hour.clients.set(client, before + 1)
    if (before < PER_CLIENT && this.#hasRoom(now)) this.#later.note(refusalEntry(refusal, now))
    else hour.counted += 1
  }

  /** Everything that was noted is written. */
  async close(): Promise<void> {
    const now = this.#clock.now()
    if (this.#hour !== undefined) this.#endHour(this.#hour, now)
    this.#hour = undefined
    await this.#later.close()
  }

  #hasRoom(now: number): boolean {
    this.#room = Math.min(AT_ONCE, this.#room + ((now - this.#roomAt) / MINUTE_MS) * A_MINUTE)
    this.#roomAt = now
    if (this.#room < 1) return false
    this.#room -= 1
    return true
  }

  #hourOf(now: number): Hour {
    if (this.#hour !== undefined && now - this.#hour.began < HOUR_MS) return this.#hour
    if (this.#hour !== undefined) this.#endHour(this.#hour, this.#hour.began + HOUR_MS)
    this.#hour = { began: now, clients: new Map(), counted: 0 }
    return this.#hour
  }

  #endHour({ began, clients, counted }: Hour, end: number): void {
    if (counted === 0) return
    const most = [...clients].sort((a, b) => b[1] - a[1]).slice(0, NAMED)
    const named = most.map(([client, times]) => `${client} ${times}`).join(', ')
    const says = `${counted} refusals between ${formatDate(began)} and ${formatDate(end)} have no record of their own; refused most, all counted: ${named}.`
    this.#later.note({
      id: newId(end),
      at: end,
      event: 'counted',
      says,
      facts: { counted, from: began, clients: clients.size },
      by: { clients: most.map(([client]) => client) },
    })
  }
}
