/** Counters and seen-sets in memory. Expired values are swept as new ones come, so the map stays as large as what is alive. */
import type { State } from 'posthouse/api'
import { spendFrom } from 'posthouse/text'

interface Value {
  readonly value: string
  readonly expires: number
}

/** Sweep once in so many writes, so that a write costs the same however many keys there are. */
const SWEEP_EVERY = 10_000

export function createMemoryState(): State {
  const values = new Map<string, Value>()
  const places = new Map<string, number>()
  let writes = 0
  /** The latest time a caller told us; `put` is not told any. */
  let latest = 0

  function live(key: string, now: number): string | undefined {
    latest = Math.max(latest, now)
    const found = values.get(key)
    return found === undefined || found.expires <= now ? undefined : found.value
  }

  function write(key: string, value: string, expires: number): void {
    values.set(key, { value, expires })
    if (++writes % SWEEP_EVERY !== 0) return
    for (const [old, { expires }] of values) if (expires <= latest) values.delete(old)
  }

  return {
    async get(key, now) {
      return live(key, now)
    },
    async put(key, value, expires) {
      write(key, value, expires)
    },
    async add(key, by, now, expires) {
      const count = (Number(live(key, now) ?? 0) || 0) + by
      write(key, String(count), expires)
      return count
    },
    async spend(key, amount, budget, now) {
      const { keep, ...spending } = spendFrom(live(key, now), amount, budget, now)
      if (keep !== undefined) write(key, keep.value, keep.expires)
      return spending
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
      return values.delete(key)
    },
    async list(prefix, now, most = 10_000) {
      latest = Math.max(latest, now)
      return [...values]
        .filter(([key, { expires }]) => key.startsWith(prefix) && expires > now)
        .map(([key, { value, expires }]) => ({ key, value, expires }))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .slice(0, most)
    },
  }
}
