/**
 * Counters, budgets, places and seen-sets in memory. Bounded as in every store: a full one takes from its largest family what expires
 * there first. Expired values are swept as new ones come.
 */
import { MailError, type State } from 'posthouse/api'
import { addToTally, byKey, costOf, familyOf, spendFrom } from 'posthouse/text'

interface Value {
  readonly value: string
  readonly expires: number
}

interface Family {
  readonly keys: Set<string>
  octets: number
}

/** Sweep once in so many writes, so that a write costs the same however many keys there are. */
const SWEEP_EVERY = 10_000
const DEFAULT_MOST = 64 * 1024 ** 2
/** A value may take this share of the whole; and so much is freed at once, since finding what expires first means sorting. */
const SHARE = 16

/** `most` octets, as `costOf` counts them. */
export function createMemoryState(most = DEFAULT_MOST): State {
  const entries = new Entries(most)
  const places = new Map<string, number>()

  return {
    async get(key, now) {
      return entries.live(`v${key}`, now)
    },
    async put(key, value, expires) {
      entries.keep(`v${key}`, value, expires)
    },
    async add(key, by, now, expires) {
      const count = (Number(entries.live(`v${key}`, now) ?? 0) || 0) + by
      entries.keep(`v${key}`, String(count), expires)
      return count
    },
    async spend(key, amount, budget, now) {
      const { keep, ...spending } = spendFrom(entries.live(`b${key}`, now), amount, budget, now)
      if (keep !== undefined) entries.keep(`b${key}`, keep.value, keep.expires)
      return spending
    },
    async tally(key, amounts, fading, now) {
      const { value, expires } = addToTally(entries.live(`v${key}`, now), amounts, fading, now)
      entries.keep(`v${key}`, value, expires)
    },
    async enter(key, most) {
      const taken = places.get(key) ?? 0
      if (taken >= most) return undefined
      places.set(key, taken + 1)
      let inside = true
      return {
        async leave() {
          if (!inside) return
          inside = false
          const left = (places.get(key) ?? 1) - 1
          if (left > 0) places.set(key, left)
          else places.delete(key)
        },
      }
    },
    async remove(key) {
      const budget = entries.remove(`b${key}`)
      return entries.remove(`v${key}`) || budget
    },
    async list(prefix, now, most = 10_000) {
      return entries.list(`v${prefix}`, now).slice(0, most)
    },
  }
}

/** Keys begin with a letter that keeps values and budgets apart. */
class Entries {
  readonly #most: number
  readonly #values = new Map<string, Value>()
  readonly #families = new Map<string, Family>()
  #octets = 0
  #writes = 0
  /** The latest time a caller told us; `put` is not told any. */
  #latest = 0

  constructor(most: number) {
    this.#most = most
  }

  live(key: string, now: number): string | undefined {
    this.#latest = Math.max(this.#latest, now)
    const found = this.#values.get(key)
    return found === undefined || found.expires <= now ? undefined : found.value
  }

  keep(key: string, value: string, expires: number): void {
    if (Buffer.byteLength(value) + Buffer.byteLength(key) > this.#most / SHARE)
      throw new MailError('store-full', `a value of ${value.length} characters is too large for the state`)
    this.remove(key)
    this.#values.set(key, { value, expires })
    this.#count(key, value, 1)
    if (++this.#writes % SWEEP_EVERY === 0) this.#sweep()
    while (this.#octets > this.#most && this.#makeRoom(key));
  }

  remove(key: string): boolean {
    const there = this.#values.get(key)
    if (there === undefined) return false
    this.#values.delete(key)
    this.#count(key, there.value, -1)
    return true
  }

  list(prefix: string, now: number) {
    this.#latest = Math.max(this.#latest, now)
    return [...this.#values]
      .filter(([key, { expires }]) => key.startsWith(prefix) && expires > now)
      .map(([key, { value, expires }]) => ({ key: key.slice(1), value, expires }))
      .sort(byKey)
  }

  #count(key: string, value: string, by: 1 | -1): void {
    const name = familyOf(key.slice(1))
    const family = this.#families.get(name) ?? { keys: new Set(), octets: 0 }
    const octets = by * costOf(key.slice(1), value)
    family.octets += octets
    this.#octets += octets
    if (by === 1) family.keys.add(key)
    else family.keys.delete(key)
    if (family.keys.size > 0) this.#families.set(name, family)
    else this.#families.delete(name)
  }

  #sweep(): void {
    for (const [key, { expires }] of this.#values) if (expires <= this.#latest) this.remove(key)
  }

  /** Whether anything went. Never what has just been written, or a full state would learn nothing new: its family is as large as the rest of it. */
  #makeRoom(justWritten: string): boolean {
    const family = this.#families.get(familyOf(justWritten.slice(1)))
    const spared = costOf(justWritten.slice(1), this.#values.get(justWritten)!.value)
    const octetsOf = (one: Family) => one.octets - (one === family ? spared : 0)
    const largest = [...this.#families.values()].reduce((most, one) => (octetsOf(one) > octetsOf(most) ? one : most))
    const first = [...largest.keys]
      .filter(key => key !== justWritten)
      .sort((a, b) => this.#values.get(a)!.expires - this.#values.get(b)!.expires)
    const enough = this.#most - this.#most / SHARE / SHARE
    for (const key of first) {
      if (this.#octets <= enough) break
      this.remove(key)
    }
    return first.length > 0
  }
}
