/**
 * Checks a login name and password by binding as that person: the directory compares, with whatever hashes and rules it has. An unknown name
 * costs the same way there and back. A password that was right is not tried again for a short while, but whether its person is still there and
 * not disabled is asked each time.
 */
import {
  type Account,
  type Answered,
  type Credentials,
  FarPasswords,
  type FarPasswordsParts,
  type FarVerdict,
  type Log,
  MailError,
  type Peer,
} from 'posthouse/api'
import type { Remembered } from 'posthouse/text'
import type { Directory } from './directory.js'
import type { Servers } from './servers.js'
import { LdapBusy, LdapDown } from './trouble.js'

/** No entry is called so. */
const NOBODY = 'posthouse-nobody'

export interface VerifierParts extends FarPasswordsParts {
  readonly directory: Directory
  readonly servers: Pick<Servers, 'bind'>
  /** Where nobody is: an unknown name is tried there. */
  readonly base: string
  readonly rememberMs: number
}

export class Verifier {
  readonly #parts: VerifierParts
  readonly #passwords: FarPasswords

  constructor(parts: VerifierParts) {
    this.#parts = parts
    this.#passwords = new FarPasswords(parts)
  }

  async check(peer: Peer, credentials: Credentials, log: Log): Promise<Answered['auth']> {
    if (credentials.kind !== 'password' || !this.#parts.directory.mayHave(credentials.login)) return undefined
    const { login, password } = credentials
    return this.#passwords.check({ peer, login, password }, known => this.#ask(login, password, known), log)
  }

  async #ask(login: string, password: string, known: Remembered<Account> | undefined): Promise<FarVerdict> {
    const { directory, base, now, rememberMs } = this.#parts
    const person = await directory.person(login)
    if (person !== undefined && known?.value.id === person.account.id && now() - known.at < rememberMs)
      return { kind: 'right', account: person.account, since: known.at }
    try {
      const why = await this.#parts.servers.bind(person?.dn ?? `cn=${NOBODY},${base}`, password)
      if (person === undefined) return { kind: 'nobody' }
      return why === undefined ? { kind: 'right', account: person.account } : { kind: 'wrong', why }
    } catch (error) {
      if (error instanceof LdapBusy) return { kind: 'busy' }
      if (!(error instanceof LdapDown)) throw error
      throw new MailError('directory-unavailable', `directory ${directory.name}: ${error.message}`)
    }
  }
}
