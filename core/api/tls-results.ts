/**
 * How TLS to other mail servers went, session by session: told by whoever sends mail, to whoever makes reports of it (RFC 8460).
 */

/** RFC 8460 §4.3 */
export type TlsFailure =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
  | 'tlsa-invalid'
  | 'dnssec-invalid'
  | 'dane-required'
  | 'sts-policy-fetch-error'
  | 'sts-policy-invalid'
  | 'sts-webpki-invalid'

/** What held for the session. */
export interface TlsPolicyFacts {
  readonly kind: 'tlsa' | 'sts' | 'no-policy-found'
  /** As RFC 8460 §4.5 shows it: a TLSA record each, or a line each of an MTA-STS policy. */
  readonly lines: readonly string[]
  /** Patterns of an MTA-STS policy, or the base domain of TLSA records. */
  readonly hosts: readonly string[]
}

export interface TlsResult {
  /** In A-labels, lower case: the domain that published the policy. */
  readonly domain: string
  readonly policy: TlsPolicyFacts
  /** Left out: the session was as the policy wants it, or there is none and it was encrypted. */
  readonly failure?: {
    readonly type: TlsFailure
    /** A few words or a code. */
    readonly reason: string
  }
  /** As far as there was a connection. */
  readonly host?: string
  readonly helo?: string
  readonly remote?: string
  readonly local?: string
}

export interface TlsResults {
  /** Never throws and never waits. */
  note(result: TlsResult): void
}
