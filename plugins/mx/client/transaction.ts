/**
 * One mail transaction: MAIL, RCPT…, the message by DATA or BDAT, the answer; pipelined when the peer can (RFC 2920).
 * Never throws for what a peer does: the result says for each recipient what became of it, and whether the connection is still in step.
 * Two rules: once the last octet is on its way, silence means "unknown", which is neither failure nor a reason to ask another host; and
 * whoever answers what cannot be the answer is out of step, so that nothing it said counts (see `step.ts`).
 */
import { afterData, type Content, chunksOf, type Promised, send } from './content.js'
import type { Reply } from './reply.js'
import type { Limits, MailSession } from './session.js'
import { asRefusal, deniesCommand, fullHouse, isMisplaced } from './step.js'
import { Trouble } from './trouble.js'

export interface Mail extends Content {
  /** `FROM:<…>` with parameters, without the verb. */
  readonly from: string
  readonly recipients: readonly MailRecipient[]
  /** By BDAT (RFC 3030); a binary body goes no other way. */
  readonly chunking: boolean
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
  /** Not a single reply came, and no message was sent: an idle connection had died unseen. */
  readonly stale: boolean
  /** BDAT did not work here, whatever the peer offers. Who has no result but `broken` may be offered again, by DATA. */
  readonly chunkless: boolean
  /** How long each of MAIL and RCPT waited for its answer; left out: the connection was lost meanwhile. */
  readonly paceMs?: number
}

export async function transact(
  session: MailSession,
  mail: Mail,
  limits: Limits,
  signal: AbortSignal,
  now: () => number,
): Promise<Transacted> {
  const cancel = () => session.connection.fail(new Trouble('cancelled', 'delivery was cancelled'))
  if (signal.aborted) cancel()
  signal.addEventListener('abort', cancel, { once: true })
  const run = new Run(session, mail, limits, now)
  try {
    await run.all()
  } catch (error) {
    run.broke(error instanceof Trouble ? error : new Trouble('source', 'the message cannot be read', error))
  } finally {
    signal.removeEventListener('abort', cancel)
  }
  session.uses += 1
  const { results, chunkless, paceMs } = run
  return { results, stale: !run.heard && !run.sent, chunkless, ...(paceMs === undefined ? {} : { paceMs }) }
}

class Run {
  readonly results = new Map<number, RecipientResult>()
  /** At least one reply came. */
  heard = false
  /** The last octet of the message is on its way. */
  sent = false
  chunkless = false
  paceMs: number | undefined
  readonly #session: MailSession
  readonly #mail: Mail
  readonly #limits: Limits
  readonly #now: () => number
  readonly #began: number
  /** Of MAIL and RCPT. */
  #answered = 0

  constructor(session: MailSession, mail: Mail, limits: Limits, now: () => number) {
    this.#session = session
    this.#mail = mail
    this.#limits = limits
    this.#now = now
    this.#began = now()
  }

  async all(): Promise<void> {
    const { pipelining } = this.#session.extensions
    if (pipelining) await this.#write(this.#group())
    if (this.#session.dirty) await this.#reset(pipelining)
    this.#session.dirty = true
    const accepted = await this.#envelope(pipelining)
    this.#measure(this.#answered)
    if (this.#mail.chunking) await this.#byChunks(accepted)
    else await this.#byData(accepted, pipelining)
  }

  /** The connection broke at this point: everybody without a result gets this one. */
  broke(trouble: Trouble): void {
    this.#session.connection.fail(trouble)
    if (trouble.kind === 'source' || trouble.kind === 'cancelled') this.chunkless = false
    // The attempt is over: so long we have waited at least.
    if (trouble.kind === 'cancelled' && this.paceMs === undefined) this.#measure(this.#answered + 1)
    for (const row of this.#unjudged) this.results.set(row, { kind: 'broken', trouble, unknown: this.sent })
  }

  #measure(commands: number): void {
    this.paceMs = (this.#now() - this.#began) / commands
  }

  get #connection() {
    return this.#session.connection
  }

  get #unjudged(): readonly number[] {
    return this.#mail.recipients.map(({ row }) => row).filter(row => !this.results.has(row))
  }

  #group(): string {
    const lines = this.#mail.recipients.map(recipient => `RCPT ${recipient.to}`)
    const reset = this.#session.dirty ? ['RSET'] : []
    // RFC 3030 §2: BDAT only after all replies to MAIL and RCPT.
    const data = this.#mail.chunking ? [] : ['DATA']
    return [...reset, `MAIL ${this.#mail.from}`, ...lines, ...data, ''].join('\r\n')
  }

  async #reset(sent: boolean): Promise<void> {
    const reply = await this.#exchange('RSET', sent, this.#limits.commandMs)
    // RFC 5321 §4.1.1.5: there is no other answer.
    if (reply.code >= 300) throw this.#outOfStep('RSET', reply)
  }

  /** The recipients the peer takes. */
  async #envelope(sent: boolean): Promise<readonly number[]> {
    const { recipients, from } = this.#mail
    const mail = await this.#exchange(`MAIL ${from}`, sent, this.#limits.commandMs)
    this.#answered += 1
    if (isMisplaced(mail)) throw this.#outOfStep('MAIL', mail)
    const refused = mail.code >= 300
    if (refused) this.#judge(this.#unjudged, mail, 'MAIL')
    const accepted: number[] = []
    if (refused && !sent) return accepted
    for (const { row, to } of recipients) {
      const reply = await this.#exchange(`RCPT ${to}`, sent, this.#limits.commandMs)
      this.#answered += 1
      // Nobody is taken without a sender, and 503 means that there was none: one of us has lost count.
      if (refused ? reply.code < 300 : isMisplaced(reply)) throw this.#outOfStep('RCPT', reply)
      if (refused) continue
      if (reply.code < 300) accepted.push(row)
      else this.#judge([row], fullHouse(reply, accepted.length), 'RCPT')
    }
    return accepted
  }

  async #byData(accepted: readonly number[], pipelining: boolean): Promise<void> {
    if (accepted.length === 0 && !pipelining) {
      await this.#nothingMore()
      return
    }
    const go = await this.#exchange('DATA', pipelining, this.#limits.dataMs)
    if (go.code < 400 && go.code !== 354) throw this.#outOfStep('DATA', go)
    if (accepted.length > 0 && isMisplaced(go)) throw this.#outOfStep('DATA', go)
    if (go.code !== 354) {
      if (accepted.length > 0) await this.#confirm()
      this.#judge(accepted, go, 'DATA')
      return
    }
    // RFC 2920 §3.1: a server may say 354 although it refused everybody; it gets an empty message.
    if (accepted.length === 0) await this.#write('.\r\n')
    else await this.#send(afterData(this.#mail))
    await this.#answers(accepted)
    this.#session.dirty = false
  }

  /** BDAT waits for the recipients: without one, nothing is to be sent. */
  async #byChunks(accepted: readonly number[]): Promise<void> {
    await this.#nothingMore()
    if (accepted.length === 0) return
    // A peer that cannot do it falls silent, hangs up or takes the message for commands.
    this.chunkless = true
    for await (const chunk of chunksOf(this.#mail)) {
      await this.#send(chunk)
      if (chunk.last) await this.#answers(accepted)
      else if (!(await this.#goesOn(accepted))) return
    }
    // RFC 3030 §2: after a refused chunk RSET has to come first.
    this.#session.dirty = accepted.some(row => this.results.get(row)?.kind !== 'accepted')
    this.chunkless = false
  }

  /** RFC 3030 §2: after a refused chunk the transaction has failed. */
  async #goesOn(accepted: readonly number[]): Promise<boolean> {
    const reply = this.#orChunkless(await this.#connection.reply(this.#limits.finalMs))
    if (reply.code < 300) return true
    this.#judge(accepted, reply, 'end of data')
    if (reply.code === 421) throw this.#closing(reply)
    this.chunkless = false
    return false
  }

  /** RFC 2033 §4.2: LMTP says for each recipient that it took, in their order, what became of the message; SMTP says it once for all. */
  async #answers(accepted: readonly number[]): Promise<void> {
    const each = this.#session.protocol === 'lmtp' ? accepted.map(row => [row]) : [accepted]
    for (const rows of each) {
      const reply = this.#orChunkless(await this.#connection.reply(this.#limits.finalMs))
      this.#judge(rows, reply, 'end of data')
      // RFC 5321 §3.8: after a 421 the channel is closed.
      if (reply.code === 421) throw this.#closing(reply)
    }
  }

  #closing(reply: Reply): Trouble {
    this.chunkless = false
    return new Trouble('lost', reply.text)
  }

  /** It refuses the command, or waits for more: it was not the message that displeased. What it does with the octets nobody knows. */
  #orChunkless(reply: Reply): Reply {
    if (!this.#mail.chunking || !deniesCommand(reply)) return reply
    if (reply.code >= 500) this.sent = false
    throw new Trouble('protocol', `unexpected answer to BDAT: ${reply.text}`)
  }

  /** All that was asked is answered: who goes on speaking has answered something else before, or says good-bye. */
  async #nothingMore(): Promise<void> {
    if (!this.#connection.replied) return
    const reply = await this.#connection.reply(1)
    if (reply.code !== 421) throw this.#outOfStep('nothing', reply)
    throw this.#bye(reply)
  }

  /** RFC 5321 §3.8: 421 may come at any time and closes the channel. What was not judged yet gets this answer. */
  #bye(reply: Reply): Trouble {
    this.#judge(this.#unjudged, reply, 'MAIL')
    return new Trouble('lost', reply.text)
  }

  /** Recipients were taken and the message is not wanted: the last word, if it was the answer to DATA. RSET tells. */
  async #confirm(): Promise<void> {
    const connection = this.#connection
    const reply = await this.#toReset().catch(() => undefined)
    // Who hangs up after a refusal has said nothing that would contradict it.
    if (reply === undefined) return
    if (reply.code === 421) connection.fail(new Trouble('lost', reply.text))
    else if (reply.code >= 300) throw this.#outOfStep('RSET', reply)
    this.#session.dirty = false
  }

  async #toReset(): Promise<Reply> {
    // What is there before the command is no answer to it.
    const early = this.#connection.replied
    if (!early) await this.#connection.write('RSET\r\n', this.#limits.blockMs)
    const reply = await this.#connection.reply(this.#limits.commandMs)
    return early && reply.code < 300 ? asRefusal(reply) : reply
  }

  async #exchange(line: string, sent: boolean, timeoutMs: number): Promise<Reply> {
    if (!sent) await this.#write(`${line}\r\n`)
    const reply = this.#connection.replyAtHand() ?? (await this.#connection.reply(timeoutMs))
    this.heard = true
    if (reply.code === 421) throw this.#bye(reply)
    // It may have swallowed the answer to the next command of the group.
    if (sent && reply.mixed) throw this.#outOfStep(line, reply)
    return reply
  }

  /** Also what a peer that is out of step says: a reply from before the last octet is never taken for the answer to it. */
  async #send(promised: Promised): Promise<void> {
    const sending = () => {
      this.sent = promised.last
    }
    if (await send(this.#connection, promised, this.#limits.blockMs, sending)) return
    const reply = this.#orChunkless(await this.#connection.reply(1))
    this.#judge(this.#unjudged, asRefusal(reply), 'end of data')
    this.chunkless = false
    throw new Trouble('lost', 'the peer answered before the message was sent')
  }

  /** Nothing of what was said before counts: whose answer it was is not known. */
  #outOfStep(stage: string, reply: Reply): Trouble {
    this.results.clear()
    return new Trouble('protocol', `unexpected answer to ${stage}: ${reply.text}`)
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

  async #write(line: string): Promise<void> {
    await this.#nothingMore()
    await this.#connection.write(line, this.#limits.blockMs)
  }
}
