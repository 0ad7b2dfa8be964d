/**
 * Mail over a connection that somebody else has made: service `mail-client`. The peer speaks first, as a server does (RFC 2645 §5.3), and
 * then takes job after job. There is no other host to ask, so whatever the peer puts off is put off.
 */
import type { Call, Job, JobRecipient, MailClient, MailLink, Outcome } from 'posthouse/api'
import { isFull, nextBatch, noteBatch } from './batch.js'
import { MailConnection } from './client/connection.js'
import { begin, type MailSession, type SessionOptions } from './client/session.js'
import { transact } from './client/transaction.js'
import { isSpeakable, mailFor, needsUtf8 } from './mail.js'
import { mustBeSecret, type Offer, type OfferOptions, offerTo } from './offer.js'
import { outcomeOf } from './outcomes.js'

type Options = Omit<SessionOptions, 'tls' | 'proof'> & { readonly offer: OfferOptions }

export function mailClient(options: Options): MailClient {
  return {
    async open(socket, { name, remote, tls, protocol = 'smtp' }, { signal }) {
      const connection = MailConnection.over({ host: name, ...remote }, socket, tls)
      // Who we talk to, and how, was settled before the connection came to us.
      const manner = { protocol, implicitTls: false }
      return new Link(await begin(connection, { ...options, tls: 'never', manner }, signal), options)
    },
  }
}

class Link implements MailLink {
  readonly #session: MailSession
  readonly #options: Options

  constructor(session: MailSession, options: Options) {
    this.#session = session
    this.#options = options
  }

  get usable(): boolean {
    const { connection, extensions, uses } = this.#session
    // RFC 9422 §4.1: no more messages than the peer takes in one session.
    return connection.quiet && uses < (extensions.maxMessages ?? Number.POSITIVE_INFINITY)
  }

  async deliver(job: Job, call: Call): Promise<readonly Outcome[]> {
    const { remote } = this.#session.connection
    const outcomes = new Map<number, Outcome>()
    const utf8 = await needsUtf8(job)
    const wish = { utf8, secret: mustBeSecret(job), now: this.#options.now() }
    const offer = await offerTo(this.#session, job, wish, this.#options.offer)
    for (const recipient of job.recipients) {
      const { row } = recipient
      if (!isSpeakable(recipient))
        outcomes.set(row, { kind: 'failed', row, status: '5.1.3', text: 'the address cannot be written' })
      else if (offer.kind === 'impossible')
        outcomes.set(row, { kind: 'failed', row, status: offer.status, text: offer.text, remote })
    }
    if (offer.kind === 'offer') await this.#serve(offer, utf8, call, outcomes)
    for (const { row } of job.recipients) if (!outcomes.has(row)) outcomes.set(row, this.#over(row))
    return [...outcomes.values()]
  }

  /** Until everybody has an outcome or the peer takes no more: it may take some and have no room for others (RFC 5321 §4.5.3.1.10). */
  async #serve(offer: Offer, utf8: boolean, { signal }: Call, outcomes: Map<number, Outcome>): Promise<void> {
    const { limits, now, offer: options } = this.#options
    let pending: readonly JobRecipient[] = offer.job.recipients.filter(({ row }) => !outcomes.has(row))
    while (pending.length > 0 && this.usable) {
      const batch = nextBatch(pending, this.#session)
      if (batch.length === 0) return
      const mail = mailFor(offer.job, batch, offer.extensions, utf8, now())
      const { results, chunkless } = await transact(this.#session, mail, limits, signal, now)
      if (chunkless) options.chunkless.note(this.#session.connection.remote)
      noteBatch(batch, this.#session)
      for (const [row, result] of results) outcomes.set(row, outcomeOf(row, result, this.#session))
      const took = [...results.values()].some(({ kind }) => kind === 'accepted')
      const full = new Set([...results].filter(([, result]) => took && isFull(result)).map(([row]) => row))
      pending = pending.filter(recipient => full.has(recipient.row) || !batch.includes(recipient))
    }
  }

  #over(row: number): Outcome {
    const { remote } = this.#session.connection
    return { kind: 'deferred', row, status: '4.4.2', text: `${remote} takes no more in this session`, remote }
  }

  async quit(): Promise<void> {
    this.#session.connection.quit()
    await this.#session.connection.closed()
  }
}
