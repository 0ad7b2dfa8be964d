/** Rules that hold new mail, as they lie in the store: asked for with every message, and hardly ever changed. Changes belong inside a write. */
import type { Database } from 'lmdb'
import type { HoldRule } from 'posthouse/api'
import type { Environment } from './environment.js'

/** Among the totals: how often they were changed. */
const VERSION = 'hold-rules'

export class HoldRules {
  readonly #rules: Database<HoldRule, string>
  readonly #versions: Database<number, string>
  #known: { readonly version: number; readonly rules: readonly HoldRule[] } | undefined

  constructor(env: Environment) {
    this.#rules = env.database('hold-rules')
    this.#versions = env.database('totals')
  }

  /** In the order of their making. Not inside a write, whose changes may be undone. */
  all(): readonly HoldRule[] {
    const version = this.#version
    if (this.#known?.version !== version) {
      const rules = [...this.#rules.getRange({})]
        .map(({ value }) => value)
        .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1))
      this.#known = { version, rules }
    }
    return this.#known.rules
  }

  add(rule: HoldRule): void {
    this.#rules.put(rule.id, rule)
    this.#changed()
  }

  /** False: there was none. */
  remove(id: string): boolean {
    if (!this.#rules.doesExist(id)) return false
    this.#rules.remove(id)
    this.#changed()
    return true
  }

  get #version(): number {
    return this.#versions.get(VERSION) ?? 0
  }

  #changed(): void {
    this.#versions.put(VERSION, this.#version + 1)
  }
}
