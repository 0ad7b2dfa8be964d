/** The keys of `with:`, and the same made ready for use. */
import { type Infer, type JsonSchema, pointsOf } from 'posthouse/api'
import { parseDuration, type TallyTerms } from 'posthouse/text'

const DURATION = { type: 'string', format: 'duration' } as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    half_life: { ...DURATION, default: '60d', description: 'after which what somebody sent counts half' },
    correspondents_half_life: {
      ...DURATION,
      default: '180d',
      description: 'after which what our users have written to somebody counts half',
    },
    remember_sent: {
      ...DURATION,
      default: '60d',
      description: 'how long an answer to a mail of our users is recognised by its Message-ID',
    },
    spam_from: {
      type: 'number',
      minimum: 0.5,
      maximum: 100,
      default: 5,
      description: 'a mail with so many points of other plugins counts as spam',
    },
    ham_below: {
      type: 'number',
      minimum: -100,
      maximum: 100,
      default: 2,
      description: 'a mail with fewer points of other plugins counts as ham; between the two it counts as neither',
    },
    recipients_per_day: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 300,
      description: 'so many recipients of one account become known in a day; who writes to more is no example',
    },
    marks_per_day: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'so many moves into and out of Junk of one account count in a day',
    },
    write_every: {
      ...DURATION,
      default: '2s',
      description: 'what was counted is written together so often; a crash loses as much',
    },
    points: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'the most that a finding weighs; 0 leaves it out',
      properties: {
        known_correspondent: pointsOf(-4),
        good_history: pointsOf(-1),
        bad_history: pointsOf(2.5),
        known_sender_unproven: pointsOf(1),
      },
    },
  },
} as const satisfies JsonSchema

export type Config = Infer<typeof CONFIG>
export type Points = Readonly<Record<keyof Config['points'], number>>

export interface Terms {
  readonly history: TallyTerms
  readonly correspondents: TallyTerms
  readonly rememberSentMs: number
  readonly spamFrom: number
  readonly hamBelow: number
  readonly recipientsPerDay: number
  readonly marksPerDay: number
  readonly writeEveryMs: number
  readonly points: Points
}

const SHORTEST_HALF_LIFE_MS = 3_600_000

export function termsOf(config: Config): Terms {
  const halfLife = (text: string) => ({ halfLifeMs: Math.max(SHORTEST_HALF_LIFE_MS, parseDuration(text)!) })
  return {
    history: halfLife(config.half_life),
    correspondents: halfLife(config.correspondents_half_life),
    rememberSentMs: parseDuration(config.remember_sent)!,
    spamFrom: Math.max(config.spam_from, config.ham_below),
    hamBelow: config.ham_below,
    recipientsPerDay: config.recipients_per_day,
    marksPerDay: config.marks_per_day,
    writeEveryMs: Math.min(60_000, Math.max(10, parseDuration(config.write_every)!)),
    points: config.points,
  }
}
