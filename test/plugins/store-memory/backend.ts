/** The in-memory backend for the contract suites. */
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import type { StateBackend, StoreBackend } from '../../contracts/backend.js'

export const memoryStore: StoreBackend = {
  name: 'memory',
  open: async (clock, warn) => createMemoryStore({ now: clock.now, log: { warn: (_, sentence) => warn(sentence) } }),
}

export const memoryState: StateBackend = { name: 'memory', open: async most => createMemoryState(most) }
