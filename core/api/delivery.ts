/**
 * Targets and jobs: how a message leaves the queue. A target is named in a claim (`via('mx', …)`), gets jobs and says what
 * became of each recipient. A local target answers `filed`: it says where the message belongs, and core commits it.
 */
import type { Socket } from 'node:net'
import type { Chunks } from '../text/index.js'
import type { Address } from './address.js'
import type { Claim } from './answers.js'
import type { Call } from './hooks.js'
import type { SenderClass } from './queue.js'
import type { ReplyClass, ReplyStage } from './replies.js'
import type { DsnWish, Endpoint, Wishes } from './session.js'
import type { Filing } from './stores.js'

export interface JobRecipient {
  /** Number of the row within the message; names the recipient in outcomes. */
  readonly row: number
  readonly to: Address
  /** What RCPT said, before aliases. */
  readonly original: Address
  readonly dsn: DsnWish
  /** Attempts made before this one. */
  readonly tries: number
  readonly detail: Readonly<Record<string, string>>
  readonly quarantine?: string
}

/** Whose word a message came in on: written by this server, by somebody who had logged in, or from a `trusted` network of server.yaml. */
export type Submitter = 'local' | 'authenticated' | 'trusted'

/** Facts of a job, without its bytes. */
export interface JobView extends Wishes {
  /** Queue id: the id of the transaction that brought the message. */
  readonly id: string
  readonly target: string
  /** Recipients that may share a connection: a domain, usually. */
  readonly lane: string
  readonly sender: Address | null
  /** Left out: anybody; it came from elsewhere for us, and goes on by an alias or to a domain we relay for. */
  readonly submitter?: Submitter
  /** Who had logged in. */
  readonly login?: string
  readonly senderClass?: SenderClass
  readonly recipients: readonly JobRecipient[]
  /** Milliseconds since the epoch. */
  readonly received: number
  readonly utf8: boolean
  readonly body: '7BIT' | '8BITMIME' | 'BINARYMIME'
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  /** The fields we put in front of the body so far (Received and what plugins added), CRLF ended. */
  readonly prefix: string
  /** Octets as they will be sent: prefix + body − cuts. */
  readonly size: number
}

export interface Job extends JobView {
  /** The octets as they will be sent, strict CRLF, not dot-stuffed. */
  chunks(): Chunks
  /** Octets [from, to) of the same sum. */
  read(from?: number, to?: number): Promise<Buffer>
  /**
   * For a peer that takes only 7 bits (RFC 6152 §3), or no binary body (RFC 3030 §3): the same message, converted and then signed. Octets, `size` and
   * `prefix` are those that go out then; the job's own where nothing has to be converted. Costs a reading of the whole message.
   */
  sevenBit(): Promise<SevenBit>
}

export type SevenBit =
  | { readonly kind: 'job'; readonly job: Job }
  /** It would not be the same message any more, or its signatures would not hold. `status`: 5.6.x. */
  | { readonly kind: 'impossible'; readonly status: string; readonly text: string }

/** What became of one recipient. */
export type Outcome =
  | {
      readonly kind: 'delivered'
      readonly row: number
      /** `mx1.example.net [192.0.2.1]:25` */
      readonly remote: string
      /** The remote's reply as it came, sanitised. */
      readonly reply: string
      /** `TLSv1.3`, or left out for clear text. */
      readonly tls?: string
      /** How safe the way there was, and why so: `TLS 1.3, verified by MTA-STS`. */
      readonly security?: string
      /** Which of our addresses and names it went out by: `bulk: 192.0.2.7 (out1.example.net)`. */
      readonly source?: string
      /** The remote was told what the sender wants to hear (RFC 3461 §5.2.1) and reports from here on; otherwise we do. */
      readonly reports?: boolean
      /** The remote was told until when the message is of use (RFC 2852). */
      readonly timed?: boolean
      /** This was its final delivery (RFC 5321 §2.3.10), to a file or a program of this machine: told as delivered, not as passed on. */
      readonly final?: true
    }
  | {
      readonly kind: 'filed'
      readonly row: number
      /** Copies, as many as its owner wants: with `forwards` or without, there may be none. */
      readonly filings: readonly Filing[]
      /** It goes on to others by the wish of whose mailbox it is. Never of quarantined mail: core leaves those out. */
      readonly forwards?: readonly Forward[]
      /** Written to the sender in its owner's name. Never of quarantined mail either. */
      readonly answers?: readonly Answer[]
      /** Whose wish it was that it is so, for the trail: `rule "lists"`. Left out: nobody had one. */
      readonly because?: string
      /** Sentences for the trail: what was wished and not done, and why. */
      readonly notes?: readonly string[]
    }
  | ({
      readonly kind: 'deferred'
      readonly row: number
      /** Enhanced status, 4.x.x. */
      readonly status: string
      readonly text: string
      readonly remote?: string
      readonly reply?: string
      readonly source?: string
      /** Of no use before this time (milliseconds since the epoch). */
      readonly notBefore?: number
      /** For a reason of our own (a limit, a suspension) nobody was asked: this was no attempt, and it is due again at `notBefore`. */
      readonly untried?: true
      /** Not to be tried again by itself: held for this reason from now on, and this was no attempt. */
      readonly hold?: string
    } & Meaning)
  | ({
      readonly kind: 'failed'
      readonly row: number
      /** Enhanced status, 5.x.x. */
      readonly status: string
      readonly text: string
      /** Its time is over: told as "gave up", not as "failed". */
      readonly expired?: boolean
      readonly source?: string
      readonly remote?: string
      readonly reply?: string
    } & Meaning)

/** The same message for somebody else, as new recipients of it that are accepted in the commit that files it. */
export interface Forward {
  /** As the wish names it. */
  readonly to: Address
  /** Who takes it there; at least one. Their `fields` hold a `Delivered-To`, so that it is known again if it comes back. */
  readonly claims: readonly Claim[]
  /** Whose wish: `rule "lists"`. */
  readonly because: string
}

/** A message of ours that is accepted in the commit that files the one it answers; left out when nobody takes it. */
export interface Answer {
  /** Queue id, as `newId` makes them. */
  readonly id: string
  readonly sender: Address | null
  readonly to: Address
  /** Header and body, with CRLF. */
  readonly bytes: Buffer
  /** Why it is written, for the trail: `vacation answer for alice@example.org`. */
  readonly reason: string
}

/** Of a "no". */
export interface Meaning {
  /** When the reply was said. */
  readonly stage?: ReplyStage
  /** What it means and which rule says so: core's to say, after the target (`rules/replies`). */
  readonly class?: ReplyClass
  readonly rule?: string
}

/** Delivers what waits in some lanes now, through a target made for the occasion: for mail that its receiver comes and gets. */
export interface Dispatcher {
  /** Resolves when nothing is left to try, or when `signal` has fired and what was under way has ended. */
  drain(wish: DrainWish): Promise<Drained>
  /** There is a sign that these lanes (`target/lane`) answer again: what waits because nobody did is tried. Never rejects. */
  answers?(lanes: Iterable<string>): Promise<void>
}

/** News on the bus: somebody wants this lane (`target/lane`) to be tried, although nobody answered there. */
export const TRY_LANE = 'delivery-try'

export interface DrainWish {
  /** `target/lane` */
  readonly lanes: ReadonlySet<string>
  /** Rows held for this reason are taken too; what is put off stays held, is not counted as expired, and is not tried twice. */
  readonly held?: string
  readonly target: Target
  /** No further job is begun; the one under way ends on its own, within a grace time. */
  readonly signal: AbortSignal
}

export interface Drained {
  /** Recipients. */
  readonly delivered: number
  /** Refused for good: the sender is told. */
  readonly failed: number
  /** Put off, and kept. */
  readonly left: number
}

/** Speaks SMTP or LMTP as a client over a connection that somebody else has made. */
export interface MailClient {
  /** Waits for the greeting and says EHLO. Rejects when the peer does not talk to us. */
  open(socket: Socket, peer: MailPeer, call: Call): Promise<MailLink>
}

export interface MailPeer {
  readonly name: string
  readonly remote: Endpoint
  /** Protocol, when the socket is encrypted: `TLSv1.3`. */
  readonly tls?: string
  /** Left out: `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp'
}

export interface MailLink {
  /** False when nothing more can be delivered here. */
  readonly usable: boolean
  /** One job at a time. Never rejects for what the peer does. */
  deliver(job: Job, call: Call): Promise<readonly Outcome[]>
  /** QUIT; resolves when the connection is closed, in two seconds at most. */
  quit(): Promise<void>
}

/** Who sends it. */
export interface SentBy {
  readonly sender: Address | null
  readonly login?: string
  readonly senderClass?: SenderClass
}

/** What a target would do now with mail for an address: for people. Names are looked up, no mail host is connected to. */
export interface Explanation {
  readonly lane: string
  /** What decides, and where that stands: `route "*" (plugins.yaml:12:9)`, `MX of example.org`. */
  readonly because: string
  readonly protocol: 'smtp' | 'lmtp'
  /** Best first; hosts of one preference in any order. */
  readonly hosts: readonly ExplainedHost[]
  /** Why there is no host to go to, with its status: `5.1.10 example.org does not accept mail (null MX)`. */
  readonly trouble?: string
  /** As whom we log in there, never how. */
  readonly login?: string
  /** Our pool of sources, and what decides that. */
  readonly pool?: { readonly name: string; readonly because: string; readonly sources: readonly string[] }
}

export interface ExplainedHost {
  readonly name: string
  /** Left out for a Unix socket, whose path is the name. */
  readonly port?: number
  /** Of the MX record. */
  readonly preference?: number
  /** In the order they are tried. */
  readonly addresses: readonly string[]
  /** Why it is passed over: `only private addresses`. */
  readonly trouble?: string
  /** What is asked of TLS, and who asks: `TLS required and verified by its key (route)`. */
  readonly security: string
}

/** What a target asks leave for: a new connection, and a message over one. */
export type Wanted =
  | { readonly kind: 'connection' }
  | { readonly kind: 'message'; readonly recipients: number; readonly bytes: number }

/** `waitMs`: there was no room; as much may be granted then. `why` says which limit it is. */
export type Allowed =
  /** `giveBack`: what was charged and then not used. */
  | { readonly granted: true; giveBack?(): Promise<void> }
  /** `own`: a limit of our address, so another one may have room. */
  | { readonly granted: false; readonly waitMs: number; readonly why: string; readonly own?: true }

/** Its `signal` belongs to the attempt: what is still listened to or followed afterwards is left alone, but who only keeps it may see it fire for another. */
export interface DeliveryCall extends Call {
  /**
   * Charged to the limits of the lane and of our address `source` (left out: the system chooses), over all workers. What was not granted is
   * not done: the recipients left are deferred as `untried`, with `notBefore`. Left out: nothing is limited here.
   */
  allow?(wanted: Wanted, source?: string): Promise<Allowed>
}

export interface Target {
  /** `remote` targets send mail out: core lets only allowed claims reach them. */
  readonly scope: 'local' | 'remote'
  /**
   * What it does cannot be undone: it only gets mail that is on disk already, from the queue. Left out: mail of a `local` target is delivered before
   * it is accepted, so that one commit does both.
   */
  readonly queued?: true
  /** Which lane a recipient belongs to. Pure and quick; `by` may be unknown. */
  lane(to: Address, by?: SentBy): string
  /**
   * The site of a lane, as far as it is known: lanes whose mail goes to the same hosts are one, and share what is limited. Pure and quick.
   */
  site?(lane: string): string | undefined
  /** One outcome per recipient. A throw or a missing outcome counts as deferred. */
  deliver(job: Job, call: DeliveryCall): Promise<readonly Outcome[]>
  /** For `posthouse delivery explain`. Left out: nothing to tell but the lane. */
  explain?(to: Address, by: SentBy, signal: AbortSignal): Promise<Explanation>
}
