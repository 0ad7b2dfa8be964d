/**
 * A brake on what an account sends out: so many messages, and so many people it has never written to, per hour and day. Beyond that its
 * mail is held and an admin told. A stolen password then costs a hundred unwanted mails and not a hundred thousand, and nobody loses mail.
 */
import { type Answered, definePlugin, type Message } from 'posthouse/api'
import { Beside, parseDuration } from 'posthouse/text'
import { brakeCommands } from './commands.js'
import { Digests } from './digests.js'
import { judge } from './judge.js'
import { Ledger } from './ledger.js'
import { LIMITS, limitsBy } from './limits.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    messages_per_hour: { ...LIMITS.messages_per_hour, default: 200 },
    messages_per_day: { ...LIMITS.messages_per_day, default: 1000 },
    new_recipients_per_hour: { ...LIMITS.new_recipients_per_hour, default: 100 },
    new_recipients_per_day: { ...LIMITS.new_recipients_per_day, default: 300 },
    remember: {
      type: 'string',
      format: 'duration',
      default: '90d',
      description: 'how long a recipient is known after the last mail to them',
    },
    accounts: {
      type: 'object',
      description: 'other limits for a login: newsletters, ticket systems',
      default: {},
      additionalProperties: { type: 'object', additionalProperties: false, properties: LIMITS },
    },
  },
} as const

export default definePlugin({
  name: 'outgoing-brake',
  summary: 'holds the outgoing mail of accounts that suddenly send too much, and tells the admin',
  config: CONFIG,
  needs: ['store'],
  setup({ config, server, services, state, clock, metrics, key }) {
    const digests = new Digests(() => key('outgoing-brake'))
    const ledger = new Ledger(state, digests, parseDuration(config.remember)!)
    const parts = {
      ledger,
      limitsOf: limitsBy(config, config.accounts),
      domains: server.domains,
      clock,
      notifier: () => services.get('notifier'),
      count: (name: string) => metrics.count(`brake.${name}`),
    }
    /** Recipients are asked about one by one; a message is counted once. */
    const judged = new Beside<Message, Promise<Answered['message']>>()
    return {
      commands: brakeCommands({ ledger, services, clock }),
      hooks: {
        message(asked, call) {
          if (asked.session.account === undefined) return undefined
          const answer = judged.get(asked.message) ?? judge(asked, parts, call)
          judged.set(asked.message, answer)
          return answer
        },
      },
    }
  },
})
