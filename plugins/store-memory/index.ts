/** Plugin `store-memory`: a store that forgets everything when the process ends. For trying things out and for tests. */
import { definePlugin } from 'posthouse/api'
import { createMemoryState } from './state.js'
import { createMemoryStore } from './store.js'

export default definePlugin({
  name: 'store-memory',
  summary: 'keeps queue, mailboxes and trail in memory; everything is lost when the process ends',
  config: { type: 'object', description: 'No settings.', properties: {}, additionalProperties: false },
  supplies: ['store', 'state'],
  setup({ clock, log }) {
    const store = createMemoryStore({ now: () => clock.now(), log })
    return { services: { store, state: createMemoryState() }, dispose: () => store.close() }
  },
})
