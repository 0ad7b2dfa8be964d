/** Remembers when and from where accounts were last used, by IMAP, POP3 and SMTP, whichever source they are of and however they log in. */
import { definePlugin } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { LoginBook } from './book.js'
import { loginsCommand } from './command.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    every: {
      type: 'string',
      format: 'duration',
      default: '10m',
      description: 'how far behind it may be: a login is noted when the last one noted by its protocol is older',
    },
    keep: {
      type: 'string',
      format: 'duration',
      default: '400d',
      description: 'how long a login is remembered',
    },
  },
} as const

export default definePlugin({
  name: 'last-logins',
  summary: 'remembers when accounts were last used, and from where',
  config: CONFIG,
  needs: ['accounts'],
  setup({ config, services, state, clock, log }) {
    const [everyMs, keepMs] = [parseDuration(config.every)!, parseDuration(config.keep)!]
    const book = new LoginBook({ state, clock, log, everyMs, keepMs })
    return {
      hooks: {
        loginOver: ({ kind, account, peer, mechanism }) => {
          if (kind === 'accepted' && account !== undefined) book.note(account.id, peer, mechanism)
        },
      },
      commands: [loginsCommand({ book, accounts: services.get('accounts'), clock })],
    }
  },
})
