/**
 * Logs in at a smarthost (RFC 4954), within TLS unless the admin has said otherwise. Whatever goes wrong is `Trouble` of the kind `login`:
 * our own matter, for which no mail is sent back; a 4xx is `Refused`, as at any other stage. The words of the server may be told, ours never.
 */
import { randomBytes } from 'node:crypto'
import type { MailConnection } from './connection.js'
import { type Login, MECHANISMS, type Mechanism } from './manner.js'
import type { Reply } from './reply.js'
import { type Exchange, exchangeFor, Unfit } from './sasl.js'
import { Refused, Trouble } from './trouble.js'

/** Mechanisms that say the secret itself, or prove it. */
const BY_KIND = {
  password: new Set<Mechanism>(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN']),
  token: new Set<Mechanism>(['OAUTHBEARER', 'XOAUTH2']),
} as const
/** SCRAM needs two challenges and LOGIN too; a server that never ends is left. */
const MAX_CHALLENGES = 4
/** RFC 4954 §4, RFC 5321 §4.5.3.1.4: what does not fit a command line waits for the first challenge. */
const MAX_LINE = 500

export async function logIn(
  connection: MailConnection,
  login: Login,
  offered: readonly string[],
  timeoutMs: number,
): Promise<void> {
  if (connection.tls === undefined && !login.inClear)
    throw trouble('the connection is not encrypted, and the login may not be sent in clear')
  const { exporter } = connection
  const mechanism = mechanismFor(login, offered, exporter !== undefined)
  const exchange = exchangeFor({
    mechanism,
    user: login.user,
    secret: await secretOf(login),
    nonce: randomBytes(18).toString('base64'),
    ...(exporter === undefined ? {} : { exporter }),
    plusOffered: offered.includes('SCRAM-SHA-256-PLUS'),
  })
  const reply = await talk(connection, mechanism, exchange, timeoutMs)
  // RFC 4954 §6: 454 and the like pass; another host, or another hour, may do.
  if (reply.code >= 400 && reply.code < 500) throw new Refused('AUTH', reply)
  if (reply.code !== 235) throw trouble(`the login of ${login.user} by ${mechanism} is refused: ${reply.text}`)
  // RFC 5802 §5: success from somebody who has not shown that he knows the password is none.
  if (!exchange.complete) throw trouble(`the server has not proven itself by ${mechanism}`)
}

function mechanismFor({ kind, mechanism }: Login, offered: readonly string[], canBind: boolean): Mechanism {
  const usable = MECHANISMS.filter(
    one =>
      offered.includes(one) &&
      BY_KIND[kind].has(one) &&
      (mechanism ?? one) === one &&
      (canBind || !one.endsWith('-PLUS')),
  )
  const [best] = usable
  if (best !== undefined) return best
  const there = offered.length === 0 ? 'the server offers no login' : `the server offers ${offered.join(' ')}`
  throw trouble(`${there}; expected ${mechanism ?? [...BY_KIND[kind]].join(' or ')}`)
}

async function secretOf(login: Login): Promise<string> {
  try {
    return await login.secret()
  } catch (error) {
    throw new Trouble('login', `the ${login.kind} of ${login.user} cannot be read`, error)
  }
}

async function talk(
  connection: MailConnection,
  mechanism: Mechanism,
  exchange: Exchange,
  timeoutMs: number,
): Promise<Reply> {
  const say = async (line: string): Promise<Reply> => {
    await connection.write(`${line}\r\n`, timeoutMs)
    return connection.reply(timeoutMs)
  }
  // RFC 4954 §4: an empty initial response is `=`.
  const initial = exchange.initial?.toString('base64')
  const fits = initial !== undefined && initial.length <= MAX_LINE
  let reply = await say(fits ? `AUTH ${mechanism} ${initial === '' ? '=' : initial}` : `AUTH ${mechanism}`)
  if (initial !== undefined && !fits && reply.code === 334) reply = await say(initial)
  for (let count = 0; reply.code === 334; count += 1) {
    if (count >= MAX_CHALLENGES) throw trouble(`the server does not come to an end with ${mechanism}`)
    const challenge = Buffer.from(reply.lines[0] ?? '', 'base64')
    try {
      reply = await say((await exchange.respond(challenge)).toString('base64'))
    } catch (error) {
      if (!(error instanceof Unfit)) throw error
      // RFC 4954 §4: `*` calls it off; the answer is of no interest.
      await say('*')
      throw trouble(error.message)
    }
  }
  return reply
}

function trouble(text: string): Trouble {
  return new Trouble('login', text)
}
