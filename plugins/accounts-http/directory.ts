/** Accounts that an application tells over HTTP, and passwords that it checks. */
import {
  type Account,
  type Accounts,
  type Answered,
  type Credentials,
  FarPasswords,
  type FarPasswordsParts,
  type FarVerdict,
  type Keeping,
  type Log,
  MailError,
  type Peer,
} from 'posthouse/api'
import { addressOfKey, formatAddress, parseDuration } from 'posthouse/text'
import { ownId, readAccount, readPage, readRight, Unreadable } from './answers.js'
import { type Answer, type Asker, TooMany } from './asking.js'
import type { Settings } from './settings.js'

/** Longer names nobody has. */
const MAX_NAME = 320
const PAGE = 1000
/** A list that never ends is none. */
const MOST_ACCOUNTS = 1_000_000

export class Directory implements Accounts {
  readonly name: string
  readonly keep: Keeping
  readonly #asker: Asker
  readonly #domains: ReadonlySet<string>
  /** The only ones that are asked about; empty: all. */
  readonly #only: ReadonlySet<string>
  readonly #passwords: FarPasswords

  constructor(config: Settings, asker: Asker, domains: ReadonlySet<string>, parts: FarPasswordsParts) {
    const ms = (text: string) => parseDuration(text) ?? 0
    this.name = config.name
    this.keep = {
      foundMs: ms(config.keep),
      missingMs: ms(config.keep_missing),
      staleMs: ms(config.keep_while_down),
      most: config.keep_most,
    }
    this.#asker = asker
    this.#domains = domains
    this.#only = new Set(config.domains)
    this.#passwords = new FarPasswords(parts)
  }

  async byLogin(login: string): Promise<Account | undefined> {
    return this.#mayHave(login) ? this.#one({ ask: 'login', login }) : undefined
  }

  async byAddress(key: string): Promise<Account | undefined> {
    const known = key.length > MAX_NAME ? undefined : addressOfKey(key)
    if (known === undefined || !this.#asksAbout(known.domain)) return undefined
    return this.#one({ ask: 'address', address: formatAddress(known) })
  }

  async byId(id: string): Promise<Account | undefined> {
    const own = ownId(id, this.name)
    return own === undefined ? undefined : this.#one({ ask: 'id', id: own })
  }

  async list(most = MOST_ACCOUNTS): Promise<readonly Account[]> {
    const all: Account[] = []
    let after: string | undefined
    do {
      const question = { ask: 'list', most: Math.min(PAGE, most - all.length), ...(after !== undefined && { after }) }
      const page = await this.#ask(question, answer => readPage(answer, this.#reading))
      all.push(...page.accounts)
      if (page.next !== undefined && (page.next === after || page.accounts.length === 0))
        throw this.#asker.trouble('answers a list that does not go on')
      after = page.next
    } while (after !== undefined && all.length < most)
    return all.slice(0, most)
  }

  async check(peer: Peer, credentials: Credentials, log: Log): Promise<Answered['auth']> {
    if (credentials.kind !== 'password' || !this.#mayHave(credentials.login)) return undefined
    const { login, password } = credentials
    return this.#passwords.check({ peer, login, password }, () => this.#judge(peer, login, password), log)
  }

  async #judge({ protocol, remote }: Peer, login: string, password: string): Promise<FarVerdict> {
    const question = { ask: 'password', login, password, protocol, remote: remote.address }
    try {
      return await this.#ask(question, (answer): FarVerdict => {
        const account = readAccount(answer, this.#reading)
        if (account === undefined) return { kind: 'nobody' }
        return readRight(answer) ? { kind: 'right', account } : { kind: 'wrong', why: 'the source says so' }
      })
    } catch (error) {
      if (error instanceof MailError && error.cause instanceof TooMany) return { kind: 'busy' }
      throw error
    }
  }

  get #reading() {
    return { name: this.name, domains: this.#domains }
  }

  #one(question: object): Promise<Account | undefined> {
    return this.#ask(question, answer => readAccount(answer, this.#reading))
  }

  async #ask<T>(question: object, read: (answer: Answer) => T): Promise<T> {
    try {
      return read(await this.#asker.ask(question))
    } catch (error) {
      if (error instanceof Unreadable || error instanceof TooMany) throw this.#asker.trouble(error.message, error)
      throw error
    }
  }

  #mayHave(login: string): boolean {
    if (login === '' || login.length > MAX_NAME) return false
    const at = login.lastIndexOf('@')
    return at < 1 || this.#asksAbout(login.slice(at + 1).toLowerCase())
  }

  #asksAbout(domain: string): boolean {
    return this.#only.size === 0 || this.#only.has(domain)
  }
}
