/** Counters and seen-sets in memory. Expired values are swept as new ones come, so the map stays as large as what is alive. */
import type { State } from 'posthouse/api'

interface Value {
  readonly value: string
  readonly expires: number
}

/** Sweep once in so many writes, so that a write costs the same however many keys there are. */
const SWEEP_EVERY = 10_000

export function createMemoryState(): State {
  const values = new Map<string, Value>()
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
    async remove(key) {
      values.delete(key)
    },
  }
}
