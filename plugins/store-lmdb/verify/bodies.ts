/**
 * Whether bodies are counted as often as they are referred to, whole, and there at all; and what lies about that belongs to nothing. While there is something
 * that cannot be read, no body goes and none is counted down: it may be the mail of just that, and its octets are all that is left of it.
 */
import type { Database } from 'lmdb'
import type { Box } from '../boxes.js'
import type { Environment } from '../environment.js'
import { under } from '../keys.js'
import type { Fault, Seen } from './fault.js'
import { type EntryKey, placeOf } from './mailboxes.js'
import type { Moment } from './moment.js'

interface BodyRecord {
  readonly size: number
  readonly chunk: number
  readonly references: number
}

/** Where a message says its body lies: told when that is not there. */
const MOST_PLACES = 1_000

export class BodyLook {
  readonly #bodies: Database<BodyRecord, string>
  readonly #chunks: Database<Buffer, [id: string, n: number]>
  readonly #drafts: Database<number, string>
  readonly #messages: Database<{ readonly bodyId?: unknown }, string>
  readonly #entries: Database<readonly unknown[], EntryKey>
  readonly #putAside: Database<{ readonly from: string }, string>
  readonly #references = new Map<string, number>()
  /** Somebody refers to a body, and nobody knows to which. */
  #unreadable = false

  constructor(env: Environment) {
    this.#bodies = env.database('bodies')
    this.#chunks = env.octets('chunks')
    this.#drafts = env.database('drafts')
    this.#messages = env.database('messages')
    this.#entries = env.database('entries')
    this.#putAside = env.database('broken')
  }

  refer(bodyId: unknown): void {
    if (typeof bodyId !== 'string') this.#unreadable = true
    else this.#references.set(bodyId, (this.#references.get(bodyId) ?? 0) + 1)
  }

  /** When every message of a mailbox was told to `refer`. */
  async *faults(moment: Moment, known: ReadonlyMap<string, Box>, seen: Seen): AsyncGenerator<Fault> {
    for await (const slice of moment.all(this.#messages))
      for (const { value } of slice) this.refer((value as { readonly bodyId?: unknown } | null)?.bodyId)
    for await (const slice of moment.all(this.#putAside))
      if (slice.some(({ value }) => value.from === 'messages')) this.#unreadable = true
    const wanting = new Map<string, number>()
    for await (const slice of moment.all(this.#bodies)) {
      seen.bodies += slice.length
      for (const { key, value } of slice) {
        wanting.set(key, Math.ceil(value.size / value.chunk))
        yield* this.#counted(moment, key, value)
        this.#references.delete(key)
      }
    }
    yield* this.#lost(moment, known, new Set(this.#references.keys()), 'has no body any more')
    yield* this.#pieces(moment, known, wanting)
  }

  *#counted(moment: Moment, id: string, record: BodyRecord): Generator<Fault> {
    const wanted = this.#references.get(id) ?? 0
    const isDraft = wanted === 0 && moment.get(this.#drafts, id) !== undefined
    if (record.references === wanted && (wanted > 0 || isDraft)) return
    const what = `is counted ${record.references} times and referred to ${wanted} times`
    const by = wanted - record.references
    const fault = { kind: 'references', where: `body ${id}`, what } as const
    if (this.#unreadable && by <= 0) yield { ...fault, what: `${what}, or by what cannot be read` }
    else yield { ...fault, mend: () => this.#count(id, by) }
  }

  #count(id: string, by: number): void {
    const now = this.#bodies.get(id)
    if (now === undefined) return
    const references = now.references + by
    if (references > 0) this.#bodies.put(id, { ...now, references })
    else this.#drop(id)
  }

  #drop(id: string): void {
    this.#bodies.remove(id)
    for (const key of [...this.#chunks.getKeys(under(id))]) this.#chunks.remove(key)
  }

  /** Chunks that are missing, and those of bodies that are not there. */
  async *#pieces(moment: Moment, known: ReadonlyMap<string, Box>, wanting: Map<string, number>): AsyncGenerator<Fault> {
    const strangers = new Set<string>()
    for await (const slice of moment.keys(this.#chunks)) {
      for (const [id] of slice) {
        const left = wanting.get(id)
        if (left !== undefined) wanting.set(id, left - 1)
        else if (moment.get(this.#drafts, id) === undefined) strangers.add(id)
      }
    }
    for (const id of strangers)
      yield {
        kind: 'left over',
        where: `body ${id}`,
        what: 'is octets without a record',
        mend: () => this.#dropStranger(id),
      }
    const torn = new Set([...wanting].filter(([, left]) => left > 0).map(([id]) => id))
    yield* this.#lost(moment, known, torn, 'lacks a piece of its body')
  }

  #dropStranger(id: string): void {
    if (!this.#bodies.doesExist(id) && !this.#drafts.doesExist(id)) this.#drop(id)
  }

  /** Nothing can give octets back: who has the messages is told. */
  async *#lost(
    moment: Moment,
    known: ReadonlyMap<string, Box>,
    bodies: ReadonlySet<string>,
    what: string,
  ): AsyncGenerator<Fault> {
    if (bodies.size === 0) return
    let told = 0
    for await (const slice of moment.all(this.#entries)) {
      for (const { key, value } of slice) {
        if (!bodies.has(String(value[0])) || !known.has(key[0]) || ++told > MOST_PLACES) continue
        yield { kind: 'lost', where: placeOf(known.get(key[0])), what: `message ${key[1]} ${what}` }
      }
    }
    for await (const slice of moment.all(this.#messages))
      for (const { key, value } of slice)
        if (bodies.has(String(value.bodyId))) yield { kind: 'lost', where: 'queue', what: `message ${key} ${what}` }
  }
}
