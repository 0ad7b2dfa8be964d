/**
 * Puts mailboxes of another server into an account, some messages in each commit. It may break off anywhere and be begun again: what is there already
 * is told by the store and does not come twice.
 */
import type { BroughtMail, Mailbox, MailboxInfo, MailStore, NewBody, Store } from 'posthouse/api'
import { changeFlags, normaliseFlags } from 'posthouse/text'
import { asSent } from './as-sent.js'
import type { ForeignMail, ForeignMailbox } from './foreign.js'

export interface BringingOptions {
  /** What the mailbox is called here. */
  readonly name: string
  /** Flags of messages that came before are to be as they are there now. */
  readonly flags: boolean
  readonly maxBytes: number
  /** Told of every commit. */
  readonly progress: (done: number) => void
}

/** What came of one mailbox; `--json` prints it so. */
export interface Brought {
  readonly mailbox: string
  readonly from: string
  readonly messages: number
  readonly brought: number
  readonly bytes: number
  /** They came before. */
  readonly known: number
  /** Of those, whose flags were changed. */
  readonly flagged: number
  /** Whether clients find UIDs and UIDVALIDITY as they were. */
  readonly uids: 'kept' | 'new' | 'some new'
  /** Whose UIDL is as it was. */
  readonly uidls: number
  /** What could not be brought, and why. */
  readonly failures: readonly string[]
}

const BATCH_MESSAGES = 200
const BATCH_BYTES = 8 * 1024 * 1024
const MOST_FAILURES_TOLD = 100

export async function bringMailbox(
  { blobs, mail }: Pick<Store, 'blobs' | 'mail'>,
  accountId: string,
  foreign: ForeignMailbox,
  options: BringingOptions,
): Promise<Brought> {
  const info = await mailboxFor(mail, accountId, foreign, options.name)
  const mailbox = await mail.open(accountId, info.id)
  const keeps = foreign.uidValidity !== undefined && info.uidValidity === foreign.uidValidity
  const bringer = new Bringer(blobs, mailbox, keeps, options, await uniqueIdsIn(mailbox, info, foreign))
  for (let at = 0; at < foreign.messages.length; at += BATCH_MESSAGES)
    await bringer.bring(foreign.messages.slice(at, at + BATCH_MESSAGES))
  if (keeps && foreign.uidNext !== undefined) await mailbox.bring([], foreign.uidNext)
  if (foreign.subscribed) await mail.subscribe(accountId, options.name, true)
  return { mailbox: options.name, from: foreign.place, messages: foreign.messages.length, ...bringer.sums }
}

async function mailboxFor(
  mail: MailStore,
  accountId: string,
  { uidValidity }: ForeignMailbox,
  name: string,
): Promise<MailboxInfo> {
  if (uidValidity !== undefined) return mail.adopt(accountId, name, uidValidity)
  return (await mail.find(accountId, name)) ?? mail.create(accountId, name)
}

/** Those that are taken: POP3 clients fetch only the first of two with the same one. */
async function uniqueIdsIn(
  mailbox: Mailbox,
  { uidValidity }: MailboxInfo,
  { messages }: ForeignMailbox,
): Promise<UniqueIds> {
  const taken = new Set<string>()
  if (messages.some(({ uniqueId }) => uniqueId !== undefined))
    for (const { uniqueId } of await mailbox.list()) if (uniqueId !== undefined) taken.add(uniqueId)
  return new UniqueIds(taken, uidValidity)
}

class UniqueIds {
  readonly #taken: Set<string>
  readonly #uidValidity: number

  constructor(taken: Set<string>, uidValidity: number) {
    this.#taken = taken
    this.#uidValidity = uidValidity
  }

  /** The one to be kept, once. None that POP3 gives messages of ours, now or later. */
  take(uniqueId: string | undefined): string | undefined {
    const looksLikeOurs = uniqueId?.startsWith(`${this.#uidValidity}-`) ?? false
    if (uniqueId === undefined || looksLikeOurs || this.#taken.has(uniqueId)) return undefined
    this.#taken.add(uniqueId)
    return uniqueId
  }
}

class Bringer {
  readonly #blobs: Store['blobs']
  readonly #mailbox: Mailbox
  readonly #keeps: boolean
  readonly #options: BringingOptions
  readonly #uniqueIds: UniqueIds
  readonly #failures: string[] = []
  #failed = 0
  #brought = 0
  #bytes = 0
  #known = 0
  #flagged = 0
  #renumbered = 0
  #uidls = 0
  #batch: BroughtMail[] = []
  #batchBytes = 0

  constructor(blobs: Store['blobs'], mailbox: Mailbox, keeps: boolean, options: BringingOptions, uniqueIds: UniqueIds) {
    this.#blobs = blobs
    this.#mailbox = mailbox
    this.#keeps = keeps
    this.#options = options
    this.#uniqueIds = uniqueIds
  }

  get sums(): Omit<Brought, 'mailbox' | 'from' | 'messages'> {
    const more = this.#failed - this.#failures.length
    return {
      brought: this.#brought,
      bytes: this.#bytes,
      known: this.#known,
      flagged: this.#flagged,
      uids: this.#keeps ? (this.#renumbered > 0 ? 'some new' : 'kept') : 'new',
      uidls: this.#uidls,
      failures: more > 0 ? [...this.#failures, `and ${more} more`] : this.#failures,
    }
  }

  async bring(mails: readonly ForeignMail[]): Promise<void> {
    const known = await this.#mailbox.brought(mails.map(({ source }) => source))
    const there = mails.flatMap((mail, at) => (known[at] === undefined ? [] : [{ mail, uid: known[at] }]))
    this.#known += there.length
    if (this.#options.flags) await this.#flag(there)
    for (const [at, mail] of mails.entries()) if (known[at] === undefined) await this.#take(mail)
    await this.#commit()
  }

  async #take(mail: ForeignMail): Promise<void> {
    const body = await this.#bodyOf(mail)
    if (body === undefined) return
    const { source, uid, flags, date } = mail
    const uniqueId = this.#uniqueIds.take(mail.uniqueId)
    this.#batch.push({
      body,
      source,
      flags,
      date,
      ...(this.#keeps && uid !== undefined && { uid }),
      ...(uniqueId !== undefined && { uniqueId }),
    })
    this.#batchBytes += sizeOf(body)
    if (this.#batchBytes >= BATCH_BYTES) await this.#commit()
  }

  /** `undefined`, and told, when the other server's file cannot be read; trouble of our own store goes on. */
  async #bodyOf(mail: ForeignMail): Promise<NewBody | undefined> {
    const draft = this.#blobs.draft()
    const chunks = asSent(mail.chunks())
    let size = 0
    for (;;) {
      let chunk: Buffer | undefined
      try {
        const next = await chunks.next()
        chunk = next.done === true ? undefined : next.value
        size += chunk?.length ?? 0
        if (size > this.#options.maxBytes) throw new Error(`is larger than ${this.#options.maxBytes} octets`)
      } catch (error) {
        await chunks.return(undefined)
        await draft.abandon()
        this.#fail(mail, error)
        return undefined
      }
      if (chunk === undefined) return draft.finish()
      await draft.write(chunk)
    }
  }

  #fail({ place }: ForeignMail, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException
    this.#failed++
    if (this.#failures.length < MOST_FAILURES_TOLD) this.#failures.push(`${place}: ${code ?? message}`)
  }

  async #commit(): Promise<void> {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length > 0) {
      const uids = await this.#mailbox.bring(batch)
      for (const [at, { uid, uniqueId, body }] of batch.entries()) {
        this.#brought++
        this.#bytes += sizeOf(body)
        if (uid !== undefined && uid !== uids[at]) this.#renumbered++
        if (uniqueId !== undefined) this.#uidls++
      }
    }
    this.#options.progress(this.#brought + this.#known + this.#failed)
  }

  async #flag(there: readonly { readonly mail: ForeignMail; readonly uid: number }[]): Promise<void> {
    const wanted = new Map(there.map(({ mail, uid }) => [uid, normaliseFlags(mail.flags)]))
    /** One change for all that get the same flags. */
    const changes = new Map<string, { readonly flags: readonly string[]; readonly uids: number[] }>()
    for (const { uid, flags: before } of await this.#mailbox.get([...wanted.keys()])) {
      const flags = wanted.get(uid)!
      if (changeFlags(before, { kind: 'replace', flags }) === before) continue
      const key = flags.join(' ')
      const change = changes.get(key) ?? { flags, uids: [] }
      changes.set(key, change)
      change.uids.push(uid)
    }
    for (const { flags, uids } of changes.values()) {
      await this.#mailbox.flag(uids, { kind: 'replace', flags })
      this.#flagged += uids.length
    }
  }
}

function sizeOf(body: NewBody): number {
  return body.kind === 'memory' ? body.bytes.length : body.size
}
