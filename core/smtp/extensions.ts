/**
 * What the answer to EHLO announces (RFC 5321 §4.1.1.1). A keyword stands here only when the module behind it does all of it;
 * each can be switched off by `smtp.without`, and then its parameters are unknown too.
 */
import type { Clock, SmtpVerb } from '../api/index.js'
import type { Config, LimitsConfig, ListenerConfig } from '../config/types.js'
import type { Offers } from './parameters.js'
import type { SmtpSession } from './session.js'

export const XCLIENT_ATTRIBUTES = ['NAME', 'ADDR', 'PORT', 'DESTADDR', 'DESTPORT'] as const
export const XFORWARD_ATTRIBUTES = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'IDENT', 'SOURCE'] as const

export interface ExtensionFacts {
  readonly listener: ListenerConfig
  readonly smtp: Config['smtp']
  readonly session: SmtpSession
  readonly tlsOffered: boolean
  readonly limits: LimitsConfig
  readonly clock: Clock
  readonly verbs: ReadonlyMap<string, SmtpVerb>
  readonly mayXclient: boolean
  readonly mayXforward: boolean
  /** SASL mechanisms for this session as it stands; asked only when secrets may be sent. */
  readonly mechanisms: () => readonly string[]
}

export class Extensions implements Offers {
  readonly #facts: ExtensionFacts

  constructor(facts: ExtensionFacts) {
    this.#facts = facts
  }

  get maxMessageBytes(): number {
    return this.#facts.limits.messageBytes
  }

  get now(): number {
    return this.#facts.clock.now()
  }

  get maxHoldMs(): number {
    return Math.min(this.#facts.smtp.wishes.maxHoldMs, MOST_HOLD_MS)
  }

  get leastByMs(): number {
    return this.#facts.smtp.wishes.leastByMs
  }

  get maxPriority(): number {
    return this.#facts.smtp.wishes.maxPriority
  }

  /** Whether it is to be had in this session, now or after the handshake. */
  has(keyword: string): boolean {
    const { listener, smtp } = this.#facts
    if (smtp.without.includes(keyword)) return false
    switch (keyword) {
      case 'AUTH':
        return listener.auth !== 'none'
      case 'STARTTLS':
        return this.#facts.tlsOffered
      // For networks named in server.yaml alone; others do not learn of them.
      case 'XCLIENT':
        return this.#facts.mayXclient
      case 'XFORWARD':
        return this.#facts.mayXforward
      // RFC 3030 §3: only together with CHUNKING.
      case 'BINARYMIME':
        return this.has('CHUNKING')
      // RFC 6531 §3.1: only together with 8BITMIME.
      case 'SMTPUTF8':
        return this.has('8BITMIME')
      // RFC 8689 §2: only within TLS; and by wish of the admin, who knows whether the ways out keep the promise (docs/running.md).
      case 'REQUIRETLS':
        return smtp.requireTls && this.#facts.session.tls !== undefined
      // RFC 4865 §4.2: on submission ports and no other; §3: the bound is a second at least.
      case 'FUTURERELEASE':
        return listener.protocol === 'smtp' && listener.auth === 'required' && smtp.wishes.maxHoldMs >= 1000
      // RFC 6710 §4.1: no priority for strangers.
      case 'MT-PRIORITY':
        return listener.auth === 'required' || this.#facts.session.account !== undefined
      default:
        return KEYWORDS.has(keyword)
    }
  }

  /** RFC 4954 §4: mechanisms with clear passwords only under TLS, unless the admin wants it otherwise. */
  get loginNow(): boolean {
    const { listener, session } = this.#facts
    return this.has('AUTH') && (session.tls !== undefined || listener.cleartextAuth)
  }

  get startTlsNow(): boolean {
    return this.has('STARTTLS') && this.#facts.session.tls === undefined
  }

  /** Lines after the first of the answer to EHLO. */
  announced(): readonly string[] {
    const { session, verbs } = this.#facts
    const lines: string[] = []
    for (const [keyword, parameter] of KEYWORDS) {
      if (this.has(keyword)) lines.push(`${keyword} ${parameter?.(this.#facts) ?? ''}`.trimEnd())
    }
    if (this.startTlsNow) lines.push('STARTTLS')
    const mechanisms = this.loginNow && session.account === undefined ? this.#facts.mechanisms() : []
    // RFC 4954 §3: a list that is never empty
    if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(' ')}`)
    if (this.has('XCLIENT')) lines.push(`XCLIENT ${XCLIENT_ATTRIBUTES.join(' ')}`)
    if (this.has('XFORWARD')) lines.push(`XFORWARD ${XFORWARD_ATTRIBUTES.join(' ')}`)
    for (const verb of verbs.values()) {
      if (verb.login && session.account === undefined && !this.loginNow) continue
      if (verb.keyword !== undefined && (verb.available?.(session) ?? true)) lines.push(verb.keyword)
    }
    return lines
  }
}

/** RFC 4865 §3: seconds, of nine digits at most. */
const MOST_HOLD_MS = 999_999_999_000

/** RFC 4865 §3: seconds, and the same as a date. */
function futureRelease(most: number, now: number): string {
  const maxHoldMs = Math.min(most, MOST_HOLD_MS)
  return `${Math.floor(maxHoldMs / 1000)} ${new Date(now + maxHoldMs).toISOString().replace(/\.\d+/, '')}`
}

/** RFC 9422 §3, §4.1, §4.2 */
function limitsOf({ messages, recipients }: LimitsConfig): string {
  return `${messages === undefined ? '' : `MAILMAX=${messages} `}RCPTMAX=${recipients}`
}

const KEYWORDS = new Map<string, ((facts: ExtensionFacts) => string) | undefined>([
  ['PIPELINING', undefined],
  ['SIZE', ({ limits }) => String(limits.messageBytes)],
  ['8BITMIME', undefined],
  ['CHUNKING', undefined],
  ['BINARYMIME', undefined],
  ['SMTPUTF8', undefined],
  ['DSN', undefined],
  ['REQUIRETLS', undefined],
  ['DELIVERBY', ({ smtp }) => (smtp.wishes.leastByMs > 0 ? String(Math.ceil(smtp.wishes.leastByMs / 1000)) : '')],
  ['FUTURERELEASE', ({ smtp, clock }) => futureRelease(smtp.wishes.maxHoldMs, clock.now())],
  ['MT-PRIORITY', undefined],
  ['LIMITS', ({ limits }) => limitsOf(limits)],
  ['ENHANCEDSTATUSCODES', undefined],
])
