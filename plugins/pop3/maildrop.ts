/**
 * INBOX as it was at login: what STAT, LIST and UIDL say does not change during a session (RFC 1939 §3), whatever other clients do.
 * Only UIDs and sizes are held, and the unique-ids that messages have from another server. Marks for deletion live here; `commit` alone makes them true.
 */
import { type Account, type Mailbox, type MailEntry, MOST_MOVED, type Movements, type Store } from 'posthouse/api'

export interface Listed {
  /** Counts from 1. */
  readonly number: number
  readonly size: number
  /** RFC 1939 §7: the same in every session, never used twice. */
  readonly uniqueId: string
}

/** What is held of the messages, in their order. */
interface View {
  readonly uidValidity: number
  readonly uids: readonly number[]
  readonly sizes: readonly number[]
  /** By UID: most have none. */
  readonly uniqueIds: ReadonlyMap<number, string>
}

const EMPTY_MAILDROP: View = { uidValidity: 0, uids: [], sizes: [], uniqueIds: new Map() }

export class Maildrop {
  readonly #mailbox: Mailbox | undefined
  readonly #view: View
  readonly #deleted = new Set<number>()
  readonly #told: ((prefixes: readonly string[]) => void) | undefined

  private constructor(mailbox: Mailbox | undefined, view: View, told?: (prefixes: readonly string[]) => void) {
    this.#told = told
    this.#mailbox = mailbox
    this.#view = view
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
    const view = viewOf(info.uidValidity, entries)
    if (movements === undefined) return new Maildrop(mailbox, view)
    const about = { kind: 'removed', login, protocol: 'pop3', from: 'INBOX' } as const
    return new Maildrop(mailbox, view, prefixes => movements.tell({ ...about, prefixes }))
  }

  /** Those not marked. */
  get count(): number {
    return this.#view.uids.length - this.#deleted.size
  }

  /** Messages with their marks. */
  get total(): number {
    return this.#view.uids.length
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
    const uid = this.#view.uids[number - 1]
    if (uid === undefined || this.#deleted.has(number)) return undefined
    const { uidValidity, sizes, uniqueIds } = this.#view
    return { number, size: sizes[number - 1]!, uniqueId: uniqueIds.get(uid) ?? `${uidValidity}-${uid}` }
  }

  *list(): Generator<Listed> {
    for (let number = 1; number <= this.#view.uids.length; number++) {
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
    return (await this.#mailbox?.get([this.#view.uids[number - 1]!]))?.[0]
  }

  read(entry: MailEntry, from: number, to: number): Promise<Buffer> {
    return this.#mailbox!.read(entry, from, to)
  }

  /** The UPDATE state; what others have removed already is passed over. Resolves to how many went. */
  async commit(): Promise<number> {
    if (this.#mailbox === undefined || this.#deleted.size === 0) return 0
    const uids = [...this.#deleted].map(number => this.#view.uids[number - 1]!).sort((a, b) => a - b)
    // Once it is gone, nobody knows any more which message it was.
    const told = this.#told === undefined ? [] : await this.#mailbox.get(uids.slice(0, MOST_MOVED))
    const gone = await this.#mailbox.expunge(uids)
    this.#deleted.clear()
    const left = new Set(gone)
    this.#told?.(told.filter(({ uid }) => left.has(uid)).map(({ prefix }) => prefix))
    return gone.length
  }
}

function viewOf(uidValidity: number, entries: readonly MailEntry[]): View {
  const uniqueIds = new Map<number, string>()
  for (const { uid, uniqueId } of entries) if (uniqueId !== undefined) uniqueIds.set(uid, uniqueId)
  const uids = entries.map(entry => entry.uid)
  return { uidValidity, uids, sizes: entries.map(entry => entry.size), uniqueIds }
}
