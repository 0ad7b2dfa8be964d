/**
 * What the commands of the command line stand on. Core's own know the config directory; those of plugins see only `CommandRun`.
 */
import type { Address, Claim, Command, CommandRun, Defer, Reject } from '../api/index.js'
import type { Forecast } from '../config/forecast.js'
import type { QueueConfig } from '../config/types.js'
import type { Pipeline } from '../pipeline/pipeline.js'
import type { AppBase, StartApp } from './app-types.js'
import type { LaneBook } from './commands/delivery/book.js'
import type { Loaded } from './loaded.js'
import type { Rehearsal } from './rehearsal.js'
import type { Spare } from './spare.js'

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
  /** For judging mail again, without taking it in. */
  readonly pipeline: Pipeline
  /** Who would take mail of our own for this address. */
  route(to: Address): Promise<readonly Claim[] | Reject | Defer>
  close(): Promise<void>
}

export type CommandAppBase = Omit<AppBase, 'tls'> & {
  readonly purpose: 'serve' | 'command'
  readonly rehearsal?: Rehearsal
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
  /** What is known of destinations; left out: nothing. */
  readonly book?: LaneBook
  readonly version: string
  /** The script of this program, for workers and for commands it runs itself. */
  readonly script: string
  /** A worker of it for `serve` that has been started already. */
  readonly spare?: Spare
  /** Folder of the files that `init` fills in. */
  readonly templates: string
  readonly startApp: StartApp
  readonly assemble: (base: CommandAppBase) => Promise<AssembledForCommand>
  print(line: string): void
  warn(line: string): void
  stdin(): Promise<string>
}
