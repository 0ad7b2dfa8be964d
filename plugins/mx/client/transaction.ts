/**
 * One mail transaction: MAIL, RCPT…, DATA, the message, the final dot; pipelined when the peer can (RFC 2920).
 * Never throws for what a peer does: the result says for each recipient what became of it, and whether the connection is still in step.
 * The rule it keeps: once the final dot is on its way, silence means "unknown", which is neither failure nor a reason to ask another host.
 */
import { type BodyEncoder, CountedEncoder, DataEncoder } from 'posthouse/text'
import type { Reply } from './reply.js'
import type { Limits, MailSession } from './session.js'
import { Trouble } from './trouble.js'

export interface Mail {
  /** `FROM:<…>` with parameters, without the verb. */
  readonly from: string
  readonly recipients: readonly MailRecipient[]
  /** A binary body: so many octets, sent by BDAT as they are (RFC 3030 §2). */
  readonly counted?: number
  chunks(): AsyncIterable<Buffer>
}

export interface MailRecipient {
  readonly row: number
  /** `TO:<…>` with parameters, without the verb. */
  readonly to: string
}

export type RecipientResult =
  | { readonly kind: 'accepted'; readonly reply: Reply }
  /** 5xx or 4xx, by its code. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly stage: 'MAIL' | 'RCPT' | 'DATA' | 'end of data' }
  /** The connection broke; `unknown` means the peer may have the message all the same. */
  | { readonly kind: 'broken'; readonly trouble: Trouble; readonly unknown: boolean }

export interface Transacted {
  readonly results: ReadonlyMap<number, RecipientResult>
  /** Not a single reply came: an idle connection had died unseen. */
  readonly stale: boolean
}

export async function transact(
  session: MailSession,
  mail: Mail,
  limits: Limits,
  signal: AbortSignal,
): Promise<Transacted> {
  const cancel = () => session.connection.fail(new Trouble('cancelled', 'delivery was cancelled'))
  if (signal.aborted) cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const run = new Run(session, mail, limits)
  try {
    await run.all()
  } catch (error) {
    run.broke(error instanceof Trouble ? error : new Trouble('source', 'the message cannot be read', error))
  } finally {
    signal.removeEventListener('abort', cancel)
  }
  session.uses += 1
  return { results: run.results, stale: !run.heard }
}

/** Octets put together for one write. */
const WRITE_BYTES = 32_768

class Run {
  readonly results = new Map<number, RecipientResult>()
  /** At least one reply came. */
  heard = false
  readonly #session: MailSession
  readonly #mail: Mail
  readonly #limits: Limits
  #dotSent = false

  constructor(session: MailSession, mail: Mail, limits: Limits) {
    this.#session = session
    this.#mail = mail
    this.#limits = limits
  }

  async all(): Promise<void> {
    const { pipelining } = this.#session.extensions
    if (pipelining) await this.#send(this.#group())
    if (this.#session.dirty) await this.#reset(pipelining)
    this.#session.dirty = true
    const accepted = await this.#envelope(pipelining)
    if (this.#mail.counted !== undefined) return this.#counted(accepted, this.#mail.counted)
    if (accepted.length === 0 && !pipelining) return
    const go = await this.#exchange('DATA', pipelining, this.#limits.dataMs)
    if (go.code < 400 && go.code !== 354) throw new Trouble('protocol', `unexpected answer to DATA: ${go.text}`)
    if (go.code !== 354) {
      this.#judge(accepted, go, 'DATA')
      return
    }
    // RFC 2920 §3.1: a server may say 354 although it refused everybody; it gets an empty message.
    if (accepted.length === 0) await this.#send('.\r\n')
    else await this.#body(new DataEncoder())
    await this.#answers(accepted)
    this.#session.dirty = false
  }

  /** BDAT waits for the recipients: without one, nothing is to be sent. */
  async #counted(accepted: readonly number[], octets: number): Promise<void> {
    if (accepted.length === 0) return
    await this.#send(`BDAT ${octets} LAST\r\n`)
    await this.#body(new CountedEncoder(octets))
    await this.#answers(accepted)
    this.#session.dirty = false
  }

  /** RFC 2033 §4.2: LMTP says for each recipient that it took, in their order, what became of the message; SMTP says it once for all. */
  async #answers(accepted: readonly number[]): Promise<void> {
    const each = this.#session.protocol === 'lmtp' ? accepted.map(row => [row]) : [accepted]
    for (const rows of each) this.#judge(rows, await this.#connection.reply(this.#limits.finalMs), 'end of data')
  }

  /** The connection broke at this point: everybody without a result gets this one. */
  broke(trouble: Trouble): void {
    const { connection } = this.#session
    connection.fail(trouble)
    const unknown = this.#dotSent
    for (const { row } of this.#mail.recipients) {
      if (!this.results.has(row)) this.results.set(row, { kind: 'broken', trouble, unknown })
    }
  }

  get #connection() {
    return this.#session.connection
  }

  #group(): string {
    const lines = this.#mail.recipients.map(recipient => `RCPT ${recipient.to}`)
    const reset = this.#session.dirty ? ['RSET'] : []
    const data = this.#mail.counted === undefined ? ['DATA'] : []
    return [...reset, `MAIL ${this.#mail.from}`, ...lines, ...data, ''].join('\r\n')
  }

  async #reset(sent: boolean): Promise<void> {
    await this.#exchange('RSET', sent, this.#limits.commandMs)
  }

  /** The recipients the peer takes. */
  async #envelope(sent: boolean): Promise<readonly number[]> {
    const { recipients } = this.#mail
    const mail = await this.#exchange(`MAIL ${this.#mail.from}`, sent, this.#limits.commandMs)
    const refused = mail.code >= 300
    if (refused)
      this.#judge(
        recipients.map(recipient => recipient.row),
        mail,
        'MAIL',
      )
    const accepted: number[] = []
    if (refused && !sent) return accepted
    for (const { row, to } of recipients) {
      const reply = await this.#exchange(`RCPT ${to}`, sent, this.#limits.commandMs)
      if (refused) continue
      if (reply.code < 300) accepted.push(row)
      else this.#judge([row], fullHouse(reply, accepted.length), 'RCPT')
    }
    return accepted
  }

  async #exchange(line: string, sent: boolean, timeoutMs: number): Promise<Reply> {
    if (!sent) await this.#send(`${line}\r\n`)
    const reply = await this.#connection.reply(timeoutMs)
    this.heard = true
    // RFC 5321 §3.8: 421 may come at any time and closes the channel. What was not judged yet gets this answer.
    if (reply.code === 421) {
      this.#judge(this.#unjudged(), reply, 'MAIL')
      throw new Trouble('lost', reply.text)
    }
    return reply
  }

  /** Small pieces go out together: a short message and its final dot are one packet. */
  async #body(encoder: BodyEncoder): Promise<void> {
    let held: Buffer[] = []
    let heldBytes = 0
    let sentBytes = 0
    try {
      for await (const chunk of this.#mail.chunks()) {
        const encoded = encoder.push(chunk)
        held.push(encoded)
        heldBytes += encoded.length
        // The last octet of a counted body is what the final dot is to others: from then on the peer may have the message.
        const whole = sentBytes + heldBytes === this.#mail.counted
        if (heldBytes < WRITE_BYTES || whole) continue
        await this.#send(Buffer.concat(held))
        sentBytes += heldBytes
        held = []
        heldBytes = 0
        // A peer that speaks before the end has made up its mind: no use in sending the rest.
        if (this.#connection.replied) break
      }
    } catch (error) {
      if (!this.#connection.replied) throw error
    }
    if (this.#connection.replied) await this.#tooEarly()
    const end = encoder.end()
    this.#dotSent = true
    try {
      await this.#send(Buffer.concat([...held, end]))
    } catch (error) {
      // It has answered and closed before our side noticed that all was written.
      if (!this.#connection.replied) throw error
    }
  }

  /** Also what a peer that is out of step says: a reply from before the final dot is never taken for the answer to it. */
  async #tooEarly(): Promise<never> {
    this.#judge(this.#unjudged(), asRefusal(await this.#connection.reply(1)), 'end of data')
    throw new Trouble('lost', 'the peer answered before the message was sent')
  }

  #unjudged(): readonly number[] {
    return this.#mail.recipients.map(recipient => recipient.row).filter(row => !this.results.has(row))
  }

  #judge(rows: readonly number[], reply: Reply, stage: 'MAIL' | 'RCPT' | 'DATA' | 'end of data'): void {
    const accepted = stage === 'end of data' && reply.code < 300
    for (const row of rows) {
      if (this.results.has(row)) continue
      this.results.set(
        row,
        accepted ? { kind: 'accepted', reply } : { kind: 'refused', reply: asRefusal(reply), stage },
      )
    }
  }

  #send(bytes: Buffer | string): Promise<void> {
    return this.#connection.write(bytes, this.#limits.blockMs)
  }
}

/** RFC 5321 §4.5.3.1.10: "552 too many recipients" is to be treated as 452, unless it plainly means something else. */
function fullHouse(reply: Reply, acceptedBefore: number): Reply {
  const tooMany = reply.code === 552 && acceptedBefore > 0 && (reply.status === undefined || reply.status === '5.5.3')
  return tooMany ? { ...reply, code: 452, status: '4.5.3' } : reply
}

/** A positive answer where only 354 or a refusal makes sense is a broken peer: temporary. */
function asRefusal(reply: Reply): Reply {
  return reply.code >= 400 ? reply : { ...reply, code: 451, status: '4.5.0' }
}
