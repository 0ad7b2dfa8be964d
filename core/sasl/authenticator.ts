/**
 * Core's service `authenticator`: one engine for SMTP, POP3 and IMAP. It runs the machines of the mechanisms and asks for them: the
 * hooks through the gate, the directory for SCRAM. Every attempt with a name goes through `login` first and ends in `loginOver`.
 * Nothing here throws for "no"; trouble is `454 4.7.0`.
 */
import {
  type Account,
  type Accounts,
  type Asked,
  type Authenticator,
  type Credentials,
  type Defer,
  defer,
  type Log,
  type LoginOutcome,
  type Peer,
  type Reject,
  reject,
  type SaslExchange,
  type SaslStep,
  type SaslWish,
  unreachable,
} from '../api/index.js'
import { prepareName, printable } from '../text/index.js'
import { ScramDirectory } from './directory.js'
import { MAX_NAME, MAX_SECRET, type Machine, malformed, type Turn } from './mechanism.js'
import { machineFor, offered, type Standing } from './offers.js'

/** The hooks around a login; `core/pipeline` asks them. */
export interface Gate {
  objection(attempt: Asked['login'], signal: AbortSignal): Promise<Reject | Defer | undefined>
  check(peer: Peer, credentials: Credentials, signal: AbortSignal): Promise<Account | Reject | Defer>
  over(outcome: LoginOutcome): void
}

export interface AuthenticatorDeps {
  readonly gate: Gate
  readonly log: Log
  readonly accounts: Accounts | undefined
  /** Kinds of credentials that plugins check, as their contributions say. */
  readonly checks: ReadonlySet<Credentials['kind']>
  /** Of this install: for keys of logins that nobody has. */
  readonly secret: () => Promise<Buffer>
  /** Fires at shutdown. */
  readonly signal: AbortSignal
}

/** RFC 4954 §4: 12288 octets in base64. */
const MAX_RESPONSE = 9216
/** The longest is SCRAM without an initial response: 4. */
const MAX_STEPS = 5

export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const directory = new ScramDirectory(deps.accounts, deps.secret, deps.log)
  const standing = ({ peer, binding }: Pick<SaslWish, 'peer' | 'binding'>): Standing => ({
    peer,
    binding,
    accounts: deps.accounts,
    checks: deps.checks,
  })
  return {
    async login(peer, credentials) {
      // RFC 6856 §2.2: a name said by USER or LOGIN is the account that the mechanisms find by it
      const login = prepareName(credentials.login)
      if (login === undefined || tooLong({ ...credentials, login })) return refused()
      try {
        return await attempt(deps, peer, { ...credentials, login }, deps.signal)
      } catch (error) {
        return trouble(deps, { peer, mechanism: credentials.mechanism }, error)
      }
    },
    mechanisms: (peer, binding, clear) => (clear ? offered(standing({ peer, binding })) : []),
    start(wish) {
      const machine = wish.clear ? machineFor(wish.mechanism, standing(wish)) : undefined
      return machine && new Exchange(deps, directory, wish, machine)
    },
  }
}

class Exchange implements SaslExchange {
  readonly #deps: AuthenticatorDeps
  readonly #directory: ScramDirectory
  readonly #wish: SaslWish
  readonly #machine: Machine
  readonly #signal: AbortSignal
  #steps = 0
  #ended = false
  #login: string | undefined
  /** The gate let it begin and has not been told the end: of SCRAM, as others are told of where they are checked. */
  #begun = false
  /** What comes when the client has answered the last challenge. */
  #verdict: Account | Reject | undefined

  constructor(deps: AuthenticatorDeps, directory: ScramDirectory, wish: SaslWish, machine: Machine) {
    this.#deps = deps
    this.#directory = directory
    this.#wish = wish
    this.#machine = machine
    this.#signal = AbortSignal.any([wish.signal, deps.signal])
  }

  get login(): string | undefined {
    return this.#login
  }

  async step(response: Buffer | undefined): Promise<SaslStep> {
    this.#steps += 1
    if (this.#ended || this.#steps > MAX_STEPS) return malformed('The exchange is over')
    const step = await this.#next(response)
    if (step.kind !== 'challenge') this.#ended = true
    return step
  }

  async #next(response: Buffer | undefined): Promise<SaslStep> {
    if (response !== undefined && response.length > MAX_RESPONSE) return malformed('The response is too long')
    // RFC 7628 §3.2.3: whatever the client says to the reason
    if (this.#verdict !== undefined && 'kind' in this.#verdict) return this.#verdict
    try {
      return await this.#follow(this.#machine.respond(response))
    } catch (error) {
      return this.#trouble(error)
    }
  }

  async #follow(turn: Turn): Promise<SaslStep> {
    switch (turn.kind) {
      case 'challenge':
      case 'malformed':
        return turn
      case 'refused':
        return this.#refuse(turn.why)
      case 'check':
        return this.#check(turn.credentials)
      case 'keys':
        return this.#keys(turn)
      case 'proven':
        return this.#prove(turn)
      case 'done':
        return this.#done()
      default:
        return unreachable(turn)
    }
  }

  async #check(credentials: Credentials): Promise<SaslStep> {
    this.#login = credentials.login
    const answer = await attempt(this.#deps, this.#wish.peer, credentials, this.#signal)
    if (!('kind' in answer)) return { kind: 'done', account: answer }
    return answer.kind === 'reject' ? this.#fail(answer) : answer
  }

  async #keys({ login, mechanism }: Extract<Turn, { kind: 'keys' }>): Promise<SaslStep> {
    this.#login = login
    const asked = { peer: this.#wish.peer, mechanism: this.#wish.mechanism, login }
    const objection = await objectionTo(this.#deps, asked, this.#signal)
    if (objection !== undefined) return objection
    this.#begun = true
    const { keys, known } = await this.#directory.keys(login, mechanism, this.#wish.peer.protocol, this.#signal)
    return this.#follow(this.#machine.keys!(keys, known))
  }

  async #prove({ login, mechanism, candidate, data }: Extract<Turn, { kind: 'proven' }>): Promise<SaslStep> {
    const proof = { login, mechanism, candidate, peer: this.#wish.peer }
    const account = await this.#directory.account(proof, this.#signal)
    if (account === undefined) return this.#refuse('no account, a disabled one, or a password that has ended meanwhile')
    this.#verdict = account
    // RFC 4422 §3.6: none of our protocols sends data with success, so it comes as a challenge and waits for an empty response.
    return { kind: 'challenge', data }
  }

  #done(): SaslStep {
    const account = this.#verdict
    if (account === undefined || 'kind' in account) throw new Error('an exchange is done without an account')
    this.#tell('accepted', account)
    return { kind: 'done', account }
  }

  #refuse(why: string): SaslStep {
    const { peer, mechanism } = this.#wish
    const login = this.#login === undefined ? undefined : printable(this.#login, 100)
    this.#deps.log.info({ id: peer.id, remote: peer.remote.address, mechanism, login, why }, 'SASL exchange refused')
    this.#tell('refused')
    return this.#fail(refused())
  }

  /** Mechanisms that tell why do so before the exchange fails. */
  #fail(verdict: Reject): SaslStep {
    const { failure } = this.#machine
    if (failure === undefined) return verdict
    this.#verdict = verdict
    return { kind: 'challenge', data: failure }
  }

  #trouble(error: unknown): Defer {
    this.#tell('deferred')
    return trouble(this.#deps, this.#wish, error)
  }

  #tell(kind: LoginOutcome['kind'], account?: Account): void {
    if (!this.#begun) return
    this.#begun = false
    const { peer, mechanism } = this.#wish
    this.#deps.gate.over({ peer, mechanism, login: this.#login ?? '', kind, ...(account && { account }) })
  }
}

/** Asks whether it may be tried, has it checked, and tells how it ended. */
async function attempt(
  deps: AuthenticatorDeps,
  peer: Peer,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<Account | Reject | Defer> {
  const { mechanism, login } = credentials
  const about = { peer, mechanism, login }
  const objection = await objectionTo(deps, about, signal)
  if (objection !== undefined) return objection
  const answer = await deps.gate.check(peer, credentials, signal)
  if (!('kind' in answer)) deps.gate.over({ ...about, kind: 'accepted', account: answer })
  else deps.gate.over({ ...about, kind: answer.kind === 'defer' ? 'deferred' : 'refused' })
  return answer
}

async function objectionTo({ gate }: AuthenticatorDeps, about: Asked['login'], signal: AbortSignal) {
  const objection = await gate.objection(about, signal)
  if (objection !== undefined) gate.over({ ...about, kind: 'objected' })
  return objection
}

function tooLong(credentials: Credentials): boolean {
  const { login } = credentials
  if (login.length > MAX_NAME) return true
  return credentials.kind === 'password' && (login === '' || credentials.password.length > MAX_SECRET)
}

// RFC 4954 §6: the same words whether the user is unknown, disabled or the password wrong.
function refused(): Reject {
  return reject('Authentication failed', { code: 535, status: '5.7.8' })
}

function trouble({ log }: AuthenticatorDeps, { peer, mechanism }: Pick<SaslWish, 'peer' | 'mechanism'>, err: unknown) {
  log.error({ id: peer.id, mechanism, err }, 'login could not be checked')
  return defer('Temporary authentication failure', { code: 454, status: '4.7.0' })
}
