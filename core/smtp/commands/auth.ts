/**
 * AUTH (RFC 4954): carries the exchange of a mechanism over the connection; `core/sasl` runs it. Says the same words for every kind of
 * "no", counts failures, and after a few of them ends the session.
 */
import type { Account, Defer, Reject, SaslExchange, SaslStep, SmtpReply } from '../../api/index.js'
import { printable, Reader, readBase64 } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { type Answer, challenge, malformedResponse, REPLY } from '../replies.js'
import { MAX_AUTH_LINE } from '../wire.js'
import { bind, isReply } from './command.js'

const MAX_FAILURES = 3
/** RFC 4422 §3.1: 1 to 20 characters. */
const MECHANISM = /[A-Za-z0-9_-]{1,20}/y
const SPACES = / +/y
const WORD = /[^ ]+/y

export interface AuthArguments {
  readonly mechanism: string
  /** Initial response as sent: base64, `=` for an empty one. */
  readonly initial?: string
}

export function readAuth(argument: string): AuthArguments {
  const input = new Reader(argument)
  const mechanism = input.need(MECHANISM, 'a mechanism').toUpperCase()
  if (input.atEnd) return { mechanism }
  input.need(SPACES, 'a space')
  const initial = input.need(WORD, 'an initial response')
  input.end()
  return { mechanism, initial }
}

/** One response of an exchange: `*` cancels (RFC 4954 §4). */
export function readResponse(line: Buffer): Buffer | SmtpReply {
  if (line.length > MAX_AUTH_LINE) return REPLY.authLineTooLong
  const text = line.toString('latin1').trimEnd()
  return text === '*' ? REPLY.loginCancelled : (readBase64(text) ?? REPLY.badBase64)
}

function turn({ session, extensions, transaction, failedLogins }: Conversation): SmtpReply | undefined {
  if (!extensions.has('AUTH')) return REPLY.notOffered
  if (session.helo === undefined) return session.protocol === 'lmtp' ? REPLY.needLhlo : REPLY.needHello
  if (session.account !== undefined) return REPLY.loggedInAlready
  if (transaction !== undefined) return REPLY.notInTransaction
  if (failedLogins >= MAX_FAILURES) return REPLY.tooManyLogins
  return extensions.loginNow ? undefined : REPLY.loginNeedsTls
}

/** How an exchange ended: by its mechanism, or by a line that is no response. */
type Ended = Exclude<SaslStep, { kind: 'challenge' }> | { readonly kind: 'broken'; readonly reply: SmtpReply }

async function run(talk: Conversation, { mechanism, initial }: AuthArguments): Promise<Answer> {
  const { session, deps, scope, binding, extensions } = talk
  const wish = { peer: session, mechanism, binding, clear: extensions.loginNow, signal: scope.signal }
  const exchange = deps.authenticator.start(wish)
  if (exchange === undefined) return REPLY.unknownMechanism
  const ended = await converse(talk, exchange, initial)
  switch (ended.kind) {
    case 'broken':
      return ended.reply
    case 'malformed':
      return malformedResponse(ended.text)
    case 'done':
      return loggedIn(talk, mechanism, ended.account)
    default:
      return failed(talk, mechanism, exchange.login ?? '', ended)
  }
}

/** To the end of the exchange; the engine bounds the number of steps. RFC 4954 §4: `=` is an empty initial response. */
async function converse(talk: Conversation, exchange: SaslExchange, initial: string | undefined): Promise<Ended> {
  let line: Buffer | undefined =
    initial === undefined ? undefined : Buffer.from(initial === '=' ? '' : initial, 'latin1')
  for (;;) {
    const response = line === undefined ? undefined : readResponse(line)
    if (response !== undefined && isReply(response)) return { kind: 'broken', reply: response }
    const step = await exchange.step(response)
    if (step.kind !== 'challenge') return step
    talk.wire.say(challenge(step.data.toString('base64')))
    line = await talk.wire.nextLine()
  }
}

function loggedIn(talk: Conversation, mechanism: string, account: Account): SmtpReply {
  const { session, deps, scope } = talk
  session.authenticated(account)
  talk.failedLogins = 0
  deps.metrics.count('smtp.logins.accepted')
  scope.log.info({ remote: session.remote.address, login: printable(account.login), mechanism }, 'login accepted')
  return REPLY.loggedIn
}

function failed(
  talk: Conversation,
  mechanism: string,
  name: string,
  { code, status, text }: Reject | Defer,
): SmtpReply {
  const { session, scope, deps } = talk
  if (code >= 500) talk.failedLogins += 1
  deps.metrics.count('smtp.logins.refused')
  const facts = { remote: session.remote.address, login: printable(name), mechanism, code, status }
  scope.log.info(facts, 'login refused')
  return { code, status, text }
}

export const auth = bind<AuthArguments>({
  verb: 'AUTH',
  usage: 'AUTH mechanism [initial-response]',
  turn,
  read: readAuth,
  run,
})
