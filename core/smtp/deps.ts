/**
 * What the SMTP and LMTP doors work with; joined in `core/app.ts`. Everything behind it is an interface, so that a door can be tried
 * with a fake intake.
 */
import type {
  Authenticator,
  Clock,
  HeaderField,
  Log,
  Message,
  Metrics,
  NewBody,
  ReverseName,
  ServerFacts,
  SmtpVerb,
} from '../api/index.js'
import type { Config, LimitsConfig } from '../config/types.js'
import type { Intake } from '../pipeline/intake-types.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import type { Refusals } from '../pipeline/refusals.js'

/** Where message octets go until the message is judged. */
export interface MessageSpool {
  /** A promise when the next chunk has to wait. */
  write(chunk: Buffer): Promise<void> | undefined
  finish(): Promise<{ readonly body: NewBody; readonly message: Message; readonly fields: readonly HeaderField[] }>
  abandon(): Promise<void>
}

export interface SmtpDeps {
  readonly pipeline: Pick<Pipeline, 'ask' | 'tell'>
  readonly intake: Pick<Intake, 'route' | 'receive'>
  readonly authenticator: Authenticator
  readonly spool: () => MessageSpool
  /** Verbs of plugins, by upper-case name. They cannot take the place of ours. */
  readonly verbs: ReadonlyMap<string, SmtpVerb>
  readonly server: ServerFacts
  readonly smtp: Config['smtp']
  readonly limits: LimitsConfig
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  /** Never rejects. */
  readonly reverseOf: (address: string) => Promise<ReverseName>
  /** Whether the address is in `trusted` of server.yaml. */
  readonly trusted: (address: string) => boolean
  /** … in `xclient`, or in `xforward`. */
  readonly mayXclient: (address: string) => boolean
  readonly mayXforward: (address: string) => boolean
  /** For the trail: what the intake never sees. */
  readonly refusals: Pick<Refusals, 'note'>
}
