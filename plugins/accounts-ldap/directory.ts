/**
 * People of an LDAP directory as accounts. "Nobody" is said only when a server has searched and found no entry; two entries for one name are a
 * fault of the directory or of a filter, and mail waits until it is mended.
 */
import { AndFilter, type Entry, type Filter, FilterParser } from 'ldapts'
import { type Account, type Accounts, type Keeping, MailError } from 'posthouse/api'
import { parseDuration, printable } from 'posthouse/text'
import { accountOf, askedOf, filterOfId } from './entry.js'
import type { Servers } from './servers.js'
import type { Settings } from './settings.js'
import { domainOf, fillFilter, valuesOfAddress, valuesOfLogin } from './template.js'
import { LdapBusy, LdapDown } from './trouble.js'

/** Longer names nobody has, and they would cost a directory something. */
const MAX_NAME = 320

export interface Person {
  readonly dn: string
  readonly account: Account
}

export class Directory implements Accounts {
  readonly name: string
  readonly keep: Keeping
  readonly #config: Settings
  readonly #servers: Pick<Servers, 'search'>
  /** Of this server. */
  readonly #domains: ReadonlySet<string>
  /** The only ones that are asked about; empty: all. */
  readonly #only: ReadonlySet<string>

  constructor(config: Settings, servers: Pick<Servers, 'search'>, domains: ReadonlySet<string>) {
    const ms = (text: string) => parseDuration(text) ?? 0
    this.name = config.name
    this.keep = {
      foundMs: ms(config.keep),
      missingMs: ms(config.keep_missing),
      staleMs: ms(config.keep_while_down),
      most: config.keep_most,
    }
    this.#config = config
    this.#servers = servers
    this.#domains = domains
    this.#only = new Set(config.domains)
  }

  async byLogin(login: string): Promise<Account | undefined> {
    return (await this.person(login))?.account
  }

  async byAddress(address: string): Promise<Account | undefined> {
    const values = address.length > MAX_NAME ? undefined : valuesOfAddress(address)
    if (values === undefined || !this.#asksAbout(values.get('domain'))) return undefined
    return this.#one(fillFilter(this.#config.address_filter, values), address)
  }

  async byId(id: string): Promise<Account | undefined> {
    const filter = filterOfId(id, this.#config)
    if (filter === undefined) return undefined
    return this.#one(new AndFilter({ filters: [filter, FilterParser.parseString(this.#config.list_filter)] }), id)
  }

  async list(most?: number): Promise<readonly Account[]> {
    const entries = await this.#search(this.#config.list_filter, most)
    return entries.map(entry => accountOf(entry, this.#config, this.#domains))
  }

  /** With the name of the entry, for checking a password. */
  async person(login: string): Promise<Person | undefined> {
    if (!this.mayHave(login)) return undefined
    const [home] = this.#only.size > 0 ? this.#only : this.#domains
    return this.#find(fillFilter(this.#config.login_filter, valuesOfLogin(login, home)), login)
  }

  /** False: the directory is not even asked. */
  mayHave(login: string): boolean {
    return login !== '' && login.length <= MAX_NAME && this.#asksAbout(domainOf(login))
  }

  #asksAbout(domain: string | undefined): boolean {
    return domain === undefined || this.#only.size === 0 || this.#only.has(domain)
  }

  async #one(filter: string | Filter, who: string): Promise<Account | undefined> {
    return (await this.#find(filter, who))?.account
  }

  async #find(filter: string | Filter, who: string): Promise<Person | undefined> {
    const [entry, another] = await this.#search(filter, 2)
    if (entry === undefined) return undefined
    if (another !== undefined)
      throw new MailError(
        'directory-unavailable',
        `directory ${this.name}: more than one is ${printable(who)}: ${entry.dn} and ${another.dn}; filters have to find one at most`,
      )
    return { dn: entry.dn, account: accountOf(entry, this.#config, this.#domains) }
  }

  async #search(filter: string | Filter, most?: number): Promise<readonly Entry[]> {
    const { base, scope } = this.#config
    try {
      return await this.#servers.search({
        base,
        scope,
        filter,
        ...askedOf(this.#config),
        ...(most !== undefined && { most }),
      })
    } catch (error) {
      if (error instanceof LdapDown || error instanceof LdapBusy)
        throw new MailError('directory-unavailable', `directory ${this.name}: ${error.message}`)
      throw error
    }
  }
}
