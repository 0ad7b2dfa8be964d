/**
 * Answers of the name service that say whether DNSSEC vouches for them (RFC 4035, RFC 6840 §5.8). We do not validate ourselves: the resolver does,
 * and the admin says that it, and the way to it, may be trusted. What it found bogus comes as trouble, never as an answer.
 */

export interface Validated<T> {
  readonly records: readonly T[]
  /** Everything from the name that was asked for to the records (or to their absence) is signed and was found right. */
  readonly secure: boolean
  /** Where the records stand: the end of the aliases, or the very name that was asked for. */
  readonly name: string
}

/** RFC 6698 §2.1, as it was published: numbers that nobody knows are not left out. */
export interface TlsaRecord {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  /** Lower-case hexadecimal. */
  readonly data: string
}

/** NXDOMAIN and "no such record" are empty answers; trouble (SERVFAIL, bogus, silence) throws `dns-unavailable`. */
export interface ValidatedResolver {
  mx(
    domain: string,
    signal?: AbortSignal,
  ): Promise<Validated<{ readonly preference: number; readonly exchange: string }>>
  a(name: string, signal?: AbortSignal): Promise<Validated<string>>
  aaaa(name: string, signal?: AbortSignal): Promise<Validated<string>>
  tlsa(name: string, signal?: AbortSignal): Promise<Validated<TlsaRecord>>
  /** The alias that stands at this very name, if there is one; nothing is followed. */
  cname(name: string, signal?: AbortSignal): Promise<Validated<string>>
}
