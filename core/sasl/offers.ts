/**
 * Which mechanisms there are, strongest first, and what each needs so that it can be offered. A mechanism that is not offered cannot be
 * started either.
 */
import { randomBytes } from 'node:crypto'
import type { Accounts, ChannelBinding, Credentials, Peer, ScramKeys } from '../api/index.js'
import { bearer } from './bearer.js'
import { external } from './external.js'
import { login } from './login.js'
import type { Machine } from './mechanism.js'
import { plain } from './plain.js'
import { scram } from './scram.js'

/** What an offer hangs on. */
export interface Standing {
  readonly peer: Peer
  readonly binding: ChannelBinding
  readonly accounts: Accounts | undefined
  /** Kinds of credentials that some plugin checks. */
  readonly checks: ReadonlySet<Credentials['kind']>
}

interface Offer {
  readonly name: string
  available(standing: Standing): boolean
  start(standing: Standing): Machine
}

// A client that picks the first it knows gets the best; many pick by lists of their own.
const OFFERS: readonly Offer[] = [
  {
    name: 'EXTERNAL',
    available: ({ peer, checks }) => peer.tls?.client !== undefined && checks.has('certificate'),
    start: ({ peer }) => external(peer.tls!.client!),
  },
  scramOffer('SCRAM-SHA-256', true),
  scramOffer('SCRAM-SHA-1', true),
  scramOffer('SCRAM-SHA-256', false),
  scramOffer('SCRAM-SHA-1', false),
  bearerOffer('OAUTHBEARER'),
  bearerOffer('XOAUTH2'),
  { name: 'PLAIN', available: () => true, start: plain },
  { name: 'LOGIN', available: () => true, start: login },
]

export function offered(standing: Standing): readonly string[] {
  return OFFERS.filter(offer => offer.available(standing)).map(offer => offer.name)
}

export function machineFor(mechanism: string, standing: Standing): Machine | undefined {
  const offer = OFFERS.find(({ name }) => name === mechanism)
  return offer?.available(standing) ? offer.start(standing) : undefined
}

/** Random nonces: RFC 5802 §5.1 wants them different each time. */
function scramOffer(mechanism: ScramKeys['mechanism'], plus: boolean): Offer {
  return {
    name: plus ? `${mechanism}-PLUS` : mechanism,
    available: ({ accounts, binding }) => hasKeys(accounts, mechanism) && (!plus || canBind(binding)),
    start: ({ binding }) =>
      scram({ mechanism, plus, plusOffered: canBind(binding), binding, nonce: randomBytes(18).toString('base64') }),
  }
}

function hasKeys(accounts: Accounts | undefined, mechanism: ScramKeys['mechanism']): boolean {
  if (accounts?.scramKeys === undefined) return false
  return accounts.scramShape === undefined || accounts.scramShape(mechanism) !== undefined
}

/**
 * RFC 9266 §3: in TLS 1.3 clients bind by `tls-exporter`. In TLS 1.2 they take `tls-unique`, without asking whether we know it (RFC 5802
 * §6.1), and would fail with the -PLUS form and without; so there it is not offered, although there is `tls-server-end-point`.
 */
function canBind(binding: ChannelBinding): boolean {
  return binding.data('tls-exporter') !== undefined
}

/** RFC 7628 §3: only where TLS protects the token, whatever the listener allows for passwords. */
function bearerOffer(mechanism: 'OAUTHBEARER' | 'XOAUTH2'): Offer {
  return {
    name: mechanism,
    available: ({ peer, checks }) => peer.tls !== undefined && checks.has('token'),
    start: () => bearer(mechanism),
  }
}
