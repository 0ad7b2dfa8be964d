/**
 * What the commands of the command line stand on. Core's own know the config directory; those of plugins see only `CommandRun`.
 */
import type { Address, Claim, Command, CommandRun, Defer, Reject, SenderClass } from '../api/index.js'
import type { QueueConfig } from '../config/types.js'
import type { AppBase, StartApp } from './app-types.js'
import type { Loaded } from './loaded.js'

export interface OwnRun extends CommandRun {
  readonly configDir: string
}

export interface OwnCommand extends Omit<Command, 'run'> {
  /** Lines at the end of its help. */
  readonly more?: readonly string[]
  run(run: OwnRun): Promise<number | undefined>
}

/** Plugins set up for a command: nothing listens. */
export interface AssembledForCommand {
  readonly loaded: Loaded
  /** Who would take mail of our own for this address. */
  route(to: Address): Promise<readonly Claim[] | Reject | Defer>
  close(): Promise<void>
}

export type CommandAppBase = Omit<AppBase, 'tls'> & { readonly purpose: 'serve' | 'command' }

/** What becomes of mail that nobody takes, as long as nothing changes; times as in `from`. */
export interface Forecast {
  /** The rule that says so, by its destinations; left out: no rule fits. */
  readonly match?: readonly string[]
  readonly target?: string
  /** Senders for whom it is the same. */
  readonly senders: readonly SenderClass[]
  readonly attempts: readonly number[]
  readonly warnings: readonly number[]
  /** At the last attempt, after which the next would come too late. */
  readonly givenUp: number
  readonly expires: number
  /** The first attempts at a peer that greylists and names no wait. */
  readonly greylisted: readonly number[]
}

/** Comes from `core/queue`, which the host does not know. */
export interface Forecasts {
  /** For every rule, and for what no rule fits. */
  all(queue: QueueConfig, from: number): readonly Forecast[]
  /** For one destination. */
  of(queue: QueueConfig, place: { readonly target: string; readonly lane: string }, from: number): readonly Forecast[]
}

/** Comes from `core/app.ts`, one floor up. */
export interface CliParts {
  readonly version: string
  /** The script of this program, for workers and for commands it runs itself. */
  readonly script: string
  /** Folder of the files that `init` fills in. */
  readonly templates: string
  readonly startApp: StartApp
  readonly assemble: (base: CommandAppBase) => Promise<AssembledForCommand>
  print(line: string): void
  warn(line: string): void
  stdin(): Promise<string>
}
