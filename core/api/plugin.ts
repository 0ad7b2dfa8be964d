/**
 * What a plugin is. `export default definePlugin({ … })`; `setup` returns what the plugin contributes, nothing is registered by side effect.
 */
import type { Socket } from 'node:net'
import type { Accounts, Authenticator, ChannelBinding, Credentials, LocalRecipients } from './accounts.js'
import type { Address } from './address.js'
import type { Command } from './command.js'
import type { Dispatcher, MailClient, Target } from './delivery.js'
import type { FilingRules, Vacation } from './filing.js'
import type { Greylist } from './greylist.js'
import type { Hooks } from './hooks.js'
import type { Markings } from './learning.js'
import type { ListHits } from './list-hits.js'
import type { LocalList } from './local-list.js'
import type { LookAlikes } from './look-alikes.js'
import type { ArcChains, MailAuth } from './mail-auth.js'
import type { Movements } from './movements.js'
import type { Origin } from './origin.js'
import type { Places } from './places.js'
import type { Events } from './queue-event.js'
import type { Replies } from './replies.js'
import type { Reputation } from './reputation.js'
import type { Infer, JsonSchema } from './schema.js'
import type { Message, Peer, Session, TlsFacts } from './session.js'
import type { SenderRewriter, SigningKeys } from './signing.js'
import type { State, Store } from './stores.js'
import type { Tables } from './tables.js'
import type { TlsResults } from './tls-results.js'
import type { ValidatedResolver } from './validated.js'
import type { WordIndex } from './word-index.js'

/** Sentence constant, facts as fields: `log.info({ to, tries }, 'deferred')`. Never secrets, no content above `debug`. */
export interface Log {
  error(facts: object, sentence: string): void
  warn(facts: object, sentence: string): void
  info(facts: object, sentence: string): void
  debug(facts: object, sentence: string): void
  child(facts: object): Log
}

export interface Metrics {
  /** Adds to a counter. */
  count(name: string, by?: number): void
  /** Notes a measurement, in the unit the name ends with: `…Ms`, `…Bytes`. */
  observe(name: string, value: number): void
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

/** Answers of the name service. NXDOMAIN and "no such record" are empty answers; trouble throws `dns-unavailable`. */
export interface Resolver {
  mx(
    domain: string,
    signal?: AbortSignal,
  ): Promise<readonly { readonly preference: number; readonly exchange: string }[]>
  a(name: string, signal?: AbortSignal): Promise<readonly string[]>
  aaaa(name: string, signal?: AbortSignal): Promise<readonly string[]>
  txt(name: string, signal?: AbortSignal): Promise<readonly string[]>
  ptr(address: string, signal?: AbortSignal): Promise<readonly string[]>
  /** False when config gives no resolver: nothing may be looked up then. */
  readonly configured: boolean
  /** Only where the admin says that what the resolver has validated may be trusted (`dns.trust_ad`). */
  readonly validated?: ValidatedResolver
}

/** Facts of this server, from server.yaml. */
export interface ServerFacts {
  /** Our host name in greetings, HELO and trace fields. */
  readonly name: string
  /** Domains whose mailboxes are ours. */
  readonly domains: ReadonlySet<string>
  /** Domains we relay for without authentication. */
  readonly relayDomains: ReadonlySet<string>
  readonly version: string
  /** Absolute paths. */
  readonly configDir: string
  readonly dataDir: string
  /** Largest message in octets. */
  readonly maxMessageBytes: number
  /** Where mail comes in by SMTP: `0.0.0.0:25`, `[::1]:25`. */
  readonly doors?: readonly string[]
  /** Names of all listeners of server.yaml, as sessions have them. */
  readonly listeners?: readonly string[]
}

/** Services that plugins share; other packages add theirs by declaration merging. */
export interface ServiceTable {
  store: Store
  /** What core makes every plugin's own `state` of. */
  state: State
  tables: Tables
  accounts: Accounts
  'local-recipients': LocalRecipients
  places: Places
  'filing-rules': FilingRules
  vacation: Vacation
  authenticator: Authenticator
  /** Of core; there is mail to deliver only once the server is up. */
  dispatcher: Dispatcher
  'mail-client': MailClient
  /** Of core. */
  notifier: Notifier
  /** Of core; there is a queue to send by only once the server is up. */
  mailer: Mailer
  'tls-results': TlsResults
  /** Of core. */
  events: Events
  /** Of core. */
  markings: Markings
  /** Of core. */
  movements: Movements
  'signing-keys': SigningKeys
  'sender-rewriter': SenderRewriter
  'mail-auth': MailAuth
  'arc-chains': ArcChains
  reputation: Reputation
  'local-list': LocalList
  'list-hits': ListHits
  'look-alikes': LookAlikes
  origin: Origin
  greylist: Greylist
  'word-index': WordIndex
  /** Of core. */
  replies: Replies
}

/** Tells people of the house something, by mail into their mailbox. */
export interface Notifier {
  /**
   * Accepts a short message of ours, durably, and routes it as any other. `about` says what it is about (`login-lock 192.0.2.0/24`): within
   * `everyMs` (default one day) nothing more is sent about the same. Resolves to whether it was accepted now. Never throws: what could not be
   * sent is logged.
   */
  tell(notice: Notice): Promise<boolean>
}

/** Sends a whole message of ours. */
export interface Mailer {
  /**
   * Accepts it, durably, and routes it as any other. Resolves to its id, or to nothing when nobody takes it; throws when that cannot be known now.
   */
  send(mail: OwnMail): Promise<string | undefined>
}

export interface OwnMail {
  readonly sender: Address | null
  readonly to: Address
  /** Header and body, with CRLF. */
  readonly bytes: Buffer
  /** Why it is written, for the trail: `report about TLS`. */
  readonly reason: string
  /** Accepted once: who sends another of the same key and time (milliseconds since the epoch) hears the id of the first, also after a crash. */
  readonly once?: { readonly key: string; readonly at: number }
}

export interface Notice {
  /** Default: postmaster at our first domain. */
  readonly to?: Address
  readonly about: string
  readonly subject: string
  /** Plain text; line feeds between lines. */
  readonly text: string
  readonly everyMs?: number
}

export interface Services {
  /** A service this plugin `needs`. Throws at start-up when nobody supplies it. */
  get<K extends keyof ServiceTable>(name: K): ServiceTable[K]
  find<K extends keyof ServiceTable>(name: K): ServiceTable[K] | undefined
}

/** Small news between the processes of one install (workers and commands). Best effort; stores add their own safety net. */
export interface Bus {
  publish(topic: string, payload: string): void
  subscribe(topic: string, listener: (payload: string) => void): () => void
}

/** A connection handed to a listener. */
export interface Connection {
  /** `tls` changes with `startTls`. */
  readonly peer: Peer
  /** Replaced by `startTls`: read it anew afterwards. */
  readonly socket: Socket
  readonly log: Log
  /** Fires when the server drains: finish what is under way, say good-bye, end. */
  readonly signal: AbortSignal
  readonly tlsOffered: boolean
  /** Of the TLS connection, for SASL. */
  readonly binding: ChannelBinding
  /** A wait of `ms` for a client that does nothing, as long as it may be now: it shrinks while nearly all connections are taken. */
  patience(ms: number): number
  /** Runs the handshake; everything received in clear before it is thrown away (RFC 3207 §4.2, RFC 9051 §6.2.1). */
  startTls(): Promise<TlsFacts>
}

/**
 * Whether clients show a certificate within TLS. `request`: they may, and one that leads to our authority is in `TlsFacts.client`;
 * `require`: without such a one there is no session.
 */
export type ClientCertificates = 'none' | 'request' | 'require'

export interface Listener {
  /** Unique; seen in logs and usable as a label. */
  readonly name: string
  readonly protocol: Peer['protocol']
  /** `127.0.0.1:10143`, `[::1]:143` or `unix:/path`. */
  readonly address: string
  readonly tls: 'none' | 'starttls' | 'implicit'
  /** Left out: `none`. Anything else needs `tls.client_ca` of server.yaml. */
  readonly clientCertificates?: ClientCertificates
  /**
   * What serving needs and may not be there yet, such as modules: each connection waits for it, and one that is closed by then is not served. Whoever awaited it
   * in `serve` would never hear of that. A client that has ended its side alone still listens: its `end` may have been, and `socket.readableEnded` tells.
   */
  loaded?(): Promise<unknown>
  /** Serves one connection; resolves when it is over. A throw is logged and closes it. */
  serve(connection: Connection): Promise<void>
}

/** A reply of an SMTP verb. */
export interface SmtpReply {
  readonly code: number
  /** Enhanced status code; left out for codes that carry none. */
  readonly status?: string
  readonly text: string | readonly string[]
}

export interface SmtpVerb {
  /** Keyword for the EHLO answer; left out: not announced. */
  readonly keyword?: string
  /** Whether it is there for this session at all. */
  available?(session: Session): boolean
  /** Only for those who have logged in: others hear 530, and EHLO tells of it only where one may log in. */
  readonly login?: boolean
  /** Not between MAIL and the end of the message: 503. */
  readonly betweenMails?: boolean
  run(session: Session, argument: string, signal: AbortSignal): Promise<SmtpReply | SmtpTurn> | SmtpReply | SmtpTurn
}

/** A reply after which the session is over and the connection is the plugin's. */
export interface SmtpTurn {
  readonly kind: 'turn'
  readonly reply: SmtpReply
  /** The connection is closed when this settles. `signal` fires when it is lost or the server drains. */
  take(socket: Socket, signal: AbortSignal): Promise<void>
}

export interface Contribution {
  readonly hooks?: Hooks
  readonly listeners?: readonly Listener[]
  readonly targets?: Readonly<Record<string, Target>>
  readonly services?: { readonly [K in keyof ServiceTable]?: ServiceTable[K] }
  readonly smtpVerbs?: Readonly<Record<string, SmtpVerb>>
  readonly commands?: readonly Command[]
  /** Kinds of credentials that its `auth` hook checks, beside passwords: mechanisms that need others are only then offered. */
  readonly checks?: readonly Credentials['kind'][]
  /** Labels this plugin may set; `explain` and `check` know them. */
  readonly labels?: readonly string[]
  /** Plugins that would answer in its place if their entries stood above its own; `check` warns of that. */
  readonly above?: readonly string[]
  /**
   * Loads what only serving needs: modules of sessions, large lists. Called in each worker, and by `check`; a throw refuses the start. Where nobody else
   * serves the doors are open by then, so whoever needs it must wait for it.
   */
  loadRest?(): Promise<unknown>
  /** Called once in each worker when all doors are open and the rest is loaded: what a plugin does by itself begins here. Not for commands, nor for `check`. */
  started?(): void
  /** Called once at the end, after the last session; waited for. */
  dispose?(): Promise<void> | void
}

/** A place in an admin's file: keys and indexes from the root, as `['rules', 3, 'says']`. */
export type YamlPath = readonly (string | number)[]

/** A YAML file of the admin, read and checked, that knows where each value stands. */
export interface YamlFile<T> {
  /** Absolute. */
  readonly path: string
  /** The file is not there. With `optional` that is no fault. */
  readonly missing: boolean
  /** Checked, defaults filled in; an empty file is an empty object or list. `undefined` when there are faults or no file. */
  readonly value: T | undefined
  /** All of them: syntax, duplicate keys, schema. */
  readonly faults: readonly Fault[]
  /** Where a value stands, counted from 1; of something missing, where its nearest parent stands. */
  at(path: YamlPath): { readonly line: number; readonly column: number }
  /** A fault of the plugin's own finding, at that value. */
  fault(path: YamlPath, message: string): Fault
}

/**
 * The admin's files, for plugins that have some of their own (aliases, lists, rules): YAML with positions, checked by ajv with the
 * formats of `JsonSchema`. Never throws for a wrong file: collect the faults of all files, then throw one `ConfigError`.
 *
 *     const file = await files.yaml('aliases.yaml', ALIASES, { optional: true })
 *     if (file.faults.length > 0) throw new ConfigError(file.faults)
 */
export interface Files {
  /** Names in one of the lists that come with Posthouse (`rules/lists`): `free-mail`. Domains are in A-labels. */
  shippedNames(list: string): Promise<ReadonlySet<string>>
  /** Absolute path; `name` is relative to the config directory or absolute. */
  resolve(name: string): string
  yaml<const S extends JsonSchema>(
    name: string,
    schema: S,
    /**
     * `large`: what it came to may be kept in the data directory, so that it is not read anew at each start; `placed`: with places, for who asks for them
     * where nothing is wrong. Never for files with secrets.
     */
    options?: { readonly optional?: boolean; readonly large?: boolean | 'placed' },
  ): Promise<YamlFile<Infer<S>>>
}

export interface PluginContext<Config> {
  readonly config: Config
  /** A fault in `config` that its schema cannot find, with its place in plugins.yaml: `throw new ConfigError([fault(['domains', 3], '…')])`. */
  readonly fault: (path: YamlPath, message: string) => Fault
  /** The admin's files: YAML with positions and schema. */
  readonly files: Files
  readonly services: Services
  readonly log: Log
  readonly metrics: Metrics
  readonly state: State
  readonly dns: Resolver
  readonly clock: Clock
  readonly server: ServerFacts
  readonly bus: Bus
  /** Fires at shutdown. */
  readonly signal: AbortSignal
  /**
   * What for: to `serve` (or to be checked as if), or for one `command` of the command line, whose owner need not yet be known. What a
   * command can do without may wait until it is asked for; faults in admins' files may wait too, `check` will find them.
   */
  readonly purpose: 'serve' | 'command'
  /** These octets as hooks would see them: for commands that read mail from files. */
  readonly messageOf: (bytes: Buffer) => Message
  /**
   * 32 random octets that this install keeps in the data directory as `NAME.key`, the same for all its processes, made when they are
   * first asked for. Rejects when they cannot be kept.
   */
  readonly key: (name: string) => Promise<Buffer>
}

/** A fault in an admin's file, with its place. `check` lists all of them at once. */
export interface Fault {
  readonly file: string
  readonly line: number
  readonly column: number
  /** What was expected, and what to do. */
  readonly message: string
}

/** Thrown by `setup` when the admin's files are wrong. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[]
  constructor(faults: readonly Fault[]) {
    super(faults.map(f => `${f.file}:${f.line}:${f.column}: ${f.message}`).join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

export interface Plugin<S extends JsonSchema = JsonSchema> {
  /** As in plugins.yaml. */
  readonly name: string
  /** One line for `explain`. */
  readonly summary: string
  /** JSON Schema of `with:`; it also carries the type of `config`. */
  readonly config: S
  /** Services that must be there. */
  readonly needs?: readonly (keyof ServiceTable)[]
  /** Services it supplies, so that start-up order can be found. */
  readonly supplies?: readonly (keyof ServiceTable)[]
  setup(context: PluginContext<Infer<S>>): Contribution | Promise<Contribution>
}

export function definePlugin<const S extends JsonSchema>(plugin: Plugin<S>): Plugin<S> {
  return plugin
}
