/**
 * Dates on the wire (RFC 3501 §9 date, date-time). Our INTERNALDATE is always told in UTC, and a search "disregarding time and
 * timezone" (§6.4.4) compares days: the UTC day of the INTERNALDATE, the day written in the Date field.
 */
import { ReadError, type Reader } from './reader.js'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MONTH = /(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/iy

export const DAY_MS = 86_400_000

function monthNumber(name: string): number {
  return MONTHS.findIndex(month => month.toLowerCase() === name.toLowerCase())
}

/** Midnight UTC of a day, or `undefined` for the 31st of February. */
function dayMs(year: number, month: number, day: number): number | undefined {
  const ms = Date.UTC(2000, month, day)
  const date = new Date(ms)
  date.setUTCFullYear(year, month, day)
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() : undefined
}

function readDay(input: Reader, day: RegExp): number {
  const column = input.column
  const dayOfMonth = Number(input.need(day, 'a day of the month'))
  input.need('-', '-')
  const month = monthNumber(input.need(MONTH, 'a month like Jan'))
  input.need('-', '-')
  const year = Number(input.need(/[0-9]{4}/y, 'a year of four digits'))
  const ms = dayMs(year, month, dayOfMonth)
  if (ms === undefined) throw new ReadError(column, 'a day that exists')
  return ms
}

/** date = date-text or quoted date-text; midnight UTC. */
export function readDate(input: Reader): number {
  const quoted = input.take('"') !== undefined
  const day = readDay(input, /[0-9]{1,2}/y)
  if (quoted) input.need('"', '"')
  return day
}

/** date-time = `"17-Jul-1996 02:44:25 -0700"`; milliseconds since the epoch. */
export function readDateTime(input: Reader): number {
  const column = input.column
  input.need('"', 'a date in quotes')
  const day = readDay(input, /(?: [0-9]|[0-9]{2})/y)
  input.need(' ', 'a space')
  const time = input.need(/[0-2][0-9]:[0-5][0-9]:[0-6][0-9]/y, 'a time as hh:mm:ss')
  input.need(' ', 'a space')
  const zone = input.need(/[+-][0-9]{4}/y, 'a zone as +hhmm')
  input.need('"', '"')
  const [hours, minutes, seconds] = time.split(':').map(Number) as [number, number, number]
  const offset = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3))) * (zone[0] === '-' ? -1 : 1)
  if (hours > 23) throw new ReadError(column, 'an hour below 24')
  return day + (hours * 3600 + minutes * 60 + seconds) * 1000 - offset * 60_000
}

export function formatDateTime(ms: number): string {
  const date = new Date(Number.isFinite(ms) ? ms : 0)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = String(date.getUTCDate()).padStart(2, ' ')
  const year = String(Math.min(9999, Math.max(0, date.getUTCFullYear()))).padStart(4, '0')
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `"${day}-${MONTHS[date.getUTCMonth()]}-${year} ${time} +0000"`
}

const WRITTEN = /([0-9]{1,2})\s+(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+([0-9]{2,4})/i

/** The day a Date field names, whatever its time and zone; midnight UTC. */
export function writtenDay(field: string): number | undefined {
  const found = WRITTEN.exec(field.slice(0, 200))
  if (!found) return undefined
  // RFC 5322 §4.3: years of two and three digits.
  const digits = found[3]!
  const given = Number(digits)
  const year = digits.length === 4 ? given : digits.length === 2 && given < 50 ? given + 2000 : given + 1900
  return dayMs(year, monthNumber(found[2]!), Number(found[1]))
}
