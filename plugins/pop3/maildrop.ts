/**
 * INBOX as it was at login: what STAT, LIST and UIDL say does not change during a session (RFC 1939 §3), whatever other clients do.
 * Only UIDs and sizes are held. Marks for deletion live here; `commit` alone makes them true.
 */
import { type Account, type Mailbox, type MailEntry, MOST_MOVED, type Movements, type Store } from 'posthouse/api'

export interface Listed {
  /** Counts from 1. */
  readonly number: number
  readonly size: number
  /** RFC 1939 §7: the same in every session, never used twice. */
  readonly uniqueId: string
}

const EMPTY_MAILDROP = { uidValidity: 0, uids: [], sizes: [] }

export class Maildrop {
  readonly #mailbox: Mailbox | undefined
  readonly #uidValidity: number
  readonly #uids: readonly number[]
  readonly #sizes: readonly number[]
  readonly #deleted = new Set<number>()
  readonly #told: ((prefixes: readonly string[]) => void) | undefined

  private constructor(
    mailbox: Mailbox | undefined,
    view: { readonly uidValidity: number; readonly uids: readonly number[]; readonly sizes: readonly number[] },
    told?: (prefixes: readonly string[]) => void,
  ) {
    this.#told = told
    this.#mailbox = mailbox
    this.#uidValidity = view.uidValidity
    this.#uids = view.uids
    this.#sizes = view.sizes
  }

  /** `movements`: who is told what was removed. */
  static async open(
    store: Store,
    { id, login }: Pick<Account, 'id' | 'login'>,
    movements?: Movements,
  ): Promise<Maildrop> {
    const info = await store.mail.find(id, 'INBOX')
    if (info === undefined) return new Maildrop(undefined, EMPTY_MAILDROP)
    const mailbox = await store.mail.open(id, info.id)
    const entries = await mailbox.list()
    const uids = entries.map(entry => entry.uid)
    const view = { uidValidity: info.uidValidity, uids, sizes: entries.map(entry => entry.size) }
    if (movements === undefined) return new Maildrop(mailbox, view)
    const about = { kind: 'removed', login, protocol: 'pop3', from: 'INBOX' } as const
    return new Maildrop(mailbox, view, prefixes => movements.tell({ ...about, prefixes }))
  }

  /** Those not marked. */
  get count(): number {
    return this.#uids.length - this.#deleted.size
  }

  /** Messages with their marks. */
  get total(): number {
    return this.#uids.length
  }

  get marked(): number {
    return this.#deleted.size
  }

  get octets(): number {
    let octets = 0
    for (const { size } of this.list()) octets += size
    return octets
  }

  /** `undefined` for a number that is none, or of a message marked for deletion. */
  at(number: number): Listed | undefined {
    const uid = this.#uids[number - 1]
    if (uid === undefined || this.#deleted.has(number)) return undefined
    return { number, size: this.#sizes[number - 1]!, uniqueId: `${this.#uidValidity}-${uid}` }
  }

  *list(): Generator<Listed> {
    for (let number = 1; number <= this.#uids.length; number++) {
      const listed = this.at(number)
      if (listed !== undefined) yield listed
    }
  }

  mark(number: number): void {
    this.#deleted.add(number)
  }

  unmarkAll(): void {
    this.#deleted.clear()
  }

  /** `undefined` when another client has removed it meanwhile. */
  async entry(number: number): Promise<MailEntry | undefined> {
    return (await this.#mailbox?.get([this.#uids[number - 1]!]))?.[0]
  }

  read(entry: MailEntry, from: number, to: number): Promise<Buffer> {
    return this.#mailbox!.read(entry, from, to)
  }

  /** The UPDATE state; what others have removed already is passed over. Resolves to how many went. */
  async commit(): Promise<number> {
    if (this.#mailbox === undefined || this.#deleted.size === 0) return 0
    const uids = [...this.#deleted].map(number => this.#uids[number - 1]!).sort((a, b) => a - b)
    // Once it is gone, nobody knows any more which message it was.
    const told = this.#told === undefined ? [] : await this.#mailbox.get(uids.slice(0, MOST_MOVED))
    const gone = await this.#mailbox.expunge(uids)
    this.#deleted.clear()
    const left = new Set(gone)
    this.#told?.(told.filter(({ uid }) => left.has(uid)).map(({ prefix }) => prefix))
    return gone.length
  }
}
