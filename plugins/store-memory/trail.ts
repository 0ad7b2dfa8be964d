/** The decision records in memory, in the order they were added. */
import type { Trail, TrailEntry } from 'posthouse/api'

export class MemoryTrail implements Trail {
  readonly #entries = new Map<string, TrailEntry[]>()

  async add(entries: readonly TrailEntry[]): Promise<void> {
    this.note(entries)
  }

  async of(id: string): Promise<readonly TrailEntry[]> {
    return [...(this.#entries.get(id) ?? [])]
  }

  /** `add`, as a part of a larger change. */
  note(entries: readonly TrailEntry[]): void {
    for (const entry of entries) {
      const known = this.#entries.get(entry.id)
      if (known === undefined) this.#entries.set(entry.id, [entry])
      else known.push(entry)
    }
  }
}
