/**
 * One client's session: who it is, what it sees, and the ways commands may speak and listen.
 * It knows no command; `conversation.ts` runs them, strictly one after the other.
 */
import type {
  Account,
  Authenticator,
  Clock,
  Connection,
  Metrics,
  Movements,
  ServerFacts,
  State as SharedState,
  Store,
} from 'posthouse/api'
import type { Standing, State } from './command.js'
import { Input } from './input.js'
import type { Maildrop } from './maildrop.js'
import { Output } from './output.js'
import type { Settings } from './settings.js'
import { inAscii } from './surrogate.js'
import { TEXTS, type Texts } from './texts/index.js'
import type { Language } from './texts/languages.js'

/** What all sessions share. */
export interface Deps {
  readonly settings: Settings
  readonly store: Store
  /** When accounts logged in last. */
  readonly state: SharedState
  readonly authenticator: Authenticator
  readonly server: ServerFacts
  readonly clock: Clock
  readonly metrics: Metrics
  /** Who is told what is removed. */
  readonly movements?: Movements | undefined
}

/** RFC 2449 §4: 255 octets with CRLF. */
const MAX_COMMAND = 255
/** RFC 5034 §4 knows no limit for what SASL says; RFC 4954 §4 has this one. */
const MAX_SASL_LINE = 12_288

export class Session {
  readonly deps: Deps
  readonly connection: Connection
  readonly input: Input
  readonly output: Output
  account: Account | undefined
  /** What USER said, until the next command. */
  user: string | undefined
  /** Of what people may read of our answers. */
  language: Language
  /** RFC 6856 §2.1: the client can read headers beyond ASCII. */
  utf8 = false
  failedLogins = 0
  /** Messages sent whole. */
  retrieved = 0
  /** Messages really removed. */
  deleted = 0
  #maildrop: Maildrop | undefined

  constructor(connection: Connection, deps: Deps) {
    this.connection = connection
    this.deps = deps
    this.language = deps.settings.language
    this.input = new Input(connection.socket)
    this.output = new Output(connection.socket, deps.settings.idleTimeoutMs)
  }

  get state(): State {
    return this.#maildrop === undefined ? 'authorization' : 'transaction'
  }

  get texts(): Texts {
    return TEXTS[this.language]
  }

  get standing(): Standing {
    const { connection, deps, state } = this
    const loginAllowed = connection.peer.tls !== undefined || deps.settings.cleartextAuth
    const mechanisms = () => deps.authenticator.mechanisms(connection.peer, connection.binding, loginAllowed)
    return {
      state,
      tlsOffered: connection.tlsOffered,
      loginAllowed,
      loginIntervalMs: deps.settings.loginIntervalMs,
      // only CAPA and AUTH ask
      get mechanisms() {
        return mechanisms()
      },
    }
  }

  /** Only for commands of the transaction state. */
  get maildrop(): Maildrop {
    if (this.#maildrop === undefined) throw new Error('a command ran without the login it needs')
    return this.#maildrop
  }

  enter(account: Account, maildrop: Maildrop): void {
    this.account = account
    this.#maildrop = maildrop
  }

  /** A message as this client may read it. */
  shown(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    return this.utf8 ? chunks : inAscii(chunks)
  }

  commandLine(): Promise<Buffer | undefined> {
    return this.#line(MAX_COMMAND)
  }

  /** Says a SASL challenge and waits for the answer (RFC 5034 §4). */
  async challenge(text: string): Promise<Buffer | undefined> {
    this.output.line(`+ ${text}`)
    await this.output.flush()
    return this.#line(MAX_SASL_LINE)
  }

  #line(most: number): Promise<Buffer | undefined> {
    const { idleTimeoutMs } = this.deps.settings
    // Who has not logged in is waited for as long as there is room for others.
    const timeoutMs = this.account === undefined ? this.connection.patience(idleTimeoutMs) : idleTimeoutMs
    return this.input.line({ most, timeoutMs, signal: this.connection.signal })
  }

  /** Runs the handshake; whoever the client said it was is forgotten with everything else it said in clear. */
  async startTls(): Promise<void> {
    this.input.detach()
    this.user = undefined
    await this.connection.startTls()
    this.input.attach(this.connection.socket)
    this.output.attach(this.connection.socket)
  }
}
