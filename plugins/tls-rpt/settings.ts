/** What an admin may write. */
import { type Infer, REPORT_KEYS } from 'posthouse/api'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    send: {
      type: 'boolean',
      default: false,
      description: 'send a report each day to the domains we sent mail to that ask for one',
    },
    from: REPORT_KEYS.from,
    organization: REPORT_KEYS.organization,
    spread: REPORT_KEYS.spread,
    allow_private: {
      type: 'boolean',
      default: false,
      description: 'post reports to addresses in private networks too',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description: 'PEM file of authorities to believe where reports are posted; left out: those Node.js knows',
    },
    receive: REPORT_KEYS.receive,
    unsigned: {
      enum: ['refuse', 'keep'],
      default: 'refuse',
      description: 'what becomes of reports without a good signature (DKIM) of the reporter',
    },
    keep: REPORT_KEYS.keep,
  },
} as const

export type Config = Infer<typeof CONFIG>
