/**
 * How to talk to a host that the admin has named: which protocol, when TLS begins, who we are there. `hosts.ts` hands it on from the route,
 * `session.ts` obeys it; a host found by MX has none of it. What TLS has to prove is the matter of `security.ts`.
 */
export interface Manner {
  /** RFC 2033: LMTP answers for each recipient after the final dot. */
  readonly protocol: 'smtp' | 'lmtp'
  /** RFC 8314 §3.3: TLS from the first octet, as on port 465. */
  readonly implicitTls: boolean
  /** To ask for within TLS and to look for in the certificate, in place of the host's name. */
  readonly serverName?: string
  readonly login?: Login
}

/** Who we are at a smarthost. */
export interface Login {
  readonly user: string
  readonly kind: 'password' | 'token'
  /** Read anew for each login, so that a token may be renewed beside us. Throws when it cannot be read. */
  secret(): Promise<string>
  /** Only this mechanism; left out: the best that both know. */
  readonly mechanism?: Mechanism
  /** Also where the connection is not encrypted. */
  readonly inClear: boolean
}

/** The best first. */
export const MECHANISMS = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'] as const
export type Mechanism = (typeof MECHANISMS)[number]

export const PLAIN_MANNER: Manner = { protocol: 'smtp', implicitTls: false }
