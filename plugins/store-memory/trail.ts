/** The decision records in memory, in the order they were added. */
import type { Trail, TrailEntry, TrailFound, TrailKeys, TrailQuery, TrailReach } from 'posthouse/api'

/** Nothing survives the process anyway; a server that runs on it for weeks must not grow for ever. */
const MAX_RECORDS = 100_000
const DEFAULT_LIMIT = 100

interface Kept {
  readonly entries: TrailEntry[]
  readonly keys: { readonly at: number; readonly by: TrailKeys }[]
}

export class MemoryTrail implements Trail {
  readonly #records = new Map<string, Kept>()

  async add(entries: readonly TrailEntry[]): Promise<void> {
    this.note(entries)
  }

  async of(id: string): Promise<readonly TrailEntry[]> {
    return [...(this.#records.get(id)?.entries ?? [])]
  }

  async find(query: TrailQuery): Promise<readonly TrailFound[]> {
    const { since = 0, until = Number.POSITIVE_INFINITY, limit = DEFAULT_LIMIT } = query
    const found: TrailFound[] = []
    for (const [id, { keys }] of this.#records) {
      const hits = keys.filter(({ at, by }) => at >= since && at <= until && fits(by, query))
      if (hits.length > 0) found.push({ id, at: Math.min(...hits.map(({ at }) => at)) })
    }
    return found.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).slice(0, limit)
  }

  async reach(): Promise<TrailReach> {
    for (const { entries } of this.#records.values()) return { oldest: entries[0]!.at }
    return {}
  }

  /** `add`, as a part of a larger change. */
  note(entries: readonly TrailEntry[]): void {
    for (const { by, ...entry } of entries) {
      const kept = this.#records.get(entry.id) ?? { entries: [], keys: [] }
      this.#records.set(entry.id, kept)
      kept.entries.push(entry)
      if (by !== undefined) kept.keys.push({ at: entry.at, by })
    }
    for (const id of this.#records.keys()) {
      if (this.#records.size <= MAX_RECORDS) return
      this.#records.delete(id)
    }
  }
}

function fits({ messageId, senders = [], recipients = [], clients = [] }: TrailKeys, query: TrailQuery): boolean {
  const isSender = (wanted: string) => senders.some(one => isAddress(one, wanted))
  const isRecipient = (wanted: string) => recipients.some(one => isAddress(one, wanted))
  return (
    (query.messageId === undefined || (messageId !== undefined && bare(messageId) === bare(query.messageId))) &&
    (query.client === undefined || clients.some(one => one.toLowerCase() === query.client!.toLowerCase())) &&
    (query.sender === undefined || isSender(query.sender)) &&
    (query.recipient === undefined || isRecipient(query.recipient)) &&
    (query.address === undefined || isSender(query.address) || isRecipient(query.address))
  )
}

function isAddress(address: string, wanted: string): boolean {
  const [have, want] = [address.toLowerCase(), wanted.toLowerCase()]
  return want.startsWith('@') ? have.slice(have.lastIndexOf('@')) === want : have !== '' && have === want
}

/** Without its brackets. */
function bare(messageId: string): string {
  return messageId.trim().replace(/^<|>$/g, '').toLowerCase()
}
