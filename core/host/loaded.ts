/**
 * Plugins when all are set up: who is asked in which order, and what they contribute together. `loader.ts` makes it.
 */
import {
  type Command,
  ConfigError,
  type Contribution,
  type Fault,
  type Listener,
  type Plugin,
  type Services,
  type SmtpVerb,
  type Target,
} from '../api/index.js'
import { inOrder } from '../config/files.js'
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

/** One after the other: who is served meanwhile waits for what one plugin loads at most. Throws a `ConfigError` with the faults of all. */
export async function loadRest({ entries }: Pick<Loaded, 'entries'>): Promise<void> {
  const faults: Fault[] = []
  for (const { contribution } of entries) {
    try {
      await contribution.loadRest?.()
    } catch (error) {
      if (!isConfigError(error)) throw error
      faults.push(...error.faults)
    }
  }
  if (faults.length > 0) throw new ConfigError(inOrder(faults))
}

/** Those that `loadRest` finds, for who has found others already. What else goes wrong may be for want of a plugin that is not there. */
export async function faultsOfRest({ entries }: Pick<Loaded, 'entries'>): Promise<readonly Fault[]> {
  const found: Fault[] = []
  for (const one of entries)
    await loadRest({ entries: [one] }).catch(error => found.push(...(isConfigError(error) ? error.faults : [])))
  return found
}

/** A plugin with a Posthouse of its own would throw another class of the same name. */
function isConfigError(error: unknown): error is ConfigError {
  return error instanceof Error && error.name === 'ConfigError'
}
