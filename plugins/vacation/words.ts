/** Settings in words, and days as people write them. Pure. */
import { printable } from 'posthouse/text'
import { holdsAt, type Setting } from './stored.js'

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/

/** The beginning of that day here, or of the next one (`after`); nothing: there is no such day. */
export function dayIn(text: string, after: boolean): number | undefined {
  const [, year, month, day] = (DAY.exec(text) ?? []).map(Number)
  if (year === undefined || month === undefined || day === undefined) return undefined
  const begins = new Date(year, month - 1, day)
  if (begins.getMonth() !== month - 1 || begins.getDate() !== day) return undefined
  return after ? new Date(year, month - 1, day + 1).getTime() : begins.getTime()
}

/** `2026-12-24`, of a time here. */
export function dayOf(at: number): string {
  const date = new Date(at)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** `vacation answer until 2026-12-31, once in 7 days to each sender: "away"` */
export function settingInWords(setting: Setting, now: number): string {
  const { start, end, subject, text, days } = setting
  const from = start === undefined ? '' : ` from ${dayOf(start)}`
  const until = end === undefined ? '' : ` until ${dayOf(end - 1)}`
  const state = holdsAt(setting, now) ? '' : end !== undefined && now >= end ? ' (is over)' : ' (not yet)'
  const says = printable((subject ?? text).trim().replace(/\s+/g, ' '), 60)
  const often = days === 1 ? 'once a day' : `once in ${days} days`
  return `vacation answer${from}${until}${state}, ${often} to each sender: "${says}"`
}
