/**
 * Tells a wrong secret that comes again from a new one, without keeping it: 24 bits of a digest under a key of this install. So few bits
 * cannot confirm a guess even to who has the key (one in sixteen million others fits as well), and are plenty to know a repetition by.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { type Credentials, type Log, unreachable } from 'posthouse/api'

const KEY_BYTES = 32
const DIGEST_BYTES = 3

export class Secrets {
  readonly #kept: () => Promise<Buffer>
  readonly #log: Log
  #key: Promise<Buffer> | undefined

  /** `kept`: the key of this install. */
  constructor(kept: () => Promise<Buffer>, log: Log) {
    this.#kept = kept
    this.#log = log
  }

  async digest(account: string, credentials: Credentials): Promise<string> {
    this.#key ??= this.#open()
    const text = JSON.stringify([account, credentials.kind, secretOf(credentials)])
    const digest = createHmac('sha256', await this.#key)
      .update(text)
      .digest()
    return digest.subarray(0, DIGEST_BYTES).toString('base64url')
  }

  async #open(): Promise<Buffer> {
    try {
      return await this.#kept()
    } catch (error) {
      this.#log.warn({ err: error }, 'key cannot be kept, repeated passwords are forgotten at the end')
      return randomBytes(KEY_BYTES)
    }
  }
}

function secretOf(credentials: Credentials): string {
  switch (credentials.kind) {
    case 'password':
      return credentials.password
    case 'token':
      return credentials.token
    case 'certificate':
      return credentials.certificate.fingerprint
    default:
      return unreachable(credentials)
  }
}
