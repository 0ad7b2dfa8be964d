/**
 * What stands between a login and an account: the hooks `login`, `auth` and `loginOver`, asked with their deadlines and failure policy.
 * The engine of `core/sasl` comes here with whatever a mechanism has found out. Never throws for "no"; trouble is `454 4.7.0`.
 */
import {
  type Account,
  type Asked,
  type Credentials,
  type Defer,
  type Log,
  type LoginOutcome,
  type Peer,
  type Reject,
  reject,
} from '../api/index.js'
import type { AskScope } from './intake-types.js'
import type { Pipeline } from './pipeline.js'

/** Those told of the end have their own deadlines. */
const NEVER = new AbortController().signal

export class LoginGate {
  readonly #pipeline: Pipeline
  readonly #log: Log
  readonly #letIn: (sessionId: string, accountId: string) => void

  /** `letIn` is told of every login that was accepted, at once. */
  constructor(pipeline: Pipeline, log: Log, letIn: (sessionId: string, accountId: string) => void = () => undefined) {
    this.#letIn = letIn
    this.#pipeline = pipeline
    this.#log = log
  }

  /** Before a secret is looked at. */
  async objection(attempt: Asked['login'], signal: AbortSignal): Promise<Reject | Defer | undefined> {
    return this.#pipeline.ask('login', attempt, labelsOf(attempt.peer), this.#scope(attempt.peer, signal))
  }

  async check(peer: Peer, credentials: Credentials, signal: AbortSignal): Promise<Account | Reject | Defer> {
    const answer = await this.#pipeline.ask('auth', { peer, credentials }, labelsOf(peer), this.#scope(peer, signal))
    if (answer === undefined) return refused()
    if (answer.kind !== 'authenticated') return answer
    return answer.account.disabled === true ? refused() : answer.account
  }

  over(outcome: LoginOutcome): void {
    if (outcome.account !== undefined) this.#letIn(outcome.peer.id, outcome.account.id)
    this.#pipeline.tell('loginOver', outcome, labelsOf(outcome.peer), this.#scope(outcome.peer, NEVER))
  }

  #scope(peer: Peer, signal: AbortSignal): AskScope {
    return { log: this.#log.child({ id: peer.id }), signal }
  }
}

function labelsOf(peer: Peer): Set<string> {
  return new Set(peer.tls === undefined ? [peer.listener] : [peer.listener, 'tls'])
}

// RFC 4954 §6: the same words whether the user is unknown, disabled or the password wrong.
function refused(): Reject {
  return reject('Authentication failed', { code: 535, status: '5.7.8' })
}
