/** Plugin `store-memory`: a store that forgets everything when the process ends. For trying things out and for tests. */
import { definePlugin } from 'posthouse/api'
import { parseSize } from 'posthouse/text'
import { createMemoryState } from './state.js'
import { createMemoryStore } from './store.js'
import { createMemoryTables } from './tables.js'

const LEAST_STATE_BYTES = 1024 ** 2

export default definePlugin({
  name: 'store-memory',
  summary: 'keeps queue, mailboxes and trail in memory; everything is lost when the process ends',
  config: {
    type: 'object',
    properties: {
      state_size: {
        type: 'string',
        format: 'size',
        default: '64MB',
        description: 'What the state of plugins may take. When it is full, what expires first goes first.',
      },
    },
    additionalProperties: false,
  },
  supplies: ['store', 'state', 'tables'],
  setup({ config, clock, log }) {
    const store = createMemoryStore({ now: () => clock.now(), log })
    const state = createMemoryState(Math.max(parseSize(config.state_size)!, LEAST_STATE_BYTES))
    return { services: { store, state, tables: createMemoryTables() }, dispose: () => store.close() }
  },
})
