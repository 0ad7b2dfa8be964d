/**
 * Checks a login name and password. A wrong password, an unknown user and a disabled one cost the same and sound the same.
 * Mail clients log in anew every few minutes: a password that was right is remembered for a short while, as a keyed
 * digest bound to the stored hash, so that a changed password or a removed user ends it at once. Wrong ones are never remembered.
 */
import { createHmac, randomBytes } from 'node:crypto'
import {
  type Authenticated,
  authenticated,
  type Credentials,
  type Defer,
  defer,
  type Reject,
  reject,
} from 'posthouse/api'
import type { StoredAccount } from './accounts-file.js'
import type { Directory } from './directory.js'
import { type Cost, MAX_PASSWORD_BYTES, verifyPassword } from './password.js'
import { BusyError, type WorkQueue } from './work-queue.js'

const REMEMBERED = 1000

interface VerifierOptions {
  readonly directory: Directory
  readonly queue: WorkQueue
  readonly cost: Cost
  readonly rememberMs: number
  readonly now: () => number
}

export class Verifier {
  readonly #options: VerifierOptions
  readonly #secret = randomBytes(32)
  /** Digest → until when; oldest first. */
  readonly #right = new Map<string, number>()

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  async check(credentials: Credentials, signal?: AbortSignal): Promise<Authenticated | Reject | Defer | undefined> {
    if (credentials.kind !== 'password') return undefined
    const { directory } = this.#options
    const account = await directory.stored(credentials.login)
    try {
      const right = await this.#isRight(account, credentials.password, signal)
      const seen = right && account !== undefined ? await directory.byId(account.id) : undefined
      if (seen !== undefined && !seen.disabled) return authenticated(seen)
      // RFC 4954 §6: the same words for an unknown user and a wrong password
      return reject('Authentication failed', { code: 535, status: '5.7.8' })
    } catch (error) {
      if (!(error instanceof BusyError)) throw error
      return defer('Too many log-ins right now, try again later', { code: 454, status: '4.7.0' })
    }
  }

  async #isRight(account: StoredAccount | undefined, password: string, signal?: AbortSignal): Promise<boolean> {
    const { queue, cost } = this.#options
    if (account !== undefined && this.#remembers(account, password)) return true
    const fits = Buffer.byteLength(password) <= MAX_PASSWORD_BYTES
    const right = await queue.run(() => verifyPassword(fits ? password : '', account?.password, cost), signal)
    if (!right || !fits || account === undefined) return false
    this.#remember(account, password)
    return true
  }

  #remembers(account: StoredAccount, password: string): boolean {
    return (this.#right.get(this.#digest(account, password)) ?? 0) > this.#options.now()
  }

  #remember(account: StoredAccount, password: string): void {
    if (this.#options.rememberMs === 0) return
    const digest = this.#digest(account, password)
    this.#right.delete(digest)
    this.#right.set(digest, this.#options.now() + this.#options.rememberMs)
    if (this.#right.size <= REMEMBERED) return
    const [oldest] = this.#right.keys()
    if (oldest !== undefined) this.#right.delete(oldest)
  }

  #digest(account: StoredAccount, password: string): string {
    const parts = JSON.stringify([account.id, account.password, password])
    return createHmac('sha256', this.#secret).update(parts).digest('base64')
  }
}
