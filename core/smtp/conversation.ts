/**
 * One SMTP or LMTP session: which command comes next, what state it leaves, and the reply to each line. It knows nothing of sockets:
 * `Wire` is all it asks of the connection. Fails closed: whatever a command throws becomes 451 4.3.0 and a line in the log.
 */
import { isUtf8 } from 'node:buffer'
import {
  type ChannelBinding,
  MailError,
  type SmtpReply,
  type SmtpTurn,
  type SmtpVerb,
  type TlsFacts,
} from '../api/index.js'
import type { ListenerConfig } from '../config/types.js'
import type { AskScope } from '../pipeline/intake-types.js'
import { printable } from '../text/index.js'
import { commandFor, isOurVerb } from './commands/table.js'
import type { SmtpDeps } from './deps.js'
import { Extensions } from './extensions.js'
import { Gone } from './gone.js'
import { type Answer, REPLY } from './replies.js'
import type { SmtpSession } from './session.js'
import type { Transaction } from './transaction.js'
import { MAX_AUTH_LINE, type Wire } from './wire.js'

/** RFC 9110 methods: a browser was talked into speaking to us. */
const HTTP = /^(?:OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT|PATCH) .* HTTP\/\d/i
/** Hooks told of the end are not cut short by it; they have their own deadlines. */
const NEVER = new AbortController().signal
const NO_BINDING: ChannelBinding = { data: () => undefined }
/** A command line as text: no C0 control but the tab, no DEL. */
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/
const BAD_COMMANDS: ReadonlySet<number> = new Set([500, 501, 502, 503, 504, 521, 535, 538, 553, 555])

export interface ConversationParts {
  readonly listener: ListenerConfig
  readonly deps: SmtpDeps
  readonly session: SmtpSession
  readonly wire: Wire
  readonly scope: AskScope
  readonly tlsOffered: boolean
  /** Of the TLS connection as it stands. */
  readonly binding: ChannelBinding
}

/** RFC 3463 §3.5: X.4.2, the connection was not able to finish it. What we would say if somebody were there. */
const UNFINISHED = { code: 451, status: '4.4.2', text: 'the message did not come to its end' } as const

export class Conversation {
  readonly listener: ListenerConfig
  readonly deps: SmtpDeps
  readonly session: SmtpSession
  readonly wire: Wire
  readonly scope: AskScope
  readonly extensions: Extensions
  binding: ChannelBinding
  transaction: Transaction | undefined
  failedLogins = 0
  /** What XFORWARD told of the next message. */
  readonly forwarded = new Map<string, string>()
  /** Messages taken, for ids and the log. */
  transactions = 0
  messages = 0
  recipients = 0
  bytes = 0
  commands = 0
  errors = 0
  /** How the session ended; the first reason stays. */
  end: string | undefined
  /** RFC 5321 §3.1: a session refused with 554 waits for QUIT. */
  #refused = false

  constructor(parts: ConversationParts) {
    this.listener = parts.listener
    this.deps = parts.deps
    this.session = parts.session
    this.wire = parts.wire
    this.scope = parts.scope
    this.binding = parts.binding
    const { smtp, verbs, limits } = parts.deps
    const { listener, session, tlsOffered } = parts
    this.extensions = new Extensions({
      listener,
      smtp,
      session,
      tlsOffered,
      limits,
      clock: parts.deps.clock,
      verbs,
      // By who really talks, whomever it speaks for later.
      mayXclient: parts.deps.mayXclient(session.remote.address),
      mayXforward: parts.deps.mayXforward(session.remote.address),
      mechanisms: () => parts.deps.authenticator.mechanisms(session, this.binding, true),
    })
  }

  /** The first words. `early` tells whether the client spoke while we asked. */
  async greet(early: () => boolean): Promise<SmtpReply> {
    const { session, deps, scope } = this
    let refusal: SmtpReply | undefined
    try {
      refusal = await deps.pipeline.ask('connect', { session }, session.labels, scope)
    } catch (error) {
      this.#logFailure(error, 'connect')
      refusal = { ...REPLY.internal, code: 421 }
    }
    session.connected()
    if (refusal === undefined && deps.smtp.policies.earlyTalk === 'refuse' && early()) refusal = REPLY.early
    if (refusal === undefined) return this.#greeting()
    // RFC 5321 §3.1, §3.8: only 421 and 554 may stand in place of the greeting.
    const code = refusal.code < 500 ? 421 : 554
    deps.refusals.note({ stage: 'connect', session, said: { ...refusal, code, text: [refusal.text].flat().join(' ') } })
    this.#refused = code === 554
    this.end ??= refusal === REPLY.early ? 'early' : 'refused'
    scope.log.info(
      { remote: session.remote.address, code, status: refusal.status, text: refusal.text },
      'session refused',
    )
    deps.metrics.count('smtp.sessions.refused')
    return { code, text: refusal.text, ...(refusal.status === undefined ? {} : { status: refusal.status }) }
  }

  /** The reply to one line; never throws and never rejects, but for `Gone`. */
  answer(line: Buffer): Answer | Promise<Answer> {
    try {
      const answer = this.#dispatch(line)
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failure(error)) : answer
    } catch (error) {
      return this.#failure(error)
    }
  }

  /** Counts a reply that was sent; what it gives back is said after it, and ends the session. */
  sent(reply: SmtpReply): SmtpReply | undefined {
    if (reply.code === 421) this.end ??= 'closed'
    if (reply.code >= 400) this.session.refused.commands += 1
    if (!BAD_COMMANDS.has(reply.code)) return undefined
    this.errors += 1
    if (this.errors < this.deps.limits.errors) return undefined
    this.end ??= 'errors'
    return REPLY.tooManyErrors
  }

  /** Between transactions, nothing is lost when the session ends. */
  get idle(): boolean {
    return this.transaction === undefined
  }

  get #mustLogIn(): boolean {
    return this.listener.auth === 'required' && this.session.account === undefined
  }

  /** XCLIENT: the TLS connection below is the proxy's, and proves nothing of the client. */
  unbind(): void {
    this.binding = NO_BINDING
  }

  reset(): void {
    this.#endTransaction()
    this.session.endTransaction()
  }

  secured(tls: TlsFacts): void {
    this.#endTransaction()
    this.session.secured(tls)
  }

  #endTransaction(): void {
    this.transaction?.abandon()
    this.#tellUnfinished()
    this.#tellTurnedAway()
    if (this.forwarded.size > 0) this.forwarded.clear()
    this.transaction = undefined
  }

  /** The client has left, or taken back what it had begun to send. */
  #tellUnfinished(): void {
    const { session, transaction, deps } = this
    if (transaction?.coming === undefined || transaction.told) return
    const { envelope, turnedAway, coming } = transaction
    transaction.told = true
    const about = { stage: 'unfinished', session, envelope, size: coming.size, said: UNFINISHED } as const
    deps.refusals.note({ ...about, ...(turnedAway && { turnedAway }) })
  }

  /** Recipients were refused, and no message has come for others. */
  #tellTurnedAway(): void {
    const { session, transaction, deps } = this
    if (transaction?.turnedAway === undefined || transaction.told) return
    const { envelope, turnedAway } = transaction
    deps.refusals.note({ stage: 'rcpt', session, envelope, turnedAway, said: turnedAway.named[0]!.said })
  }

  #greeting(): SmtpReply {
    const { server, smtp } = this.deps
    const protocol = this.session.protocol === 'lmtp' ? 'LMTP' : 'ESMTP'
    return { code: 220, text: `${server.name} ${protocol}${smtp.banner === undefined ? '' : ` ${smtp.banner}`}` }
  }

  #dispatch(line: Buffer): Answer | Promise<Answer> {
    this.commands += 1
    if (this.commands > this.deps.limits.commands) return this.#over('commands', REPLY.tooManyCommands)
    if (this.#mustLogIn && this.commands > this.deps.limits.commandsBeforeLogin)
      return this.#over('commands', REPLY.tooManyBeforeLogin)
    const text = line.toString('utf8')
    // RFC 6531 §3.3: UTF-8 may stand in addresses, so lines are UTF-8. What is not becomes U+FFFD, which is rarely written.
    if (text.includes('\ufffd') && !isUtf8(line)) return REPLY.notUtf8
    if (CONTROLS.test(text)) return text.includes('\r') ? REPLY.bareNewlineInCommand : REPLY.controlInCommand
    const space = text.indexOf(' ')
    const verb = (space < 0 ? text : text.slice(0, space)).trimEnd().toUpperCase()
    // RFC 5321 §4.1.1: white space before CRLF is tolerated.
    const argument = space < 0 ? '' : text.slice(space + 1).replace(/[ \t]{1,100}$/, '')
    if (line.length > (verb === 'AUTH' ? MAX_AUTH_LINE : this.deps.limits.lineBytes)) return REPLY.lineTooLong
    if (this.#refused && verb !== 'QUIT') return REPLY.refusedSession
    return this.#run(verb, argument, text)
  }

  #run(verb: string, argument: string, text: string): Answer | Promise<Answer> {
    const { protocol } = this.session
    if (this.deps.smtp.without.includes(verb)) return REPLY.notOffered
    const command = commandFor(verb, protocol)
    if (command !== undefined) return command.execute(this, argument)
    if (isOurVerb(verb)) return protocol === 'lmtp' ? REPLY.lhloOnly : REPLY.ehloOnly
    const plugin = this.deps.verbs.get(verb)
    if (plugin !== undefined && (plugin.available?.(this.session) ?? true)) {
      if (plugin.login && this.session.account === undefined) return REPLY.loginRequired
      if (plugin.betweenMails && this.transaction !== undefined) return REPLY.notInTransaction
      return this.#runPlugin(plugin, verb, argument)
    }
    if (HTTP.test(text)) return this.#over('http', REPLY.notHttp)
    // A balancer that is not named in server.yaml: taking its mail for its own would be worse than taking none.
    if (verb === 'PROXY') return this.#over('proxy', REPLY.notProxied)
    return REPLY.unknownCommand
  }

  #over(end: string, reply: SmtpReply): SmtpReply {
    this.end ??= end
    return reply
  }

  /** A verb of a plugin has the time a client would have for its next command, and no more. */
  async #runPlugin(plugin: SmtpVerb, verb: string, argument: string): Promise<Answer> {
    const answer = await this.#answerOf(plugin, verb, argument)
    return 'kind' in answer ? this.#turn(answer) : answer
  }

  /** What the client sent behind it was meant for a session that is over. */
  #turn(turn: SmtpTurn): Answer | Promise<never> {
    if (this.transaction !== undefined) return REPLY.notInTransaction
    if (this.wire.pending) return this.#over('turn', REPLY.beforeTurn)
    this.end ??= 'turned'
    return this.wire.turn(turn)
  }

  async #answerOf(plugin: SmtpVerb, verb: string, argument: string): Promise<SmtpReply | SmtpTurn> {
    const controller = new AbortController()
    const signal = AbortSignal.any([this.scope.signal, controller.signal])
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${verb} gave no reply in time`)), this.deps.limits.commandMs)
    })
    try {
      return await Promise.race([plugin.run(this.session, argument, signal), late])
    } finally {
      clearTimeout(timer)
      controller.abort()
    }
  }

  #failure(error: unknown): Answer {
    if (error instanceof Gone) throw error
    this.#logFailure(error, 'command')
    return error instanceof MailError ? error.reply : REPLY.internal
  }

  #logFailure(err: unknown, during: string): void {
    this.deps.metrics.count('smtp.failures')
    const facts = { err, during, remote: this.session.remote.address, helo: this.session.helo }
    this.scope.log.error(facts, 'SMTP command failed')
  }

  /** All is over: tells the plugins and writes the one line. */
  over(startedMs: number): void {
    const { session, scope, deps } = this
    this.#endTransaction()
    try {
      deps.pipeline.tell('disconnect', { session, end: this.end ?? 'gone' }, session.labels, {
        signal: NEVER,
        log: scope.log,
        ...(scope.concerned && { concerned: scope.concerned }),
      })
    } catch (error) {
      this.#logFailure(error, 'disconnect')
    }
    scope.log.info(
      {
        remote: session.remote.address,
        helo: session.helo,
        tls: session.tls?.protocol,
        login: session.account === undefined ? undefined : printable(session.account.login),
        messages: this.messages,
        recipients: this.recipients,
        bytes: this.bytes,
        commands: this.commands,
        errors: this.errors,
        ms: deps.clock.now() - startedMs,
        end: this.end ?? 'gone',
      },
      'session ended',
    )
  }
}
