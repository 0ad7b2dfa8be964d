/**
 * What happens after the 250: the client greets us as a server would (RFC 2645 §5.3), and gets job after job until nothing is left or
 * it takes no more. What it did not get stays held for its next call.
 */
import type { Socket } from 'node:net'
import type { Dispatcher, Log, MailClient, MailLink, Metrics, Session, Target } from 'posthouse/api'

export const TARGET = 'atrn'
/** Why its rows are held; a row held for any other reason is none of ours. */
export const WAITS = 'waits for its client (ATRN)'

export class Turn {
  readonly #mail: MailClient
  readonly #dispatcher: Dispatcher
  readonly #log: Log
  readonly #metrics: Metrics

  constructor(mail: MailClient, dispatcher: Dispatcher, log: Log, metrics: Metrics) {
    this.#mail = mail
    this.#dispatcher = dispatcher
    this.#log = log
    this.#metrics = metrics
  }

  async take(session: Session, domains: ReadonlySet<string>, socket: Socket, signal: AbortSignal): Promise<void> {
    const facts = { id: session.id, login: session.account?.login, domains: [...domains] }
    const link = await this.#open(session, socket, signal, facts)
    if (link === undefined) return
    const done = new AbortController()
    try {
      const drained = await this.#dispatcher.drain({
        lanes: new Set([...domains].map(domain => `${TARGET}/${domain}`)),
        held: WAITS,
        target: targetOver(link, () => done.abort()),
        signal: AbortSignal.any([signal, done.signal]),
      })
      this.#metrics.count('atrn.delivered', drained.delivered)
      this.#log.info({ ...facts, ...drained, whole: !done.signal.aborted }, 'mail fetched by ATRN')
    } finally {
      await link.quit()
    }
  }

  async #open(session: Session, socket: Socket, signal: AbortSignal, facts: object): Promise<MailLink | undefined> {
    const { remote, helo = remote.address, tls } = session
    const peer = { name: helo, remote, ...(tls === undefined ? {} : { tls: tls.protocol }) }
    try {
      return await this.#mail.open(socket, peer, { signal, log: this.#log })
    } catch (error) {
      this.#log.warn({ ...facts, err: error }, 'ATRN client does not take its mail')
      return undefined
    }
  }
}

/** `over` is told when the client can take no more. */
function targetOver(link: MailLink, over: () => void): Target {
  return {
    scope: 'remote',
    lane: to => to.domain,
    async deliver(job, call) {
      const outcomes = await link.deliver(job, call)
      if (!link.usable) over()
      return outcomes
    },
  }
}
