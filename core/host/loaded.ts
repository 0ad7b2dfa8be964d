/**
 * Plugins when all are set up: who is asked in which order, and what they contribute together. `loader.ts` makes it.
 */
import type { Command, Contribution, Listener, Plugin, Services, SmtpVerb, Target } from '../api/index.js'
import type { PluginEntry } from '../config/types.js'
import type { JoinedAccounts } from './accounts/joined.js'

export interface LoadedEntry {
  readonly entry: PluginEntry
  readonly plugin: Plugin
  readonly contribution: Contribution
}

export interface Loaded {
  /** In the order of plugins.yaml. */
  readonly entries: readonly LoadedEntry[]
  readonly services: Services
  /** The service `accounts`, where an entry supplies it, by its sources. */
  readonly accounts: JoinedAccounts
  readonly targets: ReadonlyMap<string, Target>
  /** By upper-case verb. */
  readonly verbs: ReadonlyMap<string, SmtpVerb>
  readonly commands: readonly Command[]
  readonly listeners: readonly Listener[]
  /** Every label that can be set, core's own included. */
  readonly labels: ReadonlySet<string>
  /** In the reverse order of setting up, and closes the store at last; waits for each, throws for none. */
  dispose(): Promise<void>
}

/** One after the other: who is served meanwhile waits for the modules of one plugin at most. */
export async function loadRest({ entries }: Pick<Loaded, 'entries'>): Promise<void> {
  for (const { contribution } of entries) await contribution.loadRest?.()
}
