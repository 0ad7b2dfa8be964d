/** Dates that cannot be what the writer's clock said. What is still to come, and zones that are nowhere, are the matter of the plugin origin. */
import { parseDate } from 'posthouse/text'
import type { Facts } from '../facts.js'
import { type Look, Shape } from './shape.js'

const DAY_MS = 86_400_000
/** Queues give up after five days, and people send what they wrote weeks ago. */
const LATE_MS = 30 * DAY_MS
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const WITH_DAY = /^\s*([a-z]{3})[a-z]{0,6},?\s*(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}[ -](\d{4})\b/i

export const DATE_TESTS = {
  'date-unreadable': facts => {
    const written = dateOf(facts)
    return written !== undefined && timeOf(facts) === undefined ? written : undefined
  },

  'date-past': facts => {
    const written = dateOf(facts)
    const at = timeOf(facts)
    const arrived = newestReceived(facts)
    return at !== undefined && arrived !== undefined && arrived - at > LATE_MS ? written : undefined
  },

  /** The day of the week is another than the date's: a date that was put together and not told by a clock. */
  'date-weekday': facts => {
    const written = dateOf(facts)
    const [, weekday, day, month, year] = WITH_DAY.exec(written ?? '') ?? []
    if (day === undefined || !DAYS.includes(weekday!.toLowerCase())) return undefined
    const at = parseDate(`${day} ${month} ${year} 12:00:00 +0000`)
    if (at === undefined) return undefined
    return DAYS[new Date(at).getUTCDay()] === weekday!.toLowerCase() ? undefined : written
  },

  /** RFC 5322 §3.3: the zone belongs to it; programs that have a clock know theirs. */
  'date-without-zone': facts => {
    const written = dateOf(facts)?.replace(/\([^)]{0,60}\)/g, '')
    return written !== undefined && /:\d\d\s*(?:am|pm)?\s*$/i.test(written) ? written : undefined
  },
} as const satisfies Record<string, Look>

function dateOf(facts: Facts): string | undefined {
  const written = Shape.of(facts).raw('date').slice(0, 100).trim()
  return written === '' ? undefined : written
}

/** Read once for all of these tests. */
function timeOf(facts: Facts): number | undefined {
  return facts.once(timeOf, () => parseDate(dateOf(facts) ?? ''))
}

function newestReceived(facts: Facts): number | undefined {
  const [received] = Shape.of(facts).all('received')
  const end = received?.slice(0, 2000).lastIndexOf(';') ?? -1
  return end < 0 ? undefined : parseDate(received!.slice(end + 1, end + 100))
}
