/**
 * What can go wrong between us and a peer, apart from a proper "no".
 * `Trouble` is always temporary. `Refused` carries the peer's own reply, said before any mail was offered.
 */
import type { TlsFailure } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Reply } from './reply.js'

export type TroubleKind =
  | 'connect'
  | 'bind'
  | 'timeout'
  | 'lost'
  | 'protocol'
  | 'tls'
  | 'untrusted'
  | 'login'
  | 'source'
  | 'cancelled'

const STATUS = {
  // RFC 3463 §3.5: 4.4.1 no answer from host, 4.4.2 bad connection; §3.6: 4.5.0 protocol status; §3.8: 4.7.5 cryptographic failure.
  connect: '4.4.1',
  // RFC 3463 §3.4: 4.3.5 system incorrectly configured. The address to send from is not ours.
  bind: '4.3.5',
  timeout: '4.4.2',
  lost: '4.4.2',
  protocol: '4.5.0',
  tls: '4.7.5',
  // No TLS, or a certificate that proves nothing, where the mail asks for both (RFC 8689).
  untrusted: '4.7.5',
  // RFC 3463 §3.8: 4.7.0. Our own login at a smarthost: a matter for our admin, not for the sender.
  login: '4.7.0',
  source: '4.3.0',
  // That we stopped waiting says nothing of them.
  cancelled: '4.3.0',
} as const satisfies Record<TroubleKind, string>

/** Why a peer is not who it should be. */
export interface Doubt {
  readonly words: string
  readonly failure: TlsFailure
}

export class Trouble extends Error {
  readonly kind: TroubleKind
  /** What reports about TLS call it, when it is about that. */
  readonly failure: TlsFailure | undefined
  /** Our address of the connection that it happened to. */
  local: string | undefined

  constructor(kind: TroubleKind, message: string, cause?: unknown, failure?: TlsFailure) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Trouble'
    this.kind = kind
    this.failure = failure
  }

  get status(): string {
    return STATUS[this.kind]
  }
}

export class Refused extends Error {
  readonly reply: Reply

  constructor(stage: string, reply: Reply) {
    super(`does not talk to us (${stage}): ${reply.text}`)
    this.name = 'Refused'
    this.reply = reply
  }
}

const SYSTEM = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['ENOENT', 'no such socket'],
  ['EACCES', 'not allowed'],
  ['ETIMEDOUT', 'no answer'],
  ['EHOSTUNREACH', 'host unreachable'],
  ['ENETUNREACH', 'network unreachable'],
])

/** A system error in words the sender may read in a bounce. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code !== '') return SYSTEM.get(code) ?? code
  return error instanceof Error ? printable(error.message, 100) : 'unknown error'
}
