/**
 * Checks a login name and password by binding as that person: the directory compares, with whatever hashes and rules it has. An unknown name
 * costs the same way there and back, and sounds the same. What was right is remembered for a short while, as a keyed digest; while no server answers,
 * for a longer one.
 */
import {
  type Account,
  type Answered,
  authenticated,
  type Credentials,
  defer,
  type Log,
  MailError,
  type Metrics,
  type Peer,
  reject,
} from 'posthouse/api'
import { printable, RememberedSecrets } from 'posthouse/text'
import type { Directory, Person } from './directory.js'
import type { Servers } from './servers.js'
import { LdapBusy, LdapDown } from './trouble.js'

const MOST_REMEMBERED = 5000

export interface VerifierParts {
  readonly directory: Directory
  readonly servers: Pick<Servers, 'bind'>
  /** Where nobody is: an unknown name is tried there. */
  readonly base: string
  readonly rememberMs: number
  readonly rememberWhileDownMs: number
  readonly now: () => number
  readonly metrics: Metrics
}

export class Verifier {
  readonly #parts: VerifierParts
  readonly #right = new RememberedSecrets<Account>(MOST_REMEMBERED)

  constructor(parts: VerifierParts) {
    this.#parts = parts
  }

  async check(peer: Peer, credentials: Credentials, log: Log): Promise<Answered['auth']> {
    if (credentials.kind !== 'password' || !this.#parts.directory.mayHave(credentials.login)) return undefined
    const { login, password } = credentials
    try {
      const person = await this.#parts.directory.person(login)
      return await this.#judge(peer, person, login, password, log)
    } catch (error) {
      if (error instanceof LdapBusy) return busy()
      const down = error instanceof LdapDown || (error instanceof MailError && error.temporary)
      if (!down) throw error
      return this.#whileDown(peer, login, password, error, log)
    }
  }

  async #judge(
    peer: Peer,
    person: Person | undefined,
    login: string,
    password: string,
    log: Log,
  ): Promise<Answered['auth']> {
    const { now, rememberMs, servers, base } = this.#parts
    const known = this.#right.find([login, password])
    if (person !== undefined && known?.value.id === person.account.id && now() - known.at < rememberMs)
      return person.account.disabled ? refused() : this.#accept(person.account)
    const why = await servers.bind(person?.dn ?? `cn=${NOBODY},${base}`, password)
    if (person === undefined) return undefined
    if (why === undefined && person.account.disabled !== true) {
      this.#right.keep([login, password], { value: person.account, at: now() })
      return this.#accept(person.account)
    }
    this.#right.forget([login, password])
    this.#parts.metrics.count('refused')
    const facts = { id: peer.id, login: printable(login, 100), dn: printable(person.dn, 200) }
    log.info({ ...facts, why: why === undefined ? 'disabled' : printable(why, 200) }, 'directory refused a password')
    return refused()
  }

  #whileDown(peer: Peer, login: string, password: string, error: unknown, log: Log): Answered['auth'] {
    const { now, rememberWhileDownMs, metrics } = this.#parts
    metrics.count('down')
    const known = this.#right.find([login, password])
    if (known !== undefined && known.value.disabled !== true && now() - known.at < rememberWhileDownMs) {
      metrics.count('remembered')
      return authenticated(known.value)
    }
    log.warn({ id: peer.id, login: printable(login, 100), err: error }, 'password cannot be checked')
    return defer('Cannot check passwords right now, try again later', { code: 454, status: '4.7.0' })
  }

  #accept(account: Account): Answered['auth'] {
    this.#parts.metrics.count('accepted')
    return authenticated(account)
  }
}

/** No entry is called so. */
const NOBODY = 'posthouse-nobody'

// RFC 4954 §6: the same words whatever is wrong
function refused() {
  return reject('Authentication failed', { code: 535, status: '5.7.8' })
}

function busy() {
  return defer('Too many log-ins right now, try again later', { code: 454, status: '4.7.0' })
}
