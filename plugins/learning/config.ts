/** The keys of `with:`, and the same made ready for use. */
import type { Infer, JsonSchema } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import type { Bounds } from './judge.js'

const POINTS = { type: 'number', minimum: 0, maximum: 20 } as const
const ADDRESS = { type: 'string', format: 'email', description: 'an address nobody else has' } as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    model: {
      type: 'string',
      minLength: 1,
      description:
        'starting model, seen from the config directory; default: the one that comes with Posthouse; `none`: none',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'the most that `learned` weighs: before anything was taught, and with all experience',
      properties: {
        spam_untaught: { ...POINTS, default: 4.5, description: 'for spam, by the starting model alone' },
        ham_untaught: { ...POINTS, default: 1.5, description: 'against spam, by the starting model alone' },
        spam_taught: { ...POINTS, default: 8, description: 'for spam, once the site has taught much' },
        ham_taught: { ...POINTS, default: 5, description: 'against spam, once the site has taught much' },
      },
    },
    remember: {
      type: 'integer',
      minimum: 100,
      maximum: 200_000,
      default: 20_000,
      description: 'taught mails that count at the same time; the oldest go first',
    },
    remember_of_account: {
      type: 'integer',
      minimum: 10,
      maximum: 20_000,
      default: 1000,
      description: 'of them, those of one account',
    },
    forget_after: { type: 'string', format: 'duration', default: '400d', description: 'older lessons count no more' },
    marks_per_day: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'so many moves into and out of Junk of one account teach in a day',
    },
    autolearn: {
      type: 'boolean',
      default: false,
      description: 'learn from what all others are sure of, once enough was taught by hand',
    },
    autolearn_after: {
      type: 'integer',
      minimum: 0,
      maximum: 100_000,
      default: 200,
      description: 'what enough is: mails taught by hand',
    },
    autolearn_spam: {
      type: 'number',
      minimum: 5,
      maximum: 100,
      default: 12,
      description: 'spam for sure: so many points of others',
    },
    autolearn_ham: {
      type: 'number',
      minimum: -100,
      maximum: 0,
      default: -2,
      description: 'ham for sure: no more points of others',
    },
    addresses: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'where users who are logged in forward mail to, as an attachment, to teach it',
      properties: { spam: ADDRESS, ham: ADDRESS },
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>

export interface Terms {
  readonly bounds: Bounds
  readonly remember: number
  readonly rememberOfAccount: number
  readonly forgetAfterMs: number
  readonly marksPerDay: number
}

export function termsOf({ points, ...config }: Config): Terms {
  return {
    bounds: {
      untaught: { spam: points.spam_untaught, ham: -points.ham_untaught },
      taught: { spam: points.spam_taught, ham: -points.ham_taught },
    },
    remember: config.remember,
    rememberOfAccount: config.remember_of_account,
    forgetAfterMs: parseDuration(config.forget_after)!,
    marksPerDay: config.marks_per_day,
  }
}
