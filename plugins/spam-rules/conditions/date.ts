/** `date`: what the Date field says, held against the clock. Lying dates of trace fields are the matter of the plugin origin. */
import { formatDate, formatDuration, parseDate, parseDuration } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { foundOr, type Kind } from './kind.js'

const DATES = ['missing', 'unreadable', 'ahead', 'behind', 'without-zone', 'odd-zone', 'wrong-day'] as const
type DateTest = (typeof DATES)[number]
type RawDate = { readonly date: DateTest; readonly by?: string }

interface DateOf {
  readonly test: DateTest
  readonly byMs: number
}

/** What a date may say before it is ahead or behind, where the rule does not say. */
const BY = '1d'

export const date: Kind<DateOf, RawDate> = {
  name: 'date',
  cost: 1,
  key: { type: 'string', enum: DATES, description: 'what is wrong with the Date field' },
  companions: { by: { type: 'string', format: 'duration', description: 'how far ahead or behind: 1d' } },
  read({ date: test, by }, reader) {
    const measured = test === 'ahead' || test === 'behind'
    if (by !== undefined && !measured) return reader.wrong(['by'], `"${test}" is not measured`)
    return { test, byMs: parseDuration(by ?? BY)! }
  },
  prepare: () => ({
    bind: ({ test, byMs }) => {
      const asks = TESTS[test]
      return facts => {
        const date = facts.once(readDate)
        if (date === undefined) return foundOr(test === 'missing' ? 'no Date' : undefined)
        return foundOr(asks(date, byMs))
      }
    },
  }),
}

const MAX_DATE = 200
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const WITH_DAY = /^\s{0,9}([a-z]{3})[a-z]{0,6},?\s{0,9}(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}[ -](\d{4})\b/i

interface Written {
  readonly written: string
  readonly at: number | undefined
  readonly now: Facts['now']
}

function readDate({ message, now }: Facts): Written | undefined {
  const written = message.field('date')?.slice(0, MAX_DATE).trim()
  return written === undefined ? undefined : { written, at: parseDate(written), now }
}

const TESTS: Readonly<Record<DateTest, (date: Written, byMs: number) => string | undefined>> = {
  missing: () => undefined,
  unreadable: ({ written, at }) => (at === undefined ? written : undefined),
  ahead: ({ at, now }, byMs) =>
    at !== undefined && at - now > byMs ? `${formatDate(at)}, ${formatDuration(roughly(at - now))} ahead` : undefined,
  behind: ({ at, now }, byMs) =>
    at !== undefined && now - at > byMs ? `${formatDate(at)}, ${formatDuration(roughly(now - at))} ago` : undefined,
  // RFC 5322 §3.3: the zone belongs to it; programs that have a clock know theirs. Old ones wrote its name.
  'without-zone': ({ written }) =>
    /:\d\d\s{0,9}(?:am|pm)?\s*$/i.test(written.replace(/\([^)]{0,60}\)/g, '')) ? written : undefined,
  // RFC 5322 §3.3: no zone on earth is more than 14 hours off, and all are at quarters of an hour.
  'odd-zone': ({ written }) => {
    const [, zone, hours, minutes] = /:\d\d(?: \d{4})? {1,3}([+-](\d\d)(\d\d))(?!\d)/.exec(written) ?? []
    return zone !== undefined && (Number(hours) > 14 || Number(minutes) % 15 !== 0) ? zone : undefined
  },
  /** A date that was put together and not told by a clock. The zone has no say in it: day and date stand side by side. */
  'wrong-day': ({ written }) => {
    const [, weekday, day, month, year] = WITH_DAY.exec(written) ?? []
    if (day === undefined || !DAYS.includes(weekday!.toLowerCase())) return undefined
    const at = parseDate(`${day} ${month} ${year} 12:00:00 +0000`)
    if (at === undefined) return undefined
    return DAYS[new Date(at).getUTCDay()] === weekday!.toLowerCase() ? undefined : written
  },
}

/** In whole hours, or minutes below two of them. */
function roughly(ms: number): number {
  const unit = ms < 7_200_000 ? 60_000 : 3_600_000
  return Math.floor(ms / unit) * unit
}
