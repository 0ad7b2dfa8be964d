/**
 * Mail of another server into our mailboxes: contributes `posthouse import …`. It only reads what the other server left on the disk; what clients know
 * messages by comes along, so that they notice the move as little as can be.
 */
import { definePlugin } from 'posthouse/api'
import { parseSize } from 'posthouse/text'
import { importCommands } from './commands.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_size: {
      type: 'string',
      format: 'size',
      default: '200MB',
      description: 'a larger message is passed over, and told',
    },
  },
} as const

export default definePlugin({
  name: 'import',
  summary: 'brings mail of other servers: Maildir and mbox',
  config: CONFIG,
  needs: ['store', 'accounts'],
  setup({ config, services, clock }) {
    const [store, accounts] = [services.get('store'), services.get('accounts')]
    return { commands: importCommands({ store, accounts, maxBytes: parseSize(config.max_size)!, now: clock.now }) }
  },
})
