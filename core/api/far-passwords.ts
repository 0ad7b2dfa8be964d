/**
 * Passwords that a source across a network checks: what is said of each verdict, and what counts while the source is away. A password that was
 * right lately still logs in then; of all others nobody knows, and people are asked to come again. Wrong ones are never remembered.
 */
import { type Remembered, RememberedSecrets } from '../text/remembered-secrets.js'
import { printable } from '../text/sanitise.js'
import type { Account } from './accounts.js'
import { authenticated, defer, reject } from './answers.js'
import { MailError, unreachable } from './errors.js'
import type { Answered } from './hooks.js'
import type { Log, Metrics } from './plugin.js'
import type { Peer } from './session.js'

const MOST_REMEMBERED = 5000

export type FarVerdict =
  /** Another source may have them. */
  | { readonly kind: 'nobody' }
  /** `since`: it was checked then and not now. */
  | { readonly kind: 'right'; readonly account: Account; readonly since?: number }
  /** `why` is for the log. */
  | { readonly kind: 'wrong'; readonly why: string }
  /** Too many are being checked. */
  | { readonly kind: 'busy' }

export interface FarPasswordsParts {
  readonly rememberWhileDownMs: number
  readonly now: () => number
  readonly metrics: Metrics
}

export interface FarLogin {
  readonly peer: Peer
  readonly login: string
  readonly password: string
}

export class FarPasswords {
  readonly #parts: FarPasswordsParts
  readonly #right = new RememberedSecrets<Account>(MOST_REMEMBERED)

  constructor(parts: FarPasswordsParts) {
    this.#parts = parts
  }

  /** `ask` throws a temporary `MailError` when the source cannot say; it is told when that password was right last. */
  async check(
    { peer, login, password }: FarLogin,
    ask: (known: Remembered<Account> | undefined) => Promise<FarVerdict>,
    log: Log,
  ): Promise<Answered['auth']> {
    const known = this.#right.find([login, password])
    const facts = { id: peer.id, login: printable(login, 100) }
    try {
      return this.#judge(await ask(known), { login, password }, facts, log)
    } catch (error) {
      if (!(error instanceof MailError) || !error.temporary) throw error
      const { now, rememberWhileDownMs, metrics } = this.#parts
      metrics.count('down')
      if (known !== undefined && now() - known.at < rememberWhileDownMs) {
        metrics.count('remembered')
        return authenticated(known.value)
      }
      log.warn({ ...facts, err: error }, 'password cannot be checked')
      return defer('Cannot check passwords right now, try again later', { code: 454, status: '4.7.0' })
    }
  }

  #judge(
    verdict: FarVerdict,
    { login, password }: Pick<FarLogin, 'login' | 'password'>,
    facts: object,
    log: Log,
  ): Answered['auth'] {
    const { now, metrics } = this.#parts
    switch (verdict.kind) {
      case 'nobody':
        return undefined
      case 'busy':
        return defer('Too many log-ins right now, try again later', { code: 454, status: '4.7.0' })
      case 'right':
        if (verdict.account.disabled !== true) {
          this.#right.keep([login, password], { value: verdict.account, at: verdict.since ?? now() })
          metrics.count('accepted')
          return authenticated(verdict.account)
        }
        return this.#refuse([login, password], { ...facts, why: 'disabled' }, log)
      case 'wrong':
        return this.#refuse([login, password], { ...facts, why: printable(verdict.why, 300) }, log)
      default:
        return unreachable(verdict)
    }
  }

  #refuse(secret: readonly string[], facts: object, log: Log): Answered['auth'] {
    this.#right.forget(secret)
    this.#parts.metrics.count('refused')
    log.info(facts, 'source of accounts refused a password')
    // RFC 4954 §6: the same words whatever is wrong
    return reject('Authentication failed', { code: 535, status: '5.7.8' })
  }
}
