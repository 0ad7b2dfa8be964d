/** Services around mail that goes out or on: keys that it is signed with (DKIM, ARC), and the sender that it goes on under (SRS). */
import type { Address } from './address.js'
import type { Call } from './hooks.js'

/** Private keys by domain. They are lent, never handed out. */
export interface SigningKeys {
  /**
   * Those in use for a domain now, of each kind the newest; empty: there is none, or none is in use yet. Throws when there should be one and it
   * cannot be used.
   */
  inUse(domain: string): Promise<readonly SigningKey[]>
}

export interface SigningKey {
  /** In A-labels: `d=`. */
  readonly domain: string
  readonly selector: string
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256'
  /** How many octets a signature has. */
  readonly signatureBytes: number
  /** Signs the octets (their SHA-256, RFC 6376 §3.7, RFC 8463 §3). */
  sign(octets: Buffer): Promise<Buffer>
}

/** Gives mail that an alias sends on a sender of ours, to which bounces can come. */
export interface SenderRewriter {
  /** Left out: the mail goes on under the sender it has. */
  forwarded(sender: Address, call: Pick<Call, 'log'>): Promise<Address | undefined>
}
