/** Times as people say them. Pure. */

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const MONTH_MS = 31 * 86_400_000

/** `March`, `March 2025`, or `21 November` for what is not a month ago. */
export function since(at: number, now: number): string {
  const then = new Date(at)
  const month = MONTHS[then.getUTCMonth()]!
  if (now - at < MONTH_MS) return `${then.getUTCDate()} ${month}`
  const year = then.getUTCFullYear()
  return year === new Date(now).getUTCFullYear() ? month : `${month} ${year}`
}
