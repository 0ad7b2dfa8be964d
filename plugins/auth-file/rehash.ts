/**
 * Passwords that came as hashes of another server, or were hashed before the cost was raised, become hashes of ours, and of now, at the first login that
 * shows them. Nobody waits for that, and nothing is lost if it fails: the old hash still counts, and the next login tries again. A file is written whole,
 * so many changes go into one write, and writing takes a small share of the time however many log in on a Monday morning.
 */
import type { Log } from 'posthouse/api'
import { appKeysOf, keysOf, type StoredAccount } from './accounts-file.js'
import type { Book } from './book.js'
import type { MakeSecrets } from './commands.js'
import { isForeign } from './foreign/schemes.js'
import { areOfOneSalt } from './scram.js'

export interface RehasherParts {
  readonly book: Book
  readonly makeSecrets: MakeSecrets
  readonly log: Log
}

interface Change {
  readonly from: string
  readonly secrets: Pick<StoredAccount, 'password' | 'scram'>
}

/** More than log in while a file is written. */
const MOST = 1000
const FIRST_MS = 1000
/** Of the time a write took, until the next. */
const REST = 20

export class Rehasher {
  readonly #parts: RehasherParts
  /** By account id. */
  readonly #changes = new Map<string, Change>()
  readonly #making = new Map<string, Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #pauseMs = FIRST_MS
  #ended = false

  constructor(parts: RehasherParts) {
    this.#parts = parts
  }

  /** `password` is the one behind the account's hash. */
  note(account: StoredAccount, password: string): void {
    const { id } = account
    if (this.#ended || this.#changes.has(id) || this.#making.has(id)) return
    if (this.#changes.size + this.#making.size >= MOST) return
    const made = this.#make(account, password)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => this.#making.delete(id))
    this.#making.set(id, made)
  }

  /** What was noted until now is written. */
  async end(): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    await Promise.all(this.#making.values())
    await this.#writing
    await this.#write()
  }

  async #make(account: StoredAccount, password: string): Promise<void> {
    const secrets = await this.#parts.makeSecrets(password, appKeysOf(account.appPasswords))
    this.#changes.set(account.id, { from: account.password, secrets })
    if (this.#timer !== undefined || this.#ended) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writing.then(() => this.#write())
    }, this.#pauseMs)
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    if (this.#changes.size === 0) return
    const changes = new Map(this.#changes)
    this.#changes.clear()
    const begun = performance.now()
    try {
      await this.#parts.book.change([...changes.keys()], account => changed(account, changes))
      const foreign = [...changes.values()].filter(({ from }) => isForeign(from)).length
      const own = changes.size - foreign
      if (foreign > 0) this.#parts.log.info({ accounts: foreign }, 'passwords of another server are hashed as ours now')
      if (own > 0) this.#parts.log.info({ accounts: own }, 'passwords are hashed at the cost of now')
    } catch (error) {
      this.#failed(error)
    }
    this.#pauseMs = Math.max(FIRST_MS, (performance.now() - begun) * REST)
  }

  #failed(error: unknown): void {
    this.#parts.log.warn({ err: error }, 'a password could not be hashed anew')
  }
}

/** Not where a command has set another password meanwhile, or made an app password whose keys have another salt. */
function changed(account: StoredAccount, changes: ReadonlyMap<string, Change>): StoredAccount {
  const change = changes.get(account.id)
  if (change === undefined || change.from !== account.password) return account
  const turned = { ...account, scram: undefined, ...change.secrets } as StoredAccount
  return areOfOneSalt(keysOf(turned)) ? turned : account
}
