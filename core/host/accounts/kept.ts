/**
 * Answers of one source of accounts, kept for a while: mail for one person asks four times who that is, and a directory across a network may be
 * away for an hour. While it is away, whom it had still counts for as long as the source says, and whom it had not is not known: mail for
 * somebody who was added meanwhile must wait and not bounce.
 * Each process keeps its own. Whom it found is told to State as well, for the other processes and for a restart while the source is away.
 * Everything is bounded in number; the answer that was asked for longest ago goes first. Names that nobody has stand apart: whoever tries a
 * hundred thousand of them must not drive out the people who are there.
 */
import { createHash } from 'node:crypto'
import {
  type Account,
  type Accounts,
  type Clock,
  type Keeping,
  type Log,
  MailError,
  type Metrics,
  type State,
} from '../../api/index.js'

interface Found {
  readonly account: Account
  readonly at: number
  /** When State was told of it. */
  readonly told: number
}

/** State is told anew of somebody who is asked for often so many times while what it has counts. */
const TELLINGS = 10
/** Of one account, State is told by so many of its addresses. */
const MOST_ADDRESSES = 20

export interface KeptParts {
  /** Of the source, for the log. */
  readonly name: string
  readonly keep: Keeping
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: Clock
  /** There once the store is; left out: each process knows only what it has asked for itself. */
  readonly state?: () => State | undefined
}

type Asked = Pick<Accounts, 'byLogin' | 'byAddress' | 'byId'>

export class KeptAccounts implements Asked {
  readonly #source: Asked
  readonly #parts: KeptParts
  /** Oldest use first. */
  readonly #found = new Map<string, Found>()
  /** Since when; oldest first. */
  readonly #missing = new Map<string, number>()
  readonly #asking = new Map<string, Promise<Account | undefined>>()
  /** Since when it has been away. */
  #down: number | undefined
  /** What was asked before this was said is not kept. */
  #forgotten = 0

  constructor(source: Asked, parts: KeptParts) {
    this.#source = source
    this.#parts = parts
  }

  byLogin(login: string): Promise<Account | undefined> {
    return this.#look(loginKey(login), () => this.#source.byLogin(login))
  }

  byAddress(address: string): Promise<Account | undefined> {
    return this.#look(addressKey(address), () => this.#source.byAddress(address))
  }

  byId(id: string): Promise<Account | undefined> {
    return this.#look(keyOf(id), () => this.#source.byId(id))
  }

  forget(): void {
    this.#found.clear()
    this.#missing.clear()
    this.#asking.clear()
    this.#forgotten++
  }

  async #look(key: string, ask: () => Promise<Account | undefined>): Promise<Account | undefined> {
    const { clock, keep } = this.#parts
    const known = this.#found.get(key)
    if (known !== undefined) this.#put(this.#found, key, known)
    if (known !== undefined && clock.now() - known.at < keep.foundMs) return known.account
    const missing = this.#missing.get(key)
    if (missing !== undefined && clock.now() - missing < keep.missingMs) return undefined
    // Ten messages for one person at the same time are one question.
    const asking = this.#asking.get(key) ?? this.#ask(key, ask)
    try {
      return await asking
    } catch (error) {
      return await this.#instead(key, known, error)
    }
  }

  #ask(key: string, ask: () => Promise<Account | undefined>): Promise<Account | undefined> {
    const { clock } = this.#parts
    const generation = this.#forgotten
    const asking = ask()
      .then(account => {
        // "Nobody" may be said without asking, of whom the source cannot have.
        if (account !== undefined) this.#back()
        if (this.#forgotten === generation) this.#note(key, account, clock.now())
        else if (account === undefined) this.#untell(key)
        return account
      })
      .finally(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key)
      })
    this.#asking.set(key, asking)
    return asking
  }

  /** What is known of it, where the source cannot say. */
  async #instead(key: string, known: Found | undefined, error: unknown): Promise<Account> {
    if (!(error instanceof MailError) || !error.temporary) throw error
    const { clock, keep, metrics } = this.#parts
    this.#away(error)
    const fresh = (found: Found | undefined) => found !== undefined && clock.now() - found.at < keep.staleMs
    const found = fresh(known) ? known : await this.#recall(key)
    if (found === undefined || !fresh(found)) throw error
    metrics.count('accounts.stale')
    return found.account
  }

  async #recall(key: string): Promise<Found | undefined> {
    const { state, clock } = this.#parts
    const text = await state?.()?.get(this.#stateKey(key), clock.now())
    if (text === undefined) return undefined
    const found = { ...(JSON.parse(text) as Omit<Found, 'told'>), told: clock.now() }
    this.#put(this.#found, key, found)
    return found
  }

  #tell(key: string, { account, at }: Found): void {
    const { state, keep, log } = this.#parts
    const text = JSON.stringify({ account, at })
    const telling = state?.()?.put(this.#stateKey(key), text, at + keep.staleMs)
    telling?.catch((error: unknown) => log.debug({ err: error }, 'who was found could not be told to State'))
  }

  /** Only who is there is taken out: most names that nobody has were never anybody's. */
  #untell(key: string): void {
    const { state, clock, log } = this.#parts
    const there = state?.()
    const name = this.#stateKey(key)
    const taking = there?.get(name, clock.now()).then(text => (text === undefined ? false : there.remove(name)))
    taking?.catch((error: unknown) => log.debug({ err: error }, 'who is gone could not be told to State'))
  }

  /** Names can be longer than keys. */
  #stateKey(key: string): string {
    return `accounts/${this.#parts.name}/${createHash('sha256').update(key).digest('base64url')}`
  }

  /** Once for each time that it goes away. */
  #away(error: MailError): void {
    const { clock, log, metrics, name } = this.#parts
    metrics.count('accounts.down')
    if (this.#down !== undefined) return
    this.#down = clock.now()
    log.warn({ source: name, err: error }, 'source of accounts is away, mail for whom it alone knows waits')
  }

  #back(): void {
    if (this.#down === undefined) return
    const { clock, log, name } = this.#parts
    log.info({ source: name, awayMs: clock.now() - this.#down }, 'source of accounts is back')
    this.#down = undefined
  }

  /** Delivery asks by id for whom the recipient's address has just found. */
  #note(key: string, account: Account | undefined, at: number): void {
    const { foundMs, missingMs, staleMs } = this.#parts.keep
    if (account === undefined) {
      this.#found.delete(key)
      this.#untell(key)
      if (missingMs > 0) this.#put(this.#missing, key, at)
      return
    }
    this.#missing.delete(key)
    if (foundMs === 0 && staleMs === 0) return
    const id = keyOf(account.id)
    for (const one of new Set([key, id])) {
      const { told = Number.NEGATIVE_INFINITY } = this.#found.get(one) ?? {}
      const tells = at - told >= staleMs / TELLINGS && staleMs > 0
      const found = { account, at, told: tells ? at : told }
      this.#put(this.#found, one, found)
      if (!tells) continue
      this.#tell(one, found)
      if (one === id) for (const other of otherKeys(account, key)) this.#tell(other, found)
    }
  }

  #put<T>(kept: Map<string, T>, key: string, value: T): void {
    kept.delete(key)
    kept.set(key, value)
    if (kept.size <= this.#parts.keep.most) return
    const [oldest] = kept.keys()
    if (oldest !== undefined) kept.delete(oldest)
  }
}

/** Who logged in shall get mail while the source is away, and who got mail shall log in. */
function otherKeys({ login, addresses }: Account, key: string): readonly string[] {
  const names = [loginKey(login), ...addresses.slice(0, MOST_ADDRESSES).map(addressKey)]
  return names.filter(name => name !== key)
}

function loginKey(login: string): string {
  return `login ${login.toLowerCase()}`
}

function addressKey(address: string): string {
  return `address ${address.toLowerCase()}`
}

function keyOf(id: string): string {
  return `id ${id}`
}
