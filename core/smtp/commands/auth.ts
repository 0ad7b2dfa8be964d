/**
 * AUTH (RFC 4954) with PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): reads the exchange and asks the authenticator.
 * Says the same words for every kind of "no", counts failures, and after a few of them ends the session.
 */
import { isUtf8 } from 'node:buffer'
import type { SmtpReply } from '../../api/index.js'
import { printable, Reader } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { MECHANISMS } from '../extensions.js'
import { Gone } from '../gone.js'
import { type Answer, challenge, REPLY } from '../replies.js'
import { MAX_AUTH_LINE } from '../wire.js'
import { bind, isReply } from './command.js'

const MAX_FAILURES = 3
/** RFC 4422 §3.1: 1 to 20 characters. */
const MECHANISM = /[A-Za-z0-9_-]{1,20}/y
const SPACES = / +/y
const WORD = /[^ ]+/y
/** `Username:` and `Password:`, as every client of LOGIN expects them. */
const ASK_LOGIN = 'VXNlcm5hbWU6'
const ASK_PASSWORD = 'UGFzc3dvcmQ6'
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export interface AuthArguments {
  readonly mechanism: string
  /** Initial response as sent: base64, `=` for an empty one. */
  readonly initial?: string
}

export interface Secret {
  readonly login: string
  readonly password: string
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

/** RFC 4616 §2: authorisation id, NUL, login, NUL, password. Nobody acts for another. */
export function readPlain(decoded: Buffer): Secret | SmtpReply {
  if (!isUtf8(decoded)) return REPLY.badCredentials
  const parts = decoded.toString('utf8').split('\0', 4)
  const [actFor, login, password] = parts
  if (parts.length !== 3 || actFor === undefined || !login || !password) return REPLY.badCredentials
  return actFor === '' || actFor === login ? { login, password } : REPLY.loginFailed
}

/** One step of an exchange: `*` cancels (RFC 4954 §4). */
export function readResponse(line: Buffer): Buffer | SmtpReply {
  if (line.length > MAX_AUTH_LINE) return REPLY.authLineTooLong
  const text = line.toString('latin1').trimEnd()
  if (text === '*') return REPLY.loginCancelled
  return BASE64.test(text) ? Buffer.from(text, 'base64') : REPLY.badBase64
}

function turn({ session, extensions, transaction, failedLogins }: Conversation): SmtpReply | undefined {
  if (!extensions.has('AUTH')) return REPLY.notOffered
  if (session.helo === undefined) return session.protocol === 'lmtp' ? REPLY.needLhlo : REPLY.needHello
  if (session.account !== undefined) return REPLY.loggedInAlready
  if (transaction !== undefined) return REPLY.notInTransaction
  if (failedLogins >= MAX_FAILURES) return REPLY.tooManyLogins
  return extensions.loginNow ? undefined : REPLY.loginNeedsTls
}

async function run(talk: Conversation, { mechanism, initial }: AuthArguments): Promise<Answer> {
  if (!MECHANISMS.some(known => known === mechanism)) return REPLY.unknownMechanism
  const first = initial === undefined ? undefined : Buffer.from(initial === '=' ? '' : initial, 'latin1')
  const secret = mechanism === 'PLAIN' ? await plain(talk, first) : await login(talk, first)
  if (!isReply(secret)) return logIn(talk, mechanism, secret)
  return secret === REPLY.loginFailed ? failed(talk, mechanism, '', secret) : secret
}

async function plain(talk: Conversation, initial: Buffer | undefined): Promise<Secret | SmtpReply> {
  const response = await step(talk, '', initial)
  return Buffer.isBuffer(response) ? readPlain(response) : response
}

async function login(talk: Conversation, initial: Buffer | undefined): Promise<Secret | SmtpReply> {
  const name = await step(talk, ASK_LOGIN, initial)
  if (!Buffer.isBuffer(name)) return name
  const password = await step(talk, ASK_PASSWORD, undefined)
  if (!Buffer.isBuffer(password)) return password
  if (name.length === 0 || !isUtf8(name) || !isUtf8(password)) return REPLY.badCredentials
  return { login: name.toString('utf8'), password: password.toString('utf8') }
}

async function step(talk: Conversation, text: string, given: Buffer | undefined): Promise<Buffer | SmtpReply> {
  if (given !== undefined) return readResponse(given)
  talk.wire.say(challenge(text))
  return readResponse(await talk.wire.nextLine())
}

async function logIn(talk: Conversation, mechanism: string, secret: Secret): Promise<Answer> {
  const { session, deps, scope } = talk
  let result: Awaited<ReturnType<typeof deps.authenticator.login>>
  try {
    result = await deps.authenticator.login(session, { kind: 'password', mechanism, ...secret })
  } catch (error) {
    if (error instanceof Gone) throw error
    scope.log.error({ err: error, mechanism }, 'login could not be checked')
    return REPLY.loginTrouble
  }
  if ('kind' in result) return failed(talk, mechanism, secret.login, result)
  session.authenticated(result)
  talk.failedLogins = 0
  deps.metrics.count('smtp.logins.accepted')
  scope.log.info({ remote: session.remote.address, login: printable(result.login), mechanism }, 'login accepted')
  return REPLY.loggedIn
}

function failed(talk: Conversation, mechanism: string, name: string, reply: SmtpReply): SmtpReply {
  const { session, scope, deps } = talk
  if (reply.code >= 500) talk.failedLogins += 1
  deps.metrics.count('smtp.logins.refused')
  scope.log.info(
    { remote: session.remote.address, login: printable(name), mechanism, code: reply.code, status: reply.status },
    'login refused',
  )
  return reply
}

export const auth = bind<AuthArguments>({
  verb: 'AUTH',
  usage: 'AUTH mechanism [initial-response]',
  turn,
  read: readAuth,
  run,
})
