/**
 * Asking, charging and giving back. Several budgets are charged all or none. Trouble of the state punishes nobody: what cannot be known is
 * granted, and said so at most once a minute.
 */
import type { Clock, Log, Place, State } from 'posthouse/api'
import type { BudgetTerms } from 'posthouse/text'
import type { Counted } from './subjects.js'

export interface Charge extends Counted {
  readonly limit: BudgetTerms
  readonly amount: number
}

/** A budget that does not have as much. */
export interface Refusal {
  readonly charge: Counted & { readonly amount: number }
  readonly used: number
  /** `Infinity`: it never will. */
  readonly waitMs: number
}

const SAY_EVERY_MS = 60_000

export class Till {
  readonly #state: State
  readonly #clock: Clock
  readonly #log: Log
  readonly #strict: boolean
  #said = Number.NEGATIVE_INFINITY

  /** `strict`: trouble of the state is thrown on. */
  constructor(parts: { readonly state: State; readonly clock: Clock; readonly log: Log; readonly strict: boolean }) {
    this.#state = parts.state
    this.#clock = parts.clock
    this.#log = parts.log
    this.#strict = parts.strict
  }

  /** The first that has not as much now. Nothing is taken. */
  async lacking(charges: readonly Charge[]): Promise<Refusal | undefined> {
    for (const charge of charges) {
      const { key, amount, limit } = charge
      const asked = await this.#try(() => this.#state.spend(key, 0, limit, this.#clock.now()))
      if (asked === undefined || asked.used + amount <= limit.limit) continue
      // Only spending tells how long the wait is; it takes nothing when it is refused, and else is given back.
      const refusal = await this.charge([charge])
      if (refusal !== undefined) return refusal
      await this.giveBack([charge])
    }
    return undefined
  }

  /** Takes all, or nothing and tells which had not as much. */
  async charge(charges: readonly Charge[]): Promise<Refusal | undefined> {
    const taken: Charge[] = []
    for (const charge of charges) {
      const { key, amount, limit } = charge
      const spent = await this.#try(() => this.#state.spend(key, amount, limit, this.#clock.now()))
      if (spent === undefined) continue
      if (!spent.granted) {
        await this.giveBack(taken)
        return { charge, used: spent.used, waitMs: spent.waitMs }
      }
      taken.push(charge)
    }
    return undefined
  }

  async giveBack(charges: readonly Charge[]): Promise<void> {
    for (const { key, amount, limit } of charges)
      await this.#try(() => this.#state.spend(key, -amount, limit, this.#clock.now()))
  }

  /** A place for each, or none and which was full. */
  async enter(wanted: readonly (Counted & { readonly limit: number })[]): Promise<readonly Place[] | Refusal> {
    const places: Place[] = []
    for (const one of wanted) {
      let full = false
      const place = await this.#try(async () => {
        const given = await this.#state.enter(one.key, one.limit, this.#clock.now())
        full = given === undefined
        return given
      })
      if (full) {
        await this.leave(places)
        return { charge: { ...one, amount: 1 }, used: one.limit, waitMs: 0 }
      }
      if (place !== undefined) places.push(place)
    }
    return places
  }

  async leave(places: readonly Place[]): Promise<void> {
    for (const place of places) await this.#try(() => place.leave())
  }

  async #try<T>(step: () => Promise<T>): Promise<T | undefined> {
    try {
      return await step()
    } catch (error) {
      if (this.#strict) throw error
      const now = this.#clock.now()
      if (Math.abs(now - this.#said) >= SAY_EVERY_MS) {
        this.#said = now
        this.#log.warn({ err: error }, 'limits are not held, the state has trouble')
      }
      return undefined
    }
  }
}
