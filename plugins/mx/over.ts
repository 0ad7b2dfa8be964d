/**
 * Mail over a connection that somebody else has made: service `mail-client`. The peer speaks first, as a server does (RFC 2645 §5.3), and
 * then takes job after job. There is no other host to ask, so whatever the peer puts off is put off.
 */
import type { Call, Job, JobRecipient, MailClient, MailLink, Outcome } from 'posthouse/api'
import { MailConnection } from './client/connection.js'
import { begin, type MailSession, type SessionOptions } from './client/session.js'
import { transact } from './client/transaction.js'
import { impossible, isSpeakable, mailFor, needsUtf8 } from './mail.js'
import { outcomeOf } from './outcomes.js'

export function mailClient(options: Omit<SessionOptions, 'tls' | 'proof'>): MailClient {
  return {
    async open(socket, { name, remote, tls }, { signal }) {
      const connection = MailConnection.over({ host: name, ...remote }, socket, tls)
      // Who we talk to, and how, was settled before the connection came to us.
      return new Link(await begin(connection, { ...options, tls: 'never' }, signal), options)
    },
  }
}

class Link implements MailLink {
  readonly #session: MailSession
  readonly #options: Omit<SessionOptions, 'tls' | 'proof'>

  constructor(session: MailSession, options: Omit<SessionOptions, 'tls' | 'proof'>) {
    this.#session = session
    this.#options = options
  }

  get usable(): boolean {
    const { connection, extensions, uses } = this.#session
    // RFC 9422 §4.1: no more messages than the peer takes in one session.
    return connection.quiet && uses < (extensions.maxMessages ?? Number.POSITIVE_INFINITY)
  }

  async deliver(job: Job, call: Call): Promise<readonly Outcome[]> {
    const { extensions, connection } = this.#session
    const outcomes = new Map<number, Outcome>()
    let pending: readonly JobRecipient[] = job.recipients
    const utf8 = await needsUtf8(job)
    const no = impossible(job, extensions, utf8, this.#options.now())
    for (const recipient of job.recipients) {
      const { row } = recipient
      if (!isSpeakable(recipient))
        outcomes.set(row, { kind: 'failed', row, status: '5.1.3', text: 'the address cannot be written' })
      else if (no !== undefined) outcomes.set(row, { kind: 'failed', row, ...no, remote: connection.remote })
    }
    pending = pending.filter(({ row }) => !outcomes.has(row))
    while (pending.length > 0 && this.usable) {
      const offered = pending.slice(0, extensions.maxRecipients)
      const full = await this.#once(job, offered, utf8, call, outcomes)
      pending = pending.filter(recipient => full.has(recipient.row) || !offered.includes(recipient))
    }
    for (const { row } of pending) if (!outcomes.has(row)) outcomes.set(row, this.#over(row))
    return [...outcomes.values()]
  }

  /** Gives the rows to be offered once more: it took some and had no room for others (RFC 5321 §4.5.3.1.10). */
  async #once(
    job: Job,
    offered: readonly JobRecipient[],
    utf8: boolean,
    { signal }: Call,
    outcomes: Map<number, Outcome>,
  ): Promise<ReadonlySet<number>> {
    const { limits, now } = this.#options
    const mail = mailFor(job, offered, this.#session.extensions, utf8, now())
    const { results } = await transact(this.#session, mail, limits, signal)
    const full = new Set<number>()
    for (const [row, result] of results) {
      outcomes.set(row, outcomeOf(row, result, this.#session))
      if (result.kind === 'refused' && result.stage === 'RCPT' && result.reply.code === 452) full.add(row)
    }
    const took = [...results.values()].some(({ kind }) => kind === 'accepted')
    return took ? full : new Set()
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
