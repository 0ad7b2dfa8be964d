/**
 * The configuration as the program sees it: everything checked, times in milliseconds, sizes in octets, paths absolute.
 * What an admin may write stands in `schema.ts`; `load.ts` turns the one into the other, and nothing else reads the files.
 */
import type { ClientCertificates, Fault, Infer, JsonSchema, Listener, SenderClass, YamlPath } from '../api/index.js'
import type { KeptChecks } from './kept-checks.js'
import type { KnownYaml } from './yaml.js'

export interface ListenerConfig {
  /** Unique; seen in logs and usable as a label. */
  readonly name: string
  readonly protocol: 'smtp' | 'lmtp'
  /** `127.0.0.1:10025`, `[::1]:25` or `unix:/path`. */
  readonly address: string
  readonly tls: Listener['tls']
  readonly auth: 'none' | 'optional' | 'required'
  /** AUTH may be offered before TLS. */
  readonly cleartextAuth: boolean
  readonly clientCertificates?: ClientCertificates
}

export interface TlsConfig {
  /** The first one is for clients that ask for no name; none: what is issued to us, else a self-signed one. Absolute paths. */
  readonly pairs: readonly {
    readonly certificate: string
    readonly key: string
    /** Left out: those in the certificate. */
    readonly names?: readonly string[]
  }[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers?: string
  /** Absolute path. */
  readonly clientCa?: string
}

export interface LimitsConfig {
  readonly messageBytes: number
  readonly recipients: number
  readonly headerBytes: number
  /** Longest command line. */
  readonly lineBytes: number
  /** Commands of one session. */
  readonly commands: number
  /** MAIL commands of one session; left out: as many as `commands` allows. */
  readonly messages?: number
  /** Refused commands of one session. */
  readonly errors: number
  /** Open connections per listener and worker. */
  readonly connections: number
  /** Of all listeners and workers. */
  readonly connectionsTotal: number
  /** Of these, from one /24 or /64. */
  readonly connectionsPerNetwork: number
  /** Networks that are not counted as one. */
  readonly exempt: readonly string[]
  /** Commands before a login, where one is required. */
  readonly commandsBeforeLogin: number
  /** Waiting for a command. */
  readonly commandMs: number
  /** Waiting for the next bytes of a message. */
  readonly dataMs: number
  /** From DATA to the end of the message. */
  readonly messageMs: number
  /** `Received` fields, RFC 5321 §6.3. */
  readonly hops: number
}

/** `normalise` makes it right or lets it pass harmlessly; `refuse` says so and takes nothing. */
export type Policy = 'refuse' | 'normalise'

/** What becomes of input that other servers read otherwise, and that so can smuggle one message in another. */
export interface PoliciesConfig {
  /** A CR without LF in a message. */
  readonly bareCr: Policy
  /** A LF without CR in a message. */
  readonly bareLf: Policy
  /** NUL octets in a message. */
  readonly nul: Policy
  /** A client that speaks before the greeting. */
  readonly earlyTalk: Policy
  /** Commands sent behind STARTTLS, before the handshake. */
  readonly beforeTls: Policy
}

/** Bounds of what a sender may wish for. */
export interface WishesConfig {
  /** RFC 4865: how far ahead a message may be handed in. */
  readonly maxHoldMs: number
  /** RFC 2852: nothing shorter is promised. */
  readonly leastByMs: number
  /** RFC 6710: what is higher is lowered to it. */
  readonly maxPriority: number
}

/** How long mail may wait, and when its sender hears of it; by the class of the sender where that differs. */
export interface PatienceConfig {
  readonly expireMs?: number
  readonly expireForMs: Readonly<Partial<Record<SenderClass, number>>>
  readonly warnAfterMs?: readonly number[]
  readonly warnAfterForMs: Readonly<Partial<Record<SenderClass, readonly number[]>>>
}

/** What is different for some destinations. What is left out is as for all the others. */
export interface LaneConfig extends PatienceConfig {
  /** `example.com`, `*.example`, `*`; lower case. */
  readonly match: readonly string[]
  readonly target?: string
  readonly retryMs?: readonly number[]
  readonly perLane?: number
  /** However badly it goes. */
  readonly leastPerLane?: number
  readonly rates?: RatesConfig
}

/** At most so much in any window, over all workers. */
export type RatesConfig = Readonly<
  Partial<
    Record<'messages' | 'recipients' | 'bytes' | 'connections', { readonly limit: number; readonly windowMs: number }>
  >
>

export interface QueueConfig extends PatienceConfig {
  /** Waits between attempts; the last one repeats. */
  readonly retryMs: readonly number[]
  readonly expireMs: number
  readonly warnAfterMs: readonly number[]
  /** Left out: held mail waits for its admin. */
  readonly heldExpireMs?: number
  /** Waits differ by up to this part: 0.1 is a tenth. */
  readonly jitter: number
  /** Peers that want to see us again soon. */
  readonly greylisted: {
    readonly retryMs: readonly number[]
    readonly longestMs: number
    readonly words: readonly string[]
  }
  /** The first that fits counts. */
  readonly lanes: readonly LaneConfig[]
  /** By our own addresses; the first that fits counts. */
  readonly sources: readonly { readonly match: readonly string[]; readonly rates: RatesConfig }[]
  /** A destination where nobody answers is left alone so long at most. */
  readonly longestPauseMs: number
  /** Jobs under way at once, per worker. */
  readonly concurrency: number
  /** Of these, to one lane. */
  readonly perLane: number
  readonly leaseMs: number
}

export interface DnsConfig {
  /** `ip` or `ip:port`; empty: nothing is looked up. */
  readonly servers: 'system' | readonly string[]
  readonly timeoutMs: number
  readonly tries: number
  /** The AD bit of all servers is believed. */
  readonly trustAd: boolean
}

export interface LogConfig {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** `-` is standard output. */
  readonly file: string
  /** One readable line instead of JSON; `auto`: when written to a terminal. */
  readonly pretty: 'auto' | 'always' | 'never'
}

/** One entry of plugins.yaml. `with` is still raw: its schema is known to the plugin alone. */
export interface PluginEntry {
  readonly use: string
  readonly with: unknown
  readonly unless: readonly string[]
  readonly on: readonly string[]
  readonly timeoutMs: number
  readonly onError: 'defer' | 'ignore'
  /** `observe`: what it objects is logged and not done. */
  readonly mode: 'enforce' | 'observe'
  /** Where the entry stands. */
  readonly place: { readonly file: string; readonly line: number; readonly column: number }
  /** Checks `with` against the plugin's schema: the value with defaults filled in, or faults with their places. */
  check<S extends JsonSchema>(schema: S): { readonly value?: Infer<S> | undefined; readonly faults: readonly Fault[] }
  /** A fault within this entry: `['on', 0]`, `['with', 'listen']`. */
  fault(path: YamlPath, message: string): Fault
}

/** Both files as one process has read them, for another that takes them as they are. They may hold secrets: over a channel, never to a disk. */
export interface KnownConfig {
  readonly server: KnownYaml | undefined
  readonly plugins: KnownYaml | undefined
}

export interface Config {
  /** Directory of server.yaml. */
  readonly dir: string
  readonly dataDir: string
  readonly name: string
  readonly domains: readonly string[]
  readonly relayDomains: readonly string[]
  /** Networks: `192.0.2.0/24`. */
  readonly trusted: readonly string[]
  /** Who tells us, by the PROXY protocol, who really talks. */
  readonly proxy: { readonly listeners: readonly string[]; readonly networks: readonly string[] }
  /** Networks that may tell other facts of the client. */
  readonly xclient: readonly string[]
  readonly xforward: readonly string[]
  readonly workers: 'auto' | number
  /** Workers give up root for this user and group. */
  readonly user?: string
  readonly group?: string
  readonly listeners: readonly ListenerConfig[]
  readonly tls: TlsConfig
  readonly limits: LimitsConfig
  readonly smtp: {
    readonly policies: PoliciesConfig
    readonly wishes: WishesConfig
    /** REQUIRETLS is offered (RFC 8689). */
    readonly requireTls: boolean
    /** What VRFY tells. */
    readonly vrfy: 'never' | 'local'
    readonly banner?: string
    /** EHLO keywords that are not offered, in upper case. */
    readonly without: readonly string[]
  }
  readonly queue: QueueConfig
  readonly dns: DnsConfig
  readonly log: LogConfig
  readonly drainMs: number
  readonly plugins: readonly PluginEntry[]
  /** What has passed before; to be saved by whoever has checked all of it. */
  readonly kept?: KeptChecks
}
