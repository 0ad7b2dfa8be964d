/**
 * Decides whether an account takes more mail now, for all workers alike: up to its quota always, into its grace for some days from the day it
 * went beyond. That day stands in State. Where that has trouble the grace holds: mail that would have gone in is not turned away for it.
 */
import type { Account, Clock, Log, MailStore, State } from 'posthouse/api'
import { type Amount, isOver, type Room, roomIn, sum } from './room.js'

export interface Grace {
  /** Of the quota, in hundredths. */
  readonly percent: number
  readonly forMs: number
}

export interface QuotaKeeperParts {
  readonly mail: Pick<MailStore, 'usage'>
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly grace: Grace
}

export interface Coming extends Amount {
  /** What is on its way too and not yet in the store. */
  readonly beside?: Amount
  /** A message of this server's own. */
  readonly own?: boolean
}

/** Remembered for as long as an account stays beyond its quota, whenever that ends. */
const KEPT_MS = 3650 * 86_400_000

export class QuotaKeeper {
  readonly #parts: QuotaKeeperParts
  #turnedAway: ((accountId: string) => void) | undefined

  constructor(parts: QuotaKeeperParts) {
    this.#parts = parts
  }

  /** Whether as much finds room. `used` is what it was decided by. */
  async room(
    account: Account,
    { beside, own = false, ...coming }: Coming,
  ): Promise<{ readonly room: Exclude<Room, 'within grace'>; readonly used: Amount }> {
    const { mail, grace } = this.#parts
    const used = await mail.usage(account.id)
    const room = roomIn(account, beside === undefined ? used : sum(used, beside), coming, grace.percent, own)
    if (room === 'full') this.#turnedAway?.(account.id)
    if (room !== 'within grace') return { room, used }
    const since = isOver(account, used) ? await this.#since(account.id) : await this.#anew(account.id)
    if (own || !this.#isOver(since)) return { room: 'there is room', used }
    this.#turnedAway?.(account.id)
    return { room: 'full', used }
  }

  /** Whoever wants to hear that mail was turned away. */
  onTurnedAway(listener: (accountId: string) => void): void {
    this.#turnedAway = listener
  }

  /** Until when mail goes in although the account is beyond its quota; `undefined`: it is not. */
  async graceUntil(account: Account, used: Amount): Promise<number | undefined> {
    if (!isOver(account, used)) return undefined
    const since = (await this.#since(account.id)) ?? this.#parts.clock.now()
    return since + this.#parts.grace.forMs
  }

  /** Notes when an account went beyond its quota, and that it is within it again. */
  async note(account: Account, used: Amount): Promise<void> {
    const { state, clock } = this.#parts
    const since = await state.get(keyOf(account.id), clock.now())
    if (isOver(account, used)) {
      if (since === undefined) await state.put(keyOf(account.id), String(clock.now()), clock.now() + KEPT_MS)
    } else if (since !== undefined) await state.remove(keyOf(account.id))
  }

  /** There was room meanwhile, and nobody has looked since: the next grace begins when this mail has come. */
  async #anew(accountId: string): Promise<undefined> {
    const { state, log } = this.#parts
    if ((await this.#since(accountId)) === undefined) return
    await state.remove(keyOf(accountId)).catch((error: unknown) => {
      log.warn({ account: accountId, err: error }, 'that a mailbox was within its quota could not be noted')
    })
  }

  #isOver(since: number | undefined): boolean {
    const { clock, grace } = this.#parts
    return grace.forMs === 0 || (since !== undefined && clock.now() - since >= grace.forMs)
  }

  async #since(accountId: string): Promise<number | undefined> {
    const { state, clock, log } = this.#parts
    try {
      const text = await state.get(keyOf(accountId), clock.now())
      return text === undefined ? undefined : Number(text)
    } catch (error) {
      log.warn({ account: accountId, err: error }, 'since when a mailbox is over its quota cannot be known')
      return undefined
    }
  }
}

function keyOf(accountId: string): string {
  return `over/${accountId}`
}
