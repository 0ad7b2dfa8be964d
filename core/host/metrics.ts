/**
 * Counters and measurements in memory, for this process. Names are few and come from code; the bound is for the day one does not.
 */
import type { Metrics } from '../api/index.js'

const MAX_NAMES = 2000

export interface Measured {
  readonly count: number
  readonly sum: number
  readonly max: number
}

export class MemoryMetrics implements Metrics {
  readonly #counters = new Map<string, number>()
  readonly #measured = new Map<string, Measured>()

  count(name: string, by = 1): void {
    const before = this.#counters.get(name)
    if (before === undefined && this.#counters.size >= MAX_NAMES) return
    this.#counters.set(name, (before ?? 0) + by)
  }

  observe(name: string, value: number): void {
    const before = this.#measured.get(name)
    if (before === undefined && this.#measured.size >= MAX_NAMES) return
    const { count, sum, max } = before ?? { count: 0, sum: 0, max: value }
    this.#measured.set(name, { count: count + 1, sum: sum + value, max: Math.max(max, value) })
  }

  get counters(): ReadonlyMap<string, number> {
    return this.#counters
  }

  get measured(): ReadonlyMap<string, Measured> {
    return this.#measured
  }
}

/** A plugin's own corner of the same table. */
export function metricsOf(plugin: string, all: Metrics): Metrics {
  // Many plugins write their name in front themselves, as their README does.
  const named = (name: string) => (name.startsWith(`${plugin}.`) ? name : `${plugin}.${name}`)
  return {
    count: (name, by) => all.count(named(name), by),
    observe: (name, value) => all.observe(named(name), value),
  }
}
