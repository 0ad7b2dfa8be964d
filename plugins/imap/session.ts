/**
 * One client's session: who it is, what it has selected, and the ways commands may speak and listen.
 * It knows no command; `conversation.ts` runs them, strictly one after the other.
 */
import {
  type Account,
  type Authenticator,
  type Clock,
  type Connection,
  type ErrorCode,
  type Log,
  MailError,
  type Markings,
  type Metrics,
  type Movements,
  type ServerFacts,
  type Store,
} from 'posthouse/api'
import { type Done, no, Refused, type Standing, type State } from './answer.js'
import type { CapabilityTable } from './capabilities.js'
import type { Gate } from './gate.js'
import { Input, type Wait } from './input.js'
import type { Keeper } from './keeper.js'
import { Output } from './output.js'
import type { Recents } from './recents.js'
import { type Selected, writeUpdate } from './selected.js'
import type { Settings } from './settings.js'
import type { CapabilityName, SessionFeatures } from './wire/features.js'

/** What all sessions share. */
export interface Deps {
  readonly settings: Settings
  readonly store: Store
  readonly authenticator: Authenticator
  /** Who is told what people take for junk. */
  readonly markings: Markings | undefined
  /** … and what they do with their mail. */
  readonly movements: Movements | undefined
  readonly server: ServerFacts
  readonly clock: Clock
  readonly metrics: Metrics
  readonly recents: Recents
  /** Bounds how many large messages are held at once. */
  readonly gate: Gate
  /** … and how many SORTs and THREADs gather what they go by. */
  readonly sorting: Gate
  /** Keeps digests and indexes up. */
  readonly keeper: Keeper
  readonly capabilities: CapabilityTable
}

/** Before the login nothing is longer than ID with all it may hold (RFC 2971 §3.3: 30 names of 30 and values of 1024 octets). */
const STRANGER_BYTES = 32 * 1024
/** Between two pieces of one command. */
const PIECE_TIMEOUT_MS = 5 * 60_000

export class Session {
  readonly deps: Deps
  readonly connection: Connection
  readonly log: Log
  readonly input: Input
  readonly output: Output
  /** What can be done as things stand, and what is ENABLEd. */
  features: SessionFeatures
  account: Account | undefined
  selected: Selected | undefined
  /** Of the command that runs: RFC 4466 §2.6.2 wants it told with results. */
  tag = ''
  /** Wrong passwords so far. */
  failedLogins = 0

  constructor(connection: Connection, deps: Deps) {
    this.deps = deps
    this.connection = connection
    this.log = connection.log
    this.input = new Input(connection.socket)
    this.output = new Output(connection.socket, deps.settings.writeTimeoutMs)
    this.features = deps.capabilities.features()
  }

  /** From now on it is this account's session. */
  logIn(account: Account, disabled: readonly CapabilityName[]): void {
    this.account = account
    this.features = this.deps.capabilities.features(disabled)
  }

  /** RFC 8437 §3: nothing of the account stays. */
  logOut(): void {
    this.unselect()
    this.account = undefined
    this.features = this.deps.capabilities.features()
  }

  get compressed(): boolean {
    return this.output.compressed
  }

  /** Between two commands. */
  compress(on: boolean): void {
    this.input.compress(on)
    this.output.compress(on)
  }

  get state(): State {
    if (!this.account) return 'not-authenticated'
    return this.selected ? 'selected' : 'authenticated'
  }

  get standing(): Standing {
    const { connection, deps, state } = this
    const tls = connection.peer.tls !== undefined
    const loginAllowed = tls || deps.settings.cleartextAuth
    const mechanisms = () => deps.authenticator.mechanisms(connection.peer, connection.binding, loginAllowed)
    return {
      state,
      tls,
      tlsOffered: connection.tlsOffered,
      loginAllowed,
      // only CAPABILITY asks
      get mechanisms() {
        return mechanisms()
      },
      settings: deps.settings,
    }
  }

  get capabilities(): readonly string[] {
    return this.deps.capabilities.announced(this.features, this.standing)
  }

  /** The account's id; only for commands that need a login. */
  get accountId(): string {
    if (!this.account) throw new Error('a command ran without the login it needs')
    return this.account.id
  }

  /** The selected mailbox; only for commands that need one. */
  get open(): Selected {
    if (!this.selected) throw new Error('a command ran without the mailbox it needs')
    return this.selected
  }

  // ── listening ───────────────────────────────────────────────────────────────────────────────────────────────────────

  get maxCommandBytes(): number {
    const { maxLineBytes } = this.deps.settings
    return this.account ? maxLineBytes : Math.min(maxLineBytes, STRANGER_BYTES)
  }

  get maxDiscardBytes(): number {
    return this.account ? 2 * this.deps.settings.maxMessageBytes : STRANGER_BYTES
  }

  get silenceMs(): number {
    // Who has not logged in is waited for as long as there is room for others.
    return this.account ? this.deps.settings.idleTimeoutMs : this.connection.patience(this.deps.settings.loginTimeoutMs)
  }

  /** The next line; ends the conversation when there is none in time, or when the server drains. */
  line(): Promise<string> {
    return this.input.line(this.maxCommandBytes, { timeoutMs: this.silenceMs, signals: [this.connection.signal] })
  }

  /** The octets of a literal, as they come. */
  octets(size: number): AsyncGenerator<Buffer> {
    const wait: Wait = { timeoutMs: Math.min(this.silenceMs, PIECE_TIMEOUT_MS) }
    return this.input.chunks(size, wait)
  }

  // ── speaking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An untagged or continuation line, sent with the rest of the answer. */
  say(line: string): void {
    this.output.line(line)
  }

  async sayNow(line: string): Promise<void> {
    this.output.line(line)
    await this.output.flush()
  }

  /** Tells what has happened in the selected mailbox, as far as it may be told now. */
  async tellUpdates(expunge: boolean): Promise<void> {
    const { selected } = this
    if (!selected) return
    if (selected.behind) selected.touch()
    try {
      await selected.refresh()
    } catch (error) {
      // The command itself is done; the news wait for the next one.
      if (!(error instanceof MailError) || error.errorCode === 'mailbox-gone') throw error
      this.log.warn({ error: error.message }, 'cannot look for changes of a mailbox')
    }
    const modseq = this.features.enabled('CONDSTORE')
    for (const update of selected.view.tell({ expunge, modseq })) {
      for (const line of writeUpdate(update, selected, this.features)) {
        this.say(line)
        await this.output.room()
      }
    }
    if (selected.takeMisleading()) this.sayHighestModseq(selected)
  }

  /** RFC 7162 §3.1.2.1: up to where the client has heard everything. */
  sayHighestModseq({ view }: Selected): void {
    this.say(`* OK [HIGHESTMODSEQ ${view.safeModseq}] All is told up to here`)
  }

  /** RFC 7162 §3.1: a command that has to do with MODSEQs makes a client that follows them; the first one tells where the mailbox stands. */
  followModseqs(): void {
    if (this.features.enabled('CONDSTORE')) return
    this.features.enable('CONDSTORE')
    if (this.selected && this.features.enabled('CONDSTORE')) this.sayHighestModseq(this.selected)
  }

  /** Leaves the selected mailbox. */
  unselect(): void {
    this.selected?.close()
    this.selected = undefined
  }

  // ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Trouble and bugs become answers here; what ends the conversation goes on. */
  async guard<T>(work: () => Promise<T>): Promise<T | Done> {
    try {
      return await work()
    } catch (error) {
      return this.explain(error)
    }
  }

  explain(error: unknown): Done {
    if (error instanceof MailError) {
      const facts = { code: error.errorCode, error: error.message }
      if (error.temporary) this.log.warn(facts, 'a command failed for now')
      else this.log.debug(facts, 'a command was refused by the store')
      return no(error.reply.text, responseCode(error.errorCode))
    }
    if (isOver(error)) throw error
    if (error instanceof Refused) return error.done
    this.log.error({ err: error }, 'a command failed by a bug')
    this.deps.metrics.count('imapBugs')
    return no('Internal error', 'SERVERBUG')
  }
}

function isOver(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConversationOver'
}

/** RFC 5530 §3. */
function responseCode(code: ErrorCode): string {
  switch (code) {
    case 'mailbox-full':
      return 'OVERQUOTA'
    case 'mailbox-gone':
      return 'NONEXISTENT'
    case 'mailbox-exists':
      return 'ALREADYEXISTS'
    case 'mailbox-forbidden':
      return 'CANNOT'
    case 'message-gone':
      return 'EXPUNGEISSUED'
    default:
      return 'UNAVAILABLE'
  }
}
