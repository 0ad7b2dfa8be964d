/**
 * Takes the octets of one message: scans them, spools them, and knows at the end what is wrong with them.
 * A message that cannot be taken is still read to its true end, unspooled, and refused there: answering earlier would turn the rest of
 * it into commands. Never throws while data comes in; trouble of the spool is kept for the answer.
 */
import { MailError, type SmtpReply } from '../api/index.js'
import type { LimitsConfig, PoliciesConfig } from '../config/types.js'
import { DataScanner, type Framing } from './data-scanner.js'
import type { MessageSpool } from './deps.js'
import { bareNewlineInMessage, REPLY } from './replies.js'

/** RFC 5321 §4.5.3.1.6 says 1000 octets; real mail has far longer lines. This bound is only against abuse. */
export const MAX_MESSAGE_LINE = 1024 * 1024

export class Reception {
  readonly #scanner: DataScanner
  readonly #spool: MessageSpool
  readonly #limits: LimitsConfig
  readonly #policies: PoliciesConfig
  readonly #binary: boolean
  /** Why the message cannot be taken, as soon as it is known. */
  #fault: SmtpReply | undefined
  /** For the log. */
  #error: unknown
  #abandoned: Promise<void> | undefined

  constructor(spool: MessageSpool, limits: LimitsConfig, policies: PoliciesConfig, framing: Framing = 'dots') {
    this.#spool = spool
    this.#limits = limits
    this.#policies = policies
    this.#binary = framing === 'counted-binary'
    const { bareCr, bareLf } = policies
    // One of the two made right is harmless while the other is refused.
    const bare = bareCr === 'normalise' || bareLf === 'normalise' ? 'normalise' : 'refuse'
    this.#scanner = new DataScanner(bare, framing)
  }

  get size(): number {
    return this.#scanner.size
  }

  get fault(): SmtpReply | undefined {
    return this.#fault
  }

  get error(): unknown {
    return this.#error
  }

  /** Index of the first octet after the end of the data, or -1. */
  take(chunk: Buffer): number | Promise<number> {
    const before = this.size
    const { part: scanned, end } = this.#scanner.push(chunk)
    if (this.#fault !== undefined) return end
    const text = this.#binary ? scanned.subarray(0, this.#textBefore(before)) : scanned
    const nul = text.indexOf(0)
    this.#fault = this.#problem(nul >= 0)
    if (this.#fault !== undefined) {
      this.#drop()
      return end
    }
    // RFC 5321 §2.3.8, §4.1.1.4: text; a NUL ends a string for some who read it.
    const part = nul < 0 ? scanned : withoutNul(text, scanned)
    if (part.length === 0) return end
    const wait = this.#write(part)
    return wait === undefined ? end : wait.then(() => end)
  }

  /** Octets of a part of a binary message that are text when it begins at `offset`: those of the header. */
  #textBefore(offset: number): number {
    const { headerBytes } = this.#scanner
    return headerBytes === undefined ? Number.POSITIVE_INFINITY : Math.max(0, headerBytes - offset)
  }

  /** So many more octets are announced: when that is too many, none of them is kept. */
  expect(octets: number): void {
    if (this.#fault !== undefined || this.size + octets <= this.#limits.messageBytes) return
    this.#fault = REPLY.messageTooBig
    this.#drop()
  }

  /** The last counted octet has come. */
  async close(): Promise<void> {
    const rest = this.#scanner.close()
    if (this.#fault !== undefined) return
    this.#fault = this.#problem(false)
    if (this.#fault !== undefined) this.#drop()
    else if (rest.length > 0) await this.#write(rest)
  }

  finish(): ReturnType<MessageSpool['finish']> {
    return this.#spool.finish()
  }

  /** The client is gone, or the message is refused: nothing is kept. */
  async abandon(): Promise<void> {
    this.#drop()
    await this.#abandoned
  }

  #problem(nul: boolean): SmtpReply | undefined {
    const { size, bareCr, bareLf, longestLine, headerBytes } = this.#scanner
    // RFC 1870 §6.3
    if (size > this.#limits.messageBytes) return REPLY.messageTooBig
    if (bareLf && this.#policies.bareLf === 'refuse') return bareNewlineInMessage('LF')
    if (bareCr && this.#policies.bareCr === 'refuse') return bareNewlineInMessage('CR')
    if (nul && this.#policies.nul === 'refuse') return REPLY.nulInMessage
    // Without an empty line, all of it is header.
    if ((headerBytes ?? size) > this.#limits.headerBytes) return REPLY.headerTooBig
    // A binary body has no lines (RFC 3030 §3); the header is bounded above.
    return longestLine > MAX_MESSAGE_LINE && !this.#binary ? REPLY.messageLineTooLong : undefined
  }

  #write(part: Buffer): Promise<void> | undefined {
    try {
      return this.#spool.write(part)?.catch((error: unknown) => this.#failed(error))
    } catch (error) {
      this.#failed(error)
      return undefined
    }
  }

  #failed(error: unknown): void {
    this.#error = error
    this.#fault = error instanceof MailError ? error.reply : REPLY.internal
    this.#drop()
  }

  #drop(): void {
    this.#abandoned ??= this.#spool.abandon().catch((error: unknown) => {
      this.#error ??= error
    })
  }
}

/** `text` is the start of `part`, and only there. */
function withoutNul(text: Buffer, part: Buffer): Buffer {
  return Buffer.concat([text.filter(octet => octet !== 0), part.subarray(text.length)])
}
