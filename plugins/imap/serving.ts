/** What all sessions have in common, and everything they need loaded. */
import type { Connection, Mailbox, PluginContext, WordIndex } from 'posthouse/api'
import { rebuildBlocks } from './blocks/rebuilding.js'
import { CapabilityTable } from './capabilities.js'
import { converse } from './conversation.js'
import { Gate } from './gate.js'
import { Keeper } from './keeper.js'
import { Recents } from './recents.js'
import { type Deps, Session } from './session.js'
import type { Config, Settings } from './settings.js'

/** Large messages that are held in memory at the same time, in this process. */
const LARGE_AT_ONCE = 4
/** SORTs and THREADs that hold what they go by at the same time, in this process. */
const SORTED_AT_ONCE = 2

export class Serving implements WordIndex {
  readonly keeper: Keeper
  readonly #deps: Deps

  constructor(settings: Settings, { services, server, clock, metrics, log, state }: PluginContext<Config>) {
    const gate = new Gate(LARGE_AT_ONCE)
    const store = services.get('store')
    this.keeper = new Keeper(store.mail, gate, log, settings.searchBytes)
    this.#deps = {
      settings,
      store,
      authenticator: services.get('authenticator'),
      markings: services.find('markings'),
      movements: services.find('movements'),
      server,
      clock,
      metrics,
      recents: new Recents(state, clock, log),
      gate,
      sorting: new Gate(SORTED_AT_ONCE),
      keeper: this.keeper,
      capabilities: new CapabilityTable(settings.disable),
    }
  }

  serve(connection: Connection): Promise<void> {
    return converse(new Session(connection, this.#deps))
  }

  rebuild(mailbox: Mailbox, signal: AbortSignal): Promise<number> {
    return rebuildBlocks(mailbox, this.#deps.gate, this.#deps.settings.searchBytes, signal)
  }
}
