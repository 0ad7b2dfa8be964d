/**
 * The times that reports speak of: a day (UTC), or less where a domain asks for it and the admin allows it (`ri`, RFC 7489 §6.3), always from a full hour that
 * divides the day (§7.2). Pure.
 */
import type { ReportPeriod } from 'posthouse/api'

export const HOUR_MS = 3_600_000
const DAY_HOURS = 24
const LENGTHS = [1, 2, 3, 4, 6, 8, 12, DAY_HOURS] as const

/** The longest of ours that is not longer than `seconds`; at least `leastMs`, at most a day. */
export function hoursOf(seconds: number, leastMs: number): number {
  // 0 asks for nothing that could be given.
  const wanted = Math.max(seconds === 0 ? Infinity : seconds * 1000, leastMs)
  return LENGTHS.findLast(hours => hours * HOUR_MS <= wanted) ?? LENGTHS[0]
}

/** `2026-11-21T06+6`: from 6 to 12 o'clock. */
export function periodAt(ms: number, hours: number): string {
  const length = hours * HOUR_MS
  return `${new Date(Math.floor(ms / length) * length).toISOString().slice(0, 13)}+${hours}`
}

export function startOf(period: string): number {
  return Date.parse(`${period.slice(0, 13)}:00:00Z`)
}

export function endOf(period: string): number {
  return startOf(period) + Number(period.slice(14)) * HOUR_MS
}

/** Those that ended within the last two days. A report of less than a day leaves before the next is due. */
export function periodsBefore(now: number, leastMs: number, spreadMs: number): readonly ReportPeriod[] {
  const lengths = LENGTHS.filter(hours => hours * HOUR_MS >= leastMs || hours === DAY_HOURS)
  return lengths.flatMap(hours => {
    const length = hours * HOUR_MS
    const count = (2 * DAY_HOURS) / hours
    return Array.from({ length: count }, (_, i) => {
      const name = periodAt(now - (i + 1) * length, hours)
      return { name, until: endOf(name), spreadMs: Math.min(spreadMs, length / 2) }
    })
  })
}
