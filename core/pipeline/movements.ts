/**
 * What becomes of mail in its mailbox, in the trail of the message: moved, copied, removed, marked. Messages whose records are not kept any more get no
 * new ones, and what one person does in an hour is bounded: whoever sorts fifty thousand old mails has not asked for as many records.
 */
import type { Clock, Log, Marking, Movement, Movements, Trail } from '../api/index.js'
import { idTime, printable, queueIdIn } from '../text/index.js'
import { TrailLater } from './trail-later.js'

export interface MovementLogParts {
  readonly trail: Pick<Trail, 'add' | 'reach'>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

export const AN_HOUR = 5000
const HOUR_MS = 3_600_000
const FOR_EVER = Number.POSITIVE_INFINITY

export class MovementLog implements Movements {
  readonly #clock: Clock
  readonly #later: TrailLater
  readonly #trail: MovementLogParts['trail']
  #keepMs: Promise<number> | undefined
  readonly #noted = new Map<string, number>()
  #hour = 0

  constructor({ trail, clock, log }: MovementLogParts) {
    this.#clock = clock
    this.#later = new TrailLater(trail, log)
    this.#trail = trail
  }

  tell({ kind, login, protocol, from, to, prefixes }: Movement): void {
    const who = printable(login)
    const by = protocol.toUpperCase()
    const says =
      kind === 'removed'
        ? `${who} removed it from ${printable(from)} for good, by ${by}.`
        : `${who} ${kind} it from ${printable(from)} to ${printable(to ?? '')}, by ${by}.`
    const facts = { login: who, protocol, from: printable(from), ...(to === undefined ? {} : { to: printable(to) }) }
    for (const prefix of prefixes)
      this.#note(login, prefix, { event: kind === 'removed' ? 'expunged' : kind, says, facts })
  }

  /** What is said by a move or a copy is told as one. */
  marked({ accountId, says, by, prefix }: Marking): void {
    if (by !== 'keyword') return
    const sentence = `Its owner marked it as ${says === 'junk' ? 'junk' : 'not junk'}.`
    this.#note(accountId, prefix, { event: 'marked', says: sentence, facts: { account: accountId, as: says } })
  }

  async close(): Promise<void> {
    await this.#keepMs
    await this.#later.close()
  }

  #note(who: string, prefix: string, entry: { event: string; says: string; facts: Record<string, string> }): void {
    const now = this.#clock.now()
    const id = this.#mayNote(who, now) ? queueIdIn(prefix) : undefined
    if (id === undefined) return
    this.#kept().then(keepMs => {
      if ((idTime(id) ?? 0) >= now - keepMs) this.#later.note({ id, at: now, ...entry })
    })
  }

  #kept(): Promise<number> {
    // A store that cannot tell keeps them for ever.
    this.#keepMs ??= this.#trail.reach().then(
      ({ keepMs = FOR_EVER }) => keepMs,
      () => FOR_EVER,
    )
    return this.#keepMs
  }

  #mayNote(who: string, now: number): boolean {
    const hour = Math.floor(now / HOUR_MS)
    if (hour !== this.#hour) this.#noted.clear()
    this.#hour = hour
    const before = this.#noted.get(who) ?? 0
    if (before >= AN_HOUR) return false
    this.#noted.set(who, before + 1)
    return true
  }
}
