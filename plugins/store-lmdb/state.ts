/**
 * Counters, budgets, places and seen-sets of plugins in an environment of their own, so that they never wait for mail nor mail for them.
 * Every change is made in a transaction: workers count together. What is answered may lag a flush: a power cut takes the last
 * moments, and nothing else.
 */
import {
  type Budget,
  type Fading,
  type Log,
  MailError,
  type Place,
  type Spending,
  type State,
  type StateEntry,
} from 'posthouse/api'
import { addToTally, byKey, spendFrom } from 'posthouse/text'
import type { Environment } from './environment.js'
import { openEnvironment } from './environments.js'
import { Places, type TakenPlaces } from './places.js'
import { type Entry, StateEntries, type Sum } from './state-entries.js'

export interface LmdbStateOptions {
  readonly path: string
  readonly mapBytes: number
  /** Octets, as `costOf` counts them. */
  readonly most?: number
  readonly log?: Pick<Log, 'warn'>
}

export interface StateTotals extends Sum {
  /** Octets there may be. */
  readonly most: number
  readonly places: number
  readonly families: readonly (Sum & { readonly family: string })[]
}

export interface LmdbState extends State {
  /** Forgets what has expired and who has gone; resolves to how many entries went. */
  sweep(now: number): Promise<number>
  /** Values and budgets, by key. */
  entries(prefix: string, now: number, most: number): Promise<readonly Entry[]>
  places(prefix: string): Promise<readonly TakenPlaces[]>
  totals(): Promise<StateTotals>
  /** Resolves when all of it is on disk. */
  close(): Promise<void>
}

const SWEEP_STEP = 1_000
const DEFAULT_MOST = 256 * 1024 ** 2
/** A value may take this share of the whole. */
const LARGEST_SHARE = 16

export function createLmdbState({ path, mapBytes, most = DEFAULT_MOST, log }: LmdbStateOptions): LmdbState {
  const env = openEnvironment({ path, mapBytes, kind: 'state', mayLag: true, version: 1 })
  return new EnvironmentState(env, most, log)
}

class EnvironmentState implements LmdbState {
  readonly #env: Environment
  readonly #entries: StateEntries
  readonly #places: Places
  readonly #most: number
  readonly #lost: (error: unknown) => void

  constructor(env: Environment, most: number, log?: Pick<Log, 'warn'>) {
    this.#env = env
    this.#most = most
    this.#lost = error => log?.warn({ err: error }, 'a change of the state was lost')
    this.#entries = new StateEntries(env, most)
    this.#places = new Places(env, this.#lost)
  }

  get(key: string, now: number): Promise<string | undefined> {
    return this.#read(() => this.#entries.live('v', key, now))
  }

  put(key: string, value: string, expires: number): Promise<void> {
    return this.#write(() => this.#keep(key, value, expires))
  }

  add(key: string, by: number, now: number, expires: number): Promise<number> {
    return this.#write(() => {
      const count = (Number(this.#entries.live('v', key, now) ?? 0) || 0) + by
      this.#keep(key, String(count), expires)
      return count
    })
  }

  async spend(key: string, amount: number, budget: Budget, now: number): Promise<Spending> {
    const spending = () => spendFrom(this.#entries.live('b', key, now), amount, budget, now)
    if (!this.#env.busy) {
      // Questions and refusals change nothing, so a flood of them writes nothing.
      this.#env.refresh()
      const { keep, ...seen } = spending()
      if (keep === undefined) return seen
    }
    return this.#write(() => {
      const { keep, ...spent } = spending()
      if (keep?.value === '') this.#entries.remove('b', key)
      else if (keep !== undefined) this.#entries.keep('b', key, keep.value, keep.expires)
      return spent
    })
  }

  tally(key: string, amounts: Readonly<Record<string, number>>, fading: Fading, now: number): Promise<void> {
    return this.#write(() => {
      const { value, expires } = addToTally(this.#entries.live('v', key, now), amounts, fading, now)
      this.#keep(key, value, expires)
    })
  }

  async enter(key: string, most: number, _now: number): Promise<Place | undefined> {
    return this.#places.enter(key, most)
  }

  remove(key: string): Promise<boolean> {
    return this.#write(() => {
      const budget = this.#entries.remove('b', key)
      return this.#entries.remove('v', key) || budget
    })
  }

  list(prefix: string, now: number, most = 10_000): Promise<readonly StateEntry[]> {
    return this.#read(() => this.#entries.list('v', prefix, now, most).map(({ tag: _, ...entry }) => entry))
  }

  async sweep(now: number): Promise<number> {
    let gone = 0
    for (let step = SWEEP_STEP; step === SWEEP_STEP; gone += step)
      step = await this.#env.write(() => this.#entries.removeExpired(now, SWEEP_STEP))
    await this.#env.write(() => this.#places.sweep())
    return gone
  }

  entries(prefix: string, now: number, most: number): Promise<readonly Entry[]> {
    return this.#read(() => {
      const both = [...this.#entries.list('v', prefix, now, most), ...this.#entries.list('b', prefix, now, most)]
      return both.sort(byKey).slice(0, most)
    })
  }

  places(prefix: string): Promise<readonly TakenPlaces[]> {
    return this.#read(() => this.#places.list(prefix))
  }

  totals(): Promise<StateTotals> {
    return this.#read(() => {
      const places = this.#places.list('').reduce((sum, { taken }) => sum + taken, 0)
      return { ...this.#entries.sum(), most: this.#most, places, families: this.#entries.families() }
    })
  }

  close(): Promise<void> {
    return this.#env.quiet()
  }

  #keep(key: string, value: string, expires: number): void {
    if (Buffer.byteLength(value) + Buffer.byteLength(key) > this.#most / LARGEST_SHARE)
      throw new MailError('store-full', `a value of ${value.length} characters is too large for the state`)
    this.#entries.keep('v', key, value, expires)
  }

  #write<T>(change: () => T): Promise<T> {
    return this.#env.soon(change, this.#lost)
  }

  /** What this process has changed is seen by its next read, be it committed or not. */
  async #read<T>(look: () => T): Promise<T> {
    if (this.#env.busy) return this.#env.look(look)
    this.#env.refresh()
    return look()
  }
}
