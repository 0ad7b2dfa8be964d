/**
 * Takes the octets of one message: scans them, spools them, and knows at the end what is wrong with them.
 * A message that cannot be taken is still read to its true end, unspooled, and refused there: answering earlier would turn the rest of
 * it into commands. Never throws while data comes in; trouble of the spool is kept for the answer.
 */
import { MailError, type SmtpReply } from '../api/index.js'
import type { LimitsConfig } from '../config/types.js'
import { type BareNewline, DataScanner } from './data-scanner.js'
import type { MessageSpool } from './deps.js'
import { bareNewlineInMessage, REPLY } from './replies.js'

/** RFC 5321 §4.5.3.1.6 says 1000 octets; real mail has far longer lines. This bound is only against abuse. */
export const MAX_MESSAGE_LINE = 1024 * 1024

export class Reception {
  readonly #scanner: DataScanner
  readonly #spool: MessageSpool
  readonly #limits: LimitsConfig
  readonly #refuseBare: boolean
  /** Why the message cannot be taken, as soon as it is known. */
  #fault: SmtpReply | undefined
  /** For the log. */
  #error: unknown
  #abandoned: Promise<void> | undefined

  constructor(spool: MessageSpool, limits: LimitsConfig, bare: BareNewline) {
    this.#spool = spool
    this.#limits = limits
    this.#refuseBare = bare === 'refuse'
    this.#scanner = new DataScanner(bare)
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
    const { part, end } = this.#scanner.push(chunk)
    if (this.#fault !== undefined) return end
    this.#fault = this.#problem()
    if (this.#fault !== undefined) {
      this.#drop()
      return end
    }
    if (part.length === 0) return end
    const wait = this.#write(part)
    return wait === undefined ? end : wait.then(() => end)
  }

  /** The client is gone, or the message is refused: nothing is kept. */
  async abandon(): Promise<void> {
    this.#drop()
    await this.#abandoned
  }

  #problem(): SmtpReply | undefined {
    const { size, bare, longestLine, headerBytes } = this.#scanner
    // RFC 1870 §6.3
    if (size > this.#limits.messageBytes) return REPLY.messageTooBig
    if (bare !== undefined && this.#refuseBare) return bareNewlineInMessage(bare)
    // Without an empty line, all of it is header.
    if ((headerBytes ?? size) > this.#limits.headerBytes) return REPLY.headerTooBig
    return longestLine > MAX_MESSAGE_LINE ? REPLY.messageLineTooLong : undefined
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
