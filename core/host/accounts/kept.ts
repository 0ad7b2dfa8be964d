/**
 * Answers of one source of accounts, kept for a while: mail for one person asks four times who that is, and a directory across a network may be
 * away for an hour. While it is away, whom it had still counts for as long as the source says, and whom it had not is not known: mail for
 * somebody who was added meanwhile must wait and not bounce.
 * Each process keeps its own. Everything is bounded in number; the answer that was asked for longest ago goes first.
 */
import {
  type Account,
  type Accounts,
  type Clock,
  type Keeping,
  type Log,
  MailError,
  type Metrics,
} from '../../api/index.js'

interface Answer {
  readonly account: Account | undefined
  readonly at: number
}

export interface KeptParts {
  /** Of the source, for the log. */
  readonly name: string
  readonly keep: Keeping
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: Clock
}

type Asked = Pick<Accounts, 'byLogin' | 'byAddress' | 'byId'>

export class KeptAccounts implements Asked {
  readonly #source: Asked
  readonly #parts: KeptParts
  /** Oldest use first. */
  readonly #answers = new Map<string, Answer>()
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
    return this.#look(`login ${login.toLowerCase()}`, () => this.#source.byLogin(login))
  }

  byAddress(address: string): Promise<Account | undefined> {
    return this.#look(`address ${address.toLowerCase()}`, () => this.#source.byAddress(address))
  }

  byId(id: string): Promise<Account | undefined> {
    return this.#look(keyOf(id), () => this.#source.byId(id))
  }

  forget(): void {
    this.#answers.clear()
    this.#asking.clear()
    this.#forgotten++
  }

  async #look(key: string, ask: () => Promise<Account | undefined>): Promise<Account | undefined> {
    const { clock, keep } = this.#parts
    const known = this.#answers.get(key)
    if (known !== undefined) {
      this.#used(key, known)
      const freshMs = known.account === undefined ? keep.missingMs : keep.foundMs
      if (clock.now() - known.at < freshMs) return known.account
    }
    // Ten messages for one person at the same time are one question.
    const asking = this.#asking.get(key) ?? this.#ask(key, ask)
    try {
      return await asking
    } catch (error) {
      return this.#instead(known, error)
    }
  }

  #ask(key: string, ask: () => Promise<Account | undefined>): Promise<Account | undefined> {
    const { clock } = this.#parts
    const generation = this.#forgotten
    const asking = ask()
      .then(account => {
        this.#back()
        if (this.#forgotten === generation) this.#note(key, { account, at: clock.now() })
        return account
      })
      .finally(() => {
        if (this.#asking.get(key) === asking) this.#asking.delete(key)
      })
    this.#asking.set(key, asking)
    return asking
  }

  /** What is known of it, where the source cannot say. */
  #instead(known: Answer | undefined, error: unknown): Account | undefined {
    if (!(error instanceof MailError) || !error.temporary) throw error
    const { clock, keep, metrics } = this.#parts
    this.#away(error)
    if (known?.account === undefined || clock.now() - known.at >= keep.staleMs) throw error
    metrics.count('accounts.stale')
    return known.account
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
  #note(key: string, answer: Answer): void {
    const { foundMs, missingMs } = this.#parts.keep
    if (answer.account === undefined) {
      if (missingMs > 0) this.#used(key, answer)
      else this.#answers.delete(key)
      return
    }
    if (foundMs === 0 && this.#parts.keep.staleMs === 0) return
    this.#used(key, answer)
    this.#used(keyOf(answer.account.id), answer)
  }

  #used(key: string, answer: Answer): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    if (this.#answers.size <= this.#parts.keep.most) return
    const [oldest] = this.#answers.keys()
    if (oldest !== undefined) this.#answers.delete(oldest)
  }
}

function keyOf(id: string): string {
  return `id ${id}`
}
