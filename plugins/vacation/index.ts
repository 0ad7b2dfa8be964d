/**
 * Vacation answers: people who write to somebody in person hear once in some days that they are away (RFC 3834, RFC 5230). Supplies the service
 * `vacation`; the delivery agent asks it, and core accepts the answer in the commit that files the mail.
 */
import { definePlugin } from 'posthouse/api'
import { vacationCommands } from './commands.js'
import { LEAST_DAYS, MOST_DAYS, replier } from './replier.js'
import { Settings } from './stored.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    days: {
      type: 'integer',
      minimum: LEAST_DAYS,
      maximum: MOST_DAYS,
      default: 7,
      description: 'nobody hears the same answer twice in so many days, where its owner says nothing else',
    },
    answers_per_day: {
      type: 'integer',
      minimum: 1,
      default: 500,
      description: 'how many answers are written in the name of one account in a day',
    },
  },
} as const

export default definePlugin({
  name: 'vacation',
  summary: 'answers people who write to somebody who is away',
  config: CONFIG,
  needs: ['accounts', 'tables'],
  supplies: ['vacation'],
  setup({ config, services, state, clock, bus, metrics, server }) {
    const settings = new Settings(services.get('tables').table('vacation'), clock, bus)
    const accounts = services.get('accounts')
    const { domains, name } = server
    return {
      services: {
        vacation: replier({ settings, state, clock, metrics, server: name, perDay: config.answers_per_day }),
      },
      commands: vacationCommands({ settings, accounts, clock, domains, server: name, days: config.days }),
      dispose: () => settings.close(),
    }
  },
})
