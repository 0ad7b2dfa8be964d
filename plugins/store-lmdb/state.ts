/**
 * Counters and seen-sets of plugins in an environment of their own, so that they never wait for mail nor mail for them. Every change is
 * a transaction: workers count together. Expired values read as absent and are swept slice by slice.
 */
import type { Database } from 'lmdb'
import type { Budget, Place, Spending, State, StateEntry } from 'posthouse/api'
import { spendFrom } from 'posthouse/text'
import { type Environment, openEnvironment } from './environment.js'
import { stateKey } from './keys.js'

type Value = readonly [expires: number, value: string]

const SWEEP_STEP = 5_000

export interface LmdbState extends State {
  /** Forgets what has expired; resolves to how many went. */
  sweep(now: number): Promise<number>
  close(): Promise<void>
}

export function createLmdbState(path: string, mapBytes: number): LmdbState {
  const env = openEnvironment({ path, mapBytes, kind: 'state', version: 1 })
  return new EnvironmentState(env)
}

class EnvironmentState implements LmdbState {
  readonly #env: Environment
  readonly #values: Database<Value, string>
  readonly #places = new Map<string, number>()

  constructor(env: Environment) {
    this.#env = env
    this.#values = env.database('state')
  }

  async get(key: string, now: number): Promise<string | undefined> {
    this.#env.refresh()
    return this.#live(stateKey(key), now)
  }

  async put(key: string, value: string, expires: number): Promise<void> {
    await this.#env.write(() => this.#keep(stateKey(key), value, expires))
  }

  async add(key: string, by: number, now: number, expires: number): Promise<number> {
    const stored = stateKey(key)
    return this.#env.write(() => {
      const count = (Number(this.#live(stored, now) ?? 0) || 0) + by
      this.#keep(stored, String(count), expires)
      return count
    })
  }

  async spend(key: string, amount: number, budget: Budget, now: number): Promise<Spending> {
    const stored = stateKey(key)
    return this.#env.write(() => {
      const { keep, ...spending } = spendFrom(this.#live(stored, now), amount, budget, now)
      if (keep !== undefined) this.#keep(stored, keep.value, keep.expires)
      return spending
    })
  }

  async enter(key: string, most: number, _now: number): Promise<Place | undefined> {
    const taken = this.#places.get(key) ?? 0
    if (taken >= most) return undefined
    this.#places.set(key, taken + 1)
    return {
      leave: async () => {
        this.#places.set(key, (this.#places.get(key) ?? 1) - 1)
      },
    }
  }

  async remove(key: string): Promise<boolean> {
    const stored = stateKey(key)
    return this.#env.write(() => {
      const there = this.#values.get(stored) !== undefined
      if (there) this.#values.remove(stored)
      return there
    })
  }

  async list(prefix: string, now: number, most = 10_000): Promise<readonly StateEntry[]> {
    this.#env.refresh()
    const entries: StateEntry[] = []
    for (const { key, value } of this.#values.getRange({ start: stateKey(prefix) })) {
      if (!key.startsWith(prefix) || entries.length >= most) break
      if (value[0] > now) entries.push({ key, value: value[1], expires: value[0] })
    }
    return entries
  }

  async sweep(now: number): Promise<number> {
    let gone = 0
    let from: string | undefined
    do {
      this.#env.refresh()
      const slice = [...this.#values.getRange({ ...(from === undefined ? {} : { start: from }), limit: SWEEP_STEP })]
      const expired = slice.filter(({ value: [expires] }) => expires <= now).map(({ key }) => key)
      if (expired.length > 0) gone += await this.#env.write(() => this.#removeExpired(expired, now))
      from = slice.length === SWEEP_STEP ? slice.at(-1)!.key : undefined
    } while (from !== undefined)
    return gone
  }

  close(): Promise<void> {
    return this.#env.quiet()
  }

  #live(stored: string, now: number): string | undefined {
    const [expires, value] = this.#values.get(stored) ?? [0, undefined]
    return expires > now ? value : undefined
  }

  #keep(stored: string, value: string, expires: number): void {
    this.#values.put(stored, [expires, value])
  }

  /** They may have been written anew since they were looked at. */
  #removeExpired(keys: readonly string[], now: number): number {
    const still = keys.filter(key => (this.#values.get(key)?.[0] ?? 0) <= now)
    for (const key of still) this.#values.remove(key)
    return still.length
  }
}
