/**
 * From a connection to a session that can take mail: TLS where it comes first, greeting, EHLO (or HELO, or LHLO), STARTTLS when asked for or
 * offered, EHLO again, a login where the route has one.
 * A refusal is thrown as `Refused` with the peer's words, anything else as `Trouble`. No mail has been offered in either case, so the
 * caller may go to the next host.
 */
import type { TlsFailure } from 'posthouse/api'
import { logIn } from './auth.js'
import { MailConnection, type Place, type Proof } from './connection.js'
import { type Manner, PLAIN_MANNER } from './manner.js'
import type { Reply } from './reply.js'
import { Refused, Trouble } from './trouble.js'

export interface Limits {
  readonly connectMs: number
  /** RFC 5321 §4.5.3.2.1: greeting, 5 minutes. */
  readonly greetingMs: number
  /** RFC 5321 §4.5.3.2.2, §4.5.3.2.3: MAIL and RCPT, 5 minutes. */
  readonly commandMs: number
  /** RFC 5321 §4.5.3.2.4: the reply to DATA, 2 minutes. */
  readonly dataMs: number
  /** RFC 5321 §4.5.3.2.5: one block of data, 3 minutes. */
  readonly blockMs: number
  /** RFC 5321 §4.5.3.2.6: the reply to the final dot, 10 minutes. */
  readonly finalMs: number
}

export type TlsPolicy = 'opportunistic' | 'required' | 'never'

/** What the peer says it can do. */
export interface Extensions {
  readonly pipelining: boolean
  readonly eightBit: boolean
  readonly utf8: boolean
  readonly startTls: boolean
  /** Mechanisms of RFC 4954, upper case. */
  readonly auth: readonly string[]
  /** RFC 8689, and we are within TLS. */
  readonly requireTls: boolean
  /** RFC 2852: shortest time limit it takes, in seconds; `undefined`: not offered. */
  readonly leastBySeconds?: number
  /** RFC 6710 */
  readonly priority: boolean
  /** RFC 9422: transactions of one session. */
  readonly maxMessages?: number
  /** RFC 9422: recipients of one transaction. */
  readonly maxRecipients?: number
  /** RFC 9422: domains of recipients in one session. */
  readonly maxDomains?: number
  /** RFC 3461 */
  readonly dsn: boolean
  /** RFC 3030 §2 */
  readonly chunking: boolean
  /** RFC 3030: both CHUNKING and BINARYMIME. */
  readonly binary: boolean
  /** RFC 1870; 0: no limit told; `undefined`: not offered. */
  readonly size?: number
}

export interface MailSession {
  readonly connection: MailConnection
  readonly protocol: Manner['protocol']
  readonly extensions: Extensions
  /** The name the peer gives itself. */
  readonly peerName: string
  /** Why the session is in clear, when it is: `the host offers no TLS`. */
  readonly clear?: string
  /** It is in clear although the peer offers TLS. */
  readonly downgraded?: true
  /** Why so, in the words of reports; left out: it has nothing to do with TLS. */
  readonly failure?: TlsFailure
  /** Whose mail it was opened for: what is said of its security is said of this domain. */
  readonly domain?: string
  /** How safe it is, and why so: for the trail. */
  readonly security?: string
  /** What it was proven to be, where more than its name says so. */
  readonly assurance?: string
  /** Which of our addresses it goes out by, when config says which. */
  readonly source?: string
  readonly openedAt: number
  /** Transactions done. */
  uses: number
  /** Of the recipients so far, where the peer has a limit of them. */
  readonly domains: Set<string>
  /** A transaction stands open at the peer: RSET before the next. */
  dirty: boolean
}

export interface SessionOptions {
  readonly helo: string
  readonly tls: TlsPolicy
  readonly proof?: Proof
  /** Left out: as with any mail host of the world. */
  readonly manner?: Manner
  /** The address of ours to go out by. */
  readonly local?: string
  readonly limits: Limits
  readonly now: () => number
}

const NONE: Extensions = {
  pipelining: false,
  eightBit: false,
  utf8: false,
  startTls: false,
  auth: [],
  requireTls: false,
  priority: false,
  dsn: false,
  chunking: false,
  binary: false,
}

/** With `opportunistic`, a failed handshake is followed by a second connection in clear. */
export async function openSession(place: Place, options: SessionOptions, signal: AbortSignal): Promise<MailSession> {
  try {
    return await converse(place, options, signal)
  } catch (error) {
    if (!(error instanceof Trouble) || error.kind !== 'tls' || options.tls !== 'opportunistic') throw error
    const session = await converse(place, { ...options, tls: 'never' }, signal)
    const { message, failure } = error
    return { ...session, clear: message, downgraded: true, ...(failure === undefined ? {} : { failure }) }
  }
}

async function converse(place: Place, options: SessionOptions, signal: AbortSignal): Promise<MailSession> {
  const { limits, local } = options
  return begin(await MailConnection.open(place, limits.connectMs, signal, local), options, signal)
}

/** All that is said before the first mail, on a connection that is there already. */
export async function begin(
  connection: MailConnection,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<MailSession> {
  const cancel = () => connection.fail(new Trouble('cancelled', 'delivery was cancelled'))
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    const session = await introduced(connection, options, signal)
    const { login } = options.manner ?? PLAIN_MANNER
    if (login !== undefined) await logIn(connection, login, session.extensions.auth, options.limits.commandMs)
    return session
  } catch (error) {
    if (error instanceof Trouble) error.local ??= connection.local
    connection.quit()
    throw error
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** Greeting, EHLO, TLS. */
async function introduced(
  connection: MailConnection,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<MailSession> {
  const { limits, proof, manner = PLAIN_MANNER } = options
  if (manner.implicitTls) await connection.startTls(limits.commandMs, signal, proof, manner.serverName)
  await greeted(connection, options)
  const first = await hello(connection, options)
  const why = connection.tls === undefined ? await secured(connection, first.extensions, options, signal) : {}
  if (why !== undefined) return { ...session(connection, first, options), ...why }
  // RFC 3207 §4.2: what was learned in clear is forgotten.
  return session(connection, await firstWithin(connection, options), options)
}

/** RFC 8446 §4.4.4: our side of the handshake is done before the peer has looked at it. Who hangs up on the first command has refused it. */
async function firstWithin(connection: MailConnection, options: SessionOptions): Promise<Hello> {
  try {
    return await hello(connection, options)
  } catch (error) {
    if (!(error instanceof Trouble) || error.kind !== 'lost') throw error
    // RFC 8460 §4.3.4: who just hangs up may be too busy, and the handshake was well; an alert says that it was not (§4.3.3).
    const failure = isAlert(error.cause) ? 'validation-failure' : undefined
    const trouble = new Trouble('tls', `TLS session failed: ${error.message}`, error, failure)
    trouble.local = error.local
    throw trouble
  }
}

/** OpenSSL has a code for each. */
function isAlert(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_SSL_')
}

function session(connection: MailConnection, hello: Hello, options: SessionOptions): MailSession {
  const { protocol } = options.manner ?? PLAIN_MANNER
  return { connection, protocol, ...hello, openedAt: options.now(), uses: 0, domains: new Set(), dirty: false }
}

async function greeted(connection: MailConnection, { limits }: SessionOptions): Promise<void> {
  const greeting = await connection.reply(limits.greetingMs)
  if (greeting.code !== 220) throw refusedOrBroken('greeting', greeting)
}

interface Hello {
  readonly extensions: Extensions
  readonly peerName: string
}

async function hello(connection: MailConnection, { helo, limits, manner }: SessionOptions): Promise<Hello> {
  // RFC 2033 §4.1: LHLO in place of EHLO and HELO.
  const verb = manner?.protocol === 'lmtp' ? 'LHLO' : 'EHLO'
  const extended = await command(connection, `${verb} ${helo}`, limits)
  if (extended.code === 250)
    return { extensions: read(extended, connection.tls !== undefined), peerName: nameOf(extended) }
  // RFC 5321 §3.2: an old server answers 5xx to EHLO and is asked again with HELO.
  if (extended.code < 500 || verb === 'LHLO') throw refusedOrBroken(verb, extended)
  const plain = await command(connection, `HELO ${helo}`, limits)
  if (plain.code !== 250) throw refusedOrBroken('HELO', plain)
  return { extensions: NONE, peerName: nameOf(plain) }
}

type InClear = Required<Pick<MailSession, 'clear'>> & Pick<MailSession, 'downgraded' | 'failure'>

/** `undefined`: the session has just become encrypted. */
async function secured(
  connection: MailConnection,
  extensions: Extensions,
  { tls, proof, limits, manner }: SessionOptions,
  signal: AbortSignal,
): Promise<InClear | undefined> {
  if (tls === 'never') return { clear: 'TLS is turned off here' }
  const missing = proof?.kind === 'demanded' ? 'untrusted' : 'tls'
  if (!extensions.startTls) {
    if (tls === 'required') throw noTls(missing, 'TLS is required here and the peer does not offer it')
    return { clear: 'the host offers no TLS', failure: 'starttls-not-supported' }
  }
  const reply = await command(connection, 'STARTTLS', limits)
  if (reply.code !== 220) {
    if (tls === 'required') throw noTls(missing, `TLS is required here and the peer refused it: ${reply.text}`)
    const clear = `the host refused STARTTLS: ${reply.text}`
    // RFC 5321 §3.8: this connection is over.
    if (reply.code === 421) throw new Trouble('tls', clear, undefined, 'starttls-not-supported')
    return { clear, downgraded: true, failure: 'starttls-not-supported' }
  }
  await connection.startTls(limits.commandMs, signal, proof, manner?.serverName)
  return undefined
}

function noTls(kind: 'tls' | 'untrusted', words: string): Trouble {
  return new Trouble(kind, words, undefined, 'starttls-not-supported')
}

async function command(connection: MailConnection, line: string, limits: Limits): Promise<Reply> {
  await connection.write(`${line}\r\n`, limits.commandMs)
  return connection.reply(limits.commandMs)
}

function refusedOrBroken(stage: string, reply: Reply): Error {
  if (reply.code >= 400) return new Refused(stage, reply)
  return new Trouble('protocol', `unexpected answer at ${stage}: ${reply.text}`)
}

function nameOf(reply: Reply): string {
  return (reply.lines[0] ?? '').split(' ', 1)[0] ?? ''
}

function read(reply: Reply, encrypted: boolean): Extensions {
  const words = new Map<string, string>()
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', ...rest] = line.trim().split(/ +/)
    words.set(keyword.toUpperCase(), rest.join(' '))
  }
  const size = words.get('SIZE')?.split(' ', 1)[0]
  // RFC 2852 §2: options with commas between them, the time first.
  const least = words.get('DELIVERBY')?.split(',', 1)[0]
  const limits = words.get('LIMITS') ?? ''
  const messages = limitIn(limits, 'MAILMAX')
  const recipients = limitIn(limits, 'RCPTMAX')
  const domains = limitIn(limits, 'RCPTDOMAINMAX')
  return {
    pipelining: words.has('PIPELINING'),
    eightBit: words.has('8BITMIME'),
    utf8: words.has('SMTPUTF8'),
    startTls: words.has('STARTTLS'),
    auth: (words.get('AUTH') ?? '').toUpperCase().split(' ').filter(Boolean).slice(0, 50),
    requireTls: encrypted && words.has('REQUIRETLS'),
    ...(least === undefined ? {} : { leastBySeconds: /^\d{1,9}$/.test(least) ? Number(least) : 0 }),
    priority: words.has('MT-PRIORITY'),
    ...(messages === undefined ? {} : { maxMessages: messages }),
    ...(recipients === undefined ? {} : { maxRecipients: recipients }),
    ...(domains === undefined ? {} : { maxDomains: domains }),
    dsn: words.has('DSN'),
    chunking: words.has('CHUNKING'),
    binary: words.has('CHUNKING') && words.has('BINARYMIME'),
    ...(size === undefined ? {} : { size: /^[0-9]{1,15}$/.test(size) ? Number(size) : 0 }),
  }
}

/** RFC 9422 §3: `NAME=value` words; a limit of nothing makes no sense. */
function limitIn(limits: string, name: string): number | undefined {
  const word = limits.split(' ').find(one => one.toUpperCase().startsWith(`${name}=`))
  const value = /^\d{1,6}$/.exec(word?.slice(name.length + 1) ?? '')?.[0]
  return value === undefined ? undefined : Math.max(1, Number(value))
}
