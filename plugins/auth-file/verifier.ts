/**
 * Checks a login name and password. A wrong password, an unknown user and a disabled one cost the same and sound the same; so do app
 * passwords, as the first group of a password says which single hash it is checked against.
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
  type Peer,
  type Reject,
  reject,
} from 'posthouse/api'
import type { AppPassword, StoredAccount } from './accounts-file.js'
import { type Directory, view } from './directory.js'
import { isForeign } from './foreign/schemes.js'
import type { ForeignThread } from './foreign/thread.js'
import { type Cost, isCheaper, MAX_PASSWORD_BYTES, readAppPassword, verifyPassword } from './password.js'
import { protocolOf } from './protocol.js'
import type { Rehasher } from './rehash.js'
import type { Usage } from './usage.js'
import { BusyError, type WorkQueue } from './work-queue.js'

const REMEMBERED = 1000

interface VerifierOptions {
  readonly directory: Directory
  readonly queue: WorkQueue
  readonly cost: Cost
  readonly rememberMs: number
  readonly usage: Usage
  readonly foreign: ForeignThread
  readonly rehasher: Rehasher
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

  async check(
    peer: Peer,
    credentials: Credentials,
    signal?: AbortSignal,
  ): Promise<Authenticated | Reject | Defer | undefined> {
    if (credentials.kind !== 'password') return undefined
    const { directory, usage } = this.#options
    const { login, password } = credentials
    const account = await directory.stored(login)
    const chosen = choose(account, peer, password)
    try {
      const proof = await this.#proofOf(account, chosen, signal)
      // Another source may have them; core refuses whom nobody has, in the same words.
      if (account === undefined) return undefined
      // While it was hashed a command may have changed the file, or another login of theirs had the same password hashed anew.
      const now = proof === 'hashed' ? await directory.stored(login) : account
      const then = choose(now, peer, password)
      const stands = then.hash === chosen.hash || (await this.#proofOf(now, then, signal)) !== undefined
      // RFC 4954 §6: the same words for an unknown user and a wrong password
      if (proof === undefined || now === undefined || now.disabled || !stands)
        return reject('Authentication failed', { code: 535, status: '5.7.8' })
      if (then.app !== undefined) usage.note(now.id, then.app.tag, peer)
      return authenticated(view(now))
    } catch (error) {
      if (!(error instanceof BusyError)) throw error
      return defer('Too many log-ins right now, try again later', { code: 454, status: '4.7.0' })
    }
  }

  async #proofOf(
    account: StoredAccount | undefined,
    { hash, password }: Chosen,
    signal?: AbortSignal,
  ): Promise<'remembered' | 'hashed' | undefined> {
    const { queue, rehasher, cost } = this.#options
    if (account !== undefined && hash !== undefined && this.#remembers(account.id, hash, password)) return 'remembered'
    const fits = Buffer.byteLength(password) <= MAX_PASSWORD_BYTES
    const right = await queue.run(() => this.#isRight(fits ? password : '', hash), signal)
    if (!right || !fits || account === undefined || hash === undefined) return undefined
    this.#remember(account.id, hash, password)
    // An app password has shown nothing of the account's own.
    if (hash === account.password && (isForeign(hash) || isCheaper(hash, cost))) rehasher.note(account, password)
    return 'hashed'
  }

  /** A hash of another server costs ours as well, side by side: one that is cheap must not tell that the account is there. */
  async #isRight(password: string, hash: string | undefined): Promise<boolean> {
    const { cost, foreign } = this.#options
    if (hash === undefined || !isForeign(hash)) return verifyPassword(password, hash, cost)
    const [right] = await Promise.all([foreign.matches(password, hash), verifyPassword(password, undefined, cost)])
    return right
  }

  #remembers(id: string, hash: string, password: string): boolean {
    return (this.#right.get(this.#digest(id, hash, password)) ?? 0) > this.#options.now()
  }

  #remember(id: string, hash: string, password: string): void {
    if (this.#options.rememberMs === 0) return
    const digest = this.#digest(id, hash, password)
    this.#right.delete(digest)
    this.#right.set(digest, this.#options.now() + this.#options.rememberMs)
    if (this.#right.size <= REMEMBERED) return
    const [oldest] = this.#right.keys()
    if (oldest !== undefined) this.#right.delete(oldest)
  }

  #digest(id: string, hash: string, password: string): string {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([id, hash, password]))
      .digest('base64')
  }
}

interface Chosen {
  /** What the password is checked against; `undefined`: nothing fits, which costs as much. */
  readonly hash: string | undefined
  readonly password: string
  readonly app?: AppPassword
}

/**
 * One hash, never several: the app password of that tag, or the account's own password. None of a disabled account: a password of it
 * that is right must not be found out by how fast we say no.
 */
function choose(stored: StoredAccount | undefined, { protocol }: Peer, given: string): Chosen {
  const account = stored?.disabled ? undefined : stored
  const asked = protocolOf(protocol)
  const secret = readAppPassword(given)
  const app = secret && account?.appPasswords?.find(({ tag }) => tag === secret.tag)
  if (secret !== undefined && app !== undefined) {
    const fits = asked !== undefined && app.protocols.includes(asked)
    return { hash: fits ? app.password : undefined, password: secret.password, app }
  }
  const closed = asked !== undefined && account?.mainPasswordNotFor?.includes(asked) === true
  return { hash: closed ? undefined : account?.password, password: given }
}
