/**
 * The stores behind interfaces: bodies, queue (in queue.ts), mailboxes, trail (in trail.ts), state. Each has one contract suite in `test/contracts/` that every
 * backend runs. Rules for all of them: a promise that resolves for a change means it is on disk; UIDs cross the interface, sequence
 * numbers never do; leases, not locks; `watch` is the backend's duty; nothing assumes one process.
 */
import type { MailIndex } from './mail-index.js'
import type { Claimed, LendWish, NewMessage, NewRow, Queue } from './queue.js'
import type { Roll, RollLine } from './roll.js'
import type { Trail, TrailEntry } from './trail.js'

// ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Octets [from, to) of the stored body that are taken out of every view of it: whole header fields. Sorted, not overlapping. */
export type Cut = readonly [from: number, to: number]

/** A body on its way in: small ones stay in memory until the commit, large ones are in chunks nothing refers to yet. */
export type NewBody =
  | { readonly kind: 'memory'; readonly bytes: Buffer }
  | { readonly kind: 'stored'; readonly id: string; readonly size: number }

export interface BodyDraft {
  /** Resolves when the draft can take more. */
  write(chunk: Buffer): Promise<void>
  /** The body, to be handed to `Store.accept` or `Mailbox.append`. */
  finish(): Promise<NewBody>
  abandon(): Promise<void>
}

/** Bodies are immutable, counted by what refers to them and removed with the last reference. Orphaned drafts are swept. */
export interface Blobs {
  draft(): BodyDraft
  /** Octets [from, to) of a stored body. Throws `message-gone`. */
  read(id: string, from?: number, to?: number): Promise<Buffer>
}

/** The sum that every reader sees: prefix + body − cuts. */
export interface StoredMessage {
  readonly bodyId: string
  readonly bodySize: number
  readonly cuts: readonly Cut[]
  /** Header fields in front, CRLF ended; Latin-1 or UTF-8 text. */
  readonly prefix: string
  /** Octets of the sum. */
  readonly size: number
}

// ── accepting ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Put this message into that mailbox. The account's INBOX and Junk exist from its first filing on. */
export interface Filing {
  readonly accountId: string
  /** Hierarchical name with `/`; created when missing, and subscribed to then. */
  readonly mailbox: string
  readonly flags: readonly string[]
  /** All fields in front of the body for this copy, Return-Path first. */
  readonly prefix: string
  /** INTERNALDATE. */
  readonly date: number
}

/** A message with everything that becomes true when it is accepted. */
export interface Acceptance {
  readonly message: NewMessage
  readonly rows: readonly NewRow[]
  readonly filings: readonly Filing[]
  readonly trail: readonly TrailEntry[]
  /** Messages of ours that are accepted with it: answers to it. */
  readonly follow?: readonly Acceptance[]
}

/** Everything one engine stores together. */
export interface Store {
  readonly blobs: Blobs
  readonly queue: Queue
  readonly mail: MailStore
  readonly trail: Trail
  /**
   * One durable step: body, queue rows, filings, trail. When it resolves, 250 may be said. Concurrent calls share a commit.
   * With `lend` rows that are due and not held are under leases from the first moment, and nobody else can claim them: the jobs it resolves to.
   */
  accept(acceptance: Acceptance, lend?: LendWish): Promise<readonly Claimed[]>
  /** Waits until what is under way is on disk. The store is not used afterwards. */
  close(): Promise<void>
}

// ── mailboxes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** RFC 6154 */
export type SpecialUse = 'Archive' | 'Drafts' | 'Junk' | 'Sent' | 'Trash'

export interface MailboxInfo {
  /** Stable through renames (RFC 8474). */
  readonly id: string
  /** UTF-8, `/` between levels; INBOX in upper case. */
  readonly name: string
  readonly uidValidity: number
  readonly uidNext: number
  readonly highestModseq: number
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  /** Octets of all messages. */
  readonly bytes: number
  readonly subscribed: boolean
  readonly specialUse?: SpecialUse
}

export interface MailEntry extends StoredMessage {
  readonly uid: number
  /** Stable through copies and moves (RFC 8474). */
  readonly emailId: string
  /** Sorted; system flags as `\Seen`, keywords as given first. */
  readonly flags: readonly string[]
  readonly modseq: number
  /** INTERNALDATE. */
  readonly date: number
  /** When it came into this mailbox (RFC 8514). */
  readonly saved: number
  /** Its POP3 clients know it by that from another server (RFC 1939 §7). It goes along when the message is moved, and never with a copy. */
  readonly uniqueId?: string
}

export interface NewMail {
  readonly body: NewBody
  readonly flags: readonly string[]
  readonly date: number
}

/** A message of another mail server, with what its clients know it by. */
export interface BroughtMail extends NewMail {
  /** Names it where it comes from; a mailbox takes each once, and remembers it also when the message is gone. */
  readonly source: string
  /** Its UID there, kept unless it is below the mailbox's UIDNEXT: then it gets the next one. */
  readonly uid?: number
  /** 1 to 70 characters from ! to ~ (RFC 1939 §7). */
  readonly uniqueId?: string
}

export type FlagChange =
  | { readonly kind: 'add'; readonly flags: readonly string[] }
  | { readonly kind: 'remove'; readonly flags: readonly string[] }
  | { readonly kind: 'replace'; readonly flags: readonly string[] }

export interface Changes {
  /** HIGHESTMODSEQ these changes lead to. */
  readonly modseq: number
  readonly uidNext: number
  /** New or changed since, by uid. */
  readonly changed: readonly RollLine[]
  /** Expunged since, ascending. */
  readonly vanished: readonly number[]
  /** False when it is so long ago that some of what was expunged is forgotten: what is not listed any more has vanished then. */
  readonly complete: boolean
  /** The mailbox itself is gone. */
  readonly gone: boolean
}

/** A mailbox at one moment, for who opens it. */
export interface MailboxSnapshot {
  readonly info: MailboxInfo
  /** The caller's own. `changes` since its MODSEQ leads on from it. */
  readonly roll: Roll
}

/** One mailbox. Every call throws `mailbox-gone` when it has been deleted meanwhile. UIDs that do not exist are passed over. */
export interface Mailbox {
  readonly accountId: string
  readonly id: string
  info(): Promise<MailboxInfo>
  /** Who has all messages to look at asks for this, and not for the list: it costs little more than what has changed since somebody asked last. */
  snapshot(): Promise<MailboxSnapshot>
  /** Ascending by uid; [from, to] inclusive, default all. */
  list(from?: number, to?: number): Promise<readonly MailEntry[]>
  get(uids: readonly number[]): Promise<readonly MailEntry[]>
  /** Octets [from, to) of the sum. Throws `message-gone`. */
  read(entry: MailEntry, from?: number, to?: number): Promise<Buffer>
  /** All octets of several messages, in order; `undefined` where one is gone. All are held at once: whoever asks bounds how many octets that are. */
  readAll(entries: readonly MailEntry[]): Promise<readonly (Buffer | undefined)[]>
  /** Resolves to the new UIDs in order. Throws `mailbox-full`. */
  append(mails: readonly NewMail[]): Promise<readonly number[]>
  /**
   * Takes in messages of another server; those whose source it has taken before are passed over. Resolves to the UIDs of all, in order. No UID
   * below `uidNext` is given to anything else afterwards.
   */
  bring(mails: readonly BroughtMail[], uidNext?: number): Promise<readonly number[]>
  /** The UID each source was given here, in order, if it was ever brought; the message may be gone. */
  brought(sources: readonly string[]): Promise<readonly (number | undefined)[]>
  /**
   * Changes flags of existing messages; entries after the change, ascending. With `unchangedSince` messages with a higher modseq are
   * left alone and named in `refused` (RFC 7162 §3.1.3).
   */
  flag(
    uids: readonly number[],
    change: FlagChange,
    unchangedSince?: number,
  ): Promise<{ readonly entries: readonly MailEntry[]; readonly refused: readonly number[] }>
  /** Resolves to those really removed, ascending. */
  expunge(uids: readonly number[]): Promise<readonly number[]>
  /** All or nothing, into the mailbox with the id `to` of the same account. Pairs of old and new UID. Throws `mailbox-gone`. */
  copy(uids: readonly number[], to: string): Promise<readonly (readonly [from: number, to: number])[]>
  /** Each message is copied and expunged in one step, many not all at once (RFC 6851 §3.3); what is under way when it throws is as it was. */
  move(uids: readonly number[], to: string): Promise<readonly (readonly [from: number, to: number])[]>
  /**
   * Puts `mail` into the mailbox with the id `to` and takes the message `uid` away here, in one step (RFC 8508). Resolves to the new UID. Throws
   * `message-gone`, `mailbox-gone`, `mailbox-full`; nothing is changed then.
   */
  replace(uid: number, mail: NewMail, to: string): Promise<number>
  /** What happened after `modseq`. */
  changes(since: number): Promise<Changes>
  /** Of the same, only what was expunged. The last `MOST_TOMBSTONES` expunged messages are remembered at least. */
  vanished(since: number): Promise<Pick<Changes, 'vanished' | 'complete'>>
  /** Told soon after any change, also of other processes. */
  watch(listener: () => void): () => void
  /**
   * What `read` makes of the digest that is kept of each message, in the same order; `undefined` where there is none. The octets are good until
   * `read` returns.
   */
  digests<T>(entries: readonly MailEntry[], read: (digest: Buffer, entry: MailEntry) => T): Promise<(T | undefined)[]>
  /**
   * Kept for all copies of the message until it is gone, in place of what is there then, unless that `stays`: somebody else may have been quicker, with a
   * better one. The octets `there` are good until `stays` returns. Of a message that is gone nothing is kept.
   */
  keepDigests(
    digests: readonly (readonly [entry: MailEntry, digest: Buffer])[],
    stays?: (there: Buffer, digest: Buffer) => boolean,
  ): Promise<void>
  readonly index: MailIndex
}

/** Mailboxes by account id. Every account has INBOX, and Archive, Drafts, Junk, Sent, Trash from its first use. */
export interface MailStore {
  list(accountId: string): Promise<readonly MailboxInfo[]>
  /** By name; `undefined` when there is none. */
  find(accountId: string, name: string): Promise<MailboxInfo | undefined>
  open(accountId: string, mailboxId: string): Promise<Mailbox>
  /** Missing parents are made too. Throws `mailbox-exists`, `mailbox-forbidden`. */
  create(accountId: string, name: string, specialUse?: SpecialUse): Promise<MailboxInfo>
  /**
   * The mailbox of that name, made when it is missing, with the UIDVALIDITY that it has on another server. One that ever had a message stays as it is,
   * and so does any when the value is above `MOST_ADOPTED_UID_VALIDITY`: what came of it is in the answer. No mailbox made later gets the value again but
   * by adopting it, and not when one of that name gave UIDs under it which the other server does not know (RFC 9051 §2.3.1.1).
   */
  adopt(accountId: string, name: string, uidValidity: number): Promise<MailboxInfo>
  /** Inferiors move along. Renaming INBOX moves its messages and leaves it empty (RFC 3501 §6.3.5). */
  rename(accountId: string, from: string, to: string): Promise<void>
  /** Throws `mailbox-forbidden` for INBOX and `mailbox-gone`. Inferiors stay. */
  delete(accountId: string, name: string): Promise<void>
  /** A name may be subscribed to without existing. */
  subscribe(accountId: string, name: string, subscribed: boolean): Promise<void>
  subscriptions(accountId: string): Promise<readonly string[]>
  usage(accountId: string): Promise<{ readonly bytes: number; readonly messages: number }>
  /** Everything of the account. */
  removeAccount(accountId: string): Promise<void>
  /** Told soon after this process has put messages into a mailbox, whichever it is. */
  watchArrivals(listener: (accountId: string, mailboxId: string) => void): () => void
}

// ── state ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** At most `limit` in any `windowMs`. */
export interface Budget {
  readonly limit: number
  readonly windowMs: number
}

export interface Spending {
  /** Whether there was room; if not, nothing was taken. */
  readonly granted: boolean
  /** What counts against the limit now. */
  readonly used: number
  /** When as much would be granted, milliseconds from now; 0 when it was. `Infinity`: more than the limit can never be. */
  readonly waitMs: number
}

/** How fast the sums of a tally fade. */
export interface Fading {
  readonly halfLifeMs: number
}

/** One of a bounded number of places, across all processes. Given back by itself when its process ends. */
export interface Place {
  leave(): Promise<void>
}

export interface StateEntry {
  readonly key: string
  readonly value: string
  readonly expires: number
}

/**
 * Counters, rates, places and seen-sets with expiry, shared by workers. May lag a flush. Keys are namespaced per plugin by core.
 * Bounded in size: when it is full, what expires first goes first.
 */
export interface State {
  get(key: string, now: number): Promise<string | undefined>
  put(key: string, value: string, expires: number): Promise<void>
  /** Adds and resolves to the new count; a counter that has expired starts from 0. */
  add(key: string, by: number, now: number, expires: number): Promise<number>
  /** Takes `amount` out of a budget, which is there again when it has left the window; 0 only asks, less than 0 gives back. */
  spend(key: string, amount: number, budget: Budget, now: number): Promise<Spending>
  /**
   * Adds to named sums under one key that fade, each by half in every half-life; less than 0 takes away, and no sum falls below 0. Kept until
   * little is left of the largest. `get` has the tally, for `readTally` of `posthouse/text`.
   */
  tally(key: string, amounts: Readonly<Record<string, number>>, fading: Fading, now: number): Promise<void>
  /** `undefined` when `most` places are taken. */
  enter(key: string, most: number, now: number): Promise<Place | undefined>
  /** Whether it was there. */
  remove(key: string): Promise<boolean>
  /** What is kept by `put`, `add` and `tally` under keys with this beginning, by key; at most `most` (default 10,000). */
  list(prefix: string, now: number, most?: number): Promise<readonly StateEntry[]>
}
