/**
 * OAUTHBEARER (RFC 7628) and XOAUTH2, which came before it and which more clients speak: a bearer token in one response. A refused
 * client hears why in a last challenge and answers with anything; only then the exchange has failed.
 */
import { isUtf8 } from 'node:buffer'
import { prepareName, ReadError, Reader } from '../text/index.js'
import { readGs2Header } from './gs2.js'
import { challenge, MAX_NAME, MAX_TOKEN, type Machine, malformed, refused, type Turn } from './mechanism.js'

export interface BearerMessage {
  /** Empty: left to the token. */
  readonly login: string
  readonly token: string
}

const CONTROL_A = '\u0001'
/** RFC 6750 §2.1: b64token. The scheme is case-insensitive (RFC 7628 §4). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i
/** RFC 7628 §3.1: key and value of a pair. */
const PAIR = /([A-Za-z]{1,40})=([\t\r\n -~]*)\u0001/
const PAIRS = 20
const SHAPE = 'Expected a login and a bearer token'

/** RFC 7628 §3.1; throws `ReadError`. Host and port are not compared: behind a forwarder the client rightly names others than ours. */
export function readOauthBearer(text: string): BearerMessage {
  const input = new Reader(text)
  const { flag, actFor } = readGs2Header(input)
  if (typeof flag === 'object') throw new ReadError(1, 'n or y, as there is no channel binding here')
  input.need(CONTROL_A, 'a control A')
  return { login: actFor ?? '', token: readPairs(input).get('auth') ?? '' }
}

/** `user=LOGIN^Aauth=Bearer TOKEN^A^A`; throws `ReadError`. */
export function readXoauth2(text: string): BearerMessage {
  const input = new Reader(text)
  input.need('user=', 'user=')
  const login = input.take(/[^\0\u0001]{1,1024}/u) ?? ''
  input.need(CONTROL_A, 'a control A')
  return { login, token: readPairs(input).get('auth') ?? '' }
}

/** RFC 7628 §3.1: unknown keys are passed over; the first of a name counts. */
function readPairs(input: Reader): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>()
  for (let count = 0; input.take(CONTROL_A) === undefined; count++) {
    if (count >= PAIRS) throw new ReadError(input.column, 'the end of the pairs')
    const [, key, value] = PAIR.exec(input.need(PAIR, 'a key and its value'))!
    if (!pairs.has(key!)) pairs.set(key!, value!)
  }
  input.end()
  return pairs
}

export function bearer(mechanism: 'OAUTHBEARER' | 'XOAUTH2'): Machine {
  const read = mechanism === 'OAUTHBEARER' ? readOauthBearer : readXoauth2
  // RFC 7628 §3.2.2, and the form that XOAUTH2 had before it.
  const failure = mechanism === 'OAUTHBEARER' ? { status: 'invalid_token' } : { status: '401', schemes: 'bearer' }
  return {
    failure: Buffer.from(JSON.stringify(failure)),
    respond(response) {
      if (response === undefined) return challenge('')
      if (!isUtf8(response)) return malformed('Expected UTF-8')
      try {
        return judge(mechanism, read(response.toString('utf8')))
      } catch (error) {
        if (error instanceof ReadError) return malformed(SHAPE)
        throw error
      }
    },
  }
}

/** RFC 7628 §4.3: with an empty `auth` a client only asks what it would need; that is refused like any token. */
function judge(mechanism: string, message: BearerMessage): Turn {
  const token = BEARER.exec(message.token)?.[1] ?? ''
  const login = message.login === '' ? '' : prepareName(message.login)
  if (login === undefined || login.length > MAX_NAME) return refused('no such login can be')
  if (token === '' || token.length > MAX_TOKEN) return refused(token === '' ? 'no bearer token' : 'too long')
  return { kind: 'check', credentials: { kind: 'token', mechanism, login, token } }
}
