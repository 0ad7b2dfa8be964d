/**
 * Dates of messages: written strictly (RFC 5322 §3.3), read with the patience real mail needs (§4.3 and worse:
 * no day name, two-digit years, zone names, comments, no zone).
 */
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const MONTH_NUMBERS = new Map(MONTHS.map((name, month) => [name.toLowerCase(), month]))
const DATE = /^(?:[a-z]{2,9}[,.]? {0,4})?(\d{1,2})[ -]{1,4}([a-z]{3,9})[.,]?[ -]{1,4}(\d{2,4}),?(?: {1,4}(.*))?$/i
/** As the standard has it, and nearly all programs: read at a fraction of what patience costs. Numbers that are none fall through to it. */
const USUAL =
  /^ ?(?:[a-z]{3}, )?(\d{1,2}) ([a-z]{3}) ([12]\d{3}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) ([+-])(\d\d)(\d\d)(?: \([^()]{0,40}\))? *$/i
const LONGEST_USUAL = 100
// asctime: `Thu Nov 21 12:17:00 2024`
const UNIX_DATE = /^[a-z]{3},? ([a-z]{3}) {1,4}(\d{1,2}) ([\d:]{5,8}) (?:([a-z]{1,5}) )?(\d{4})(?: ([+-]\d{4}))?$/i
const TIME = /^(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d{1,9})?)?(?: {0,4}(.*))?$/
const ZONES = new Map<string, number>([
  ['EST', -300],
  ['EDT', -240],
  ['CST', -360],
  ['CDT', -300],
  ['MST', -420],
  ['MDT', -360],
  ['PST', -480],
  ['PDT', -420],
])

/** `Thu, 21 Nov 2024 12:17:00 +0000` */
export function formatDate(ms: number, zoneMinutes = 0): string {
  const at = new Date(ms + zoneMinutes * 60_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  const off = Math.abs(zoneMinutes)
  const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(off / 60))}${two(off % 60)}`
  const year = String(at.getUTCFullYear()).padStart(4, '0')
  const day = `${DAYS[at.getUTCDay()]}, ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${year}`
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} ${zone}`
}

/** Milliseconds since the epoch, or `undefined` when no date can be made of it. */
export function parseDate(text: string): number | undefined {
  const usual = text.length <= LONGEST_USUAL ? USUAL.exec(text) : null
  return (usual === null ? undefined : usualMoment(usual)) ?? patiently(text)
}

function usualMoment([, day, name, year, hour, minute, second, sign, hours, minutes]: RegExpExecArray):
  | number
  | undefined {
  const month = MONTH_NUMBERS.get(name!.toLowerCase())
  if (month === undefined) return undefined
  const midnight = Date.UTC(Number(year), month, Number(day))
  if (new Date(midnight).getUTCDate() !== Number(day)) return undefined
  const east = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  return midnight + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000 - east * 60_000
}

function patiently(text: string): number | undefined {
  const line = withoutComments(text.slice(0, 200))
    .replace(/[ \t\r\n]+/g, ' ')
    .trim()
  const unix = UNIX_DATE.exec(line)
  if (unix !== null) return moment(unix[2]!, unix[1]!, unix[5]!, `${unix[3]} ${unix[6] ?? unix[4] ?? ''}`)
  const found = DATE.exec(line)
  return found === null ? undefined : moment(found[1]!, found[2]!, found[3]!, found[4] ?? '00:00')
}

function moment(dayText: string, monthText: string, yearText: string, timeText: string): number | undefined {
  const month = MONTH_NUMBERS.get(monthText.slice(0, 3).toLowerCase()) ?? -1
  const time = TIME.exec(timeText.trim())
  if (month < 0 || time === null) return undefined
  const day = Number(dayText)
  const [hour, minute, second] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)]
  // Second 60 is a leap second and rolls over.
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const midnight = Date.UTC(2000, month, day)
  const date = new Date(midnight)
  date.setUTCFullYear(fullYear(yearText), month, day)
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
  return date.getTime() + (hour * 3600 + minute * 60 + second) * 1000 - zoneOf(time[4] ?? '') * 60_000
}

/** RFC 5322 §4.3: two digits below 50 are 20xx, others 19xx; three digits add 1900. */
function fullYear(text: string): number {
  const year = Number(text)
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year
  return text.length === 3 ? 1900 + year : year
}

/** Minutes east of UTC; unknown zones count as UTC (RFC 5322 §4.3). */
function zoneOf(text: string): number {
  const word = text.trim().split(' ')[0]!.toUpperCase()
  const digits = /^(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})$/.exec(word)
  if (digits === null) return ZONES.get(word) ?? 0
  const minutes = Number(digits[2]) * 60 + Number(digits[3])
  return digits[1] === '-' ? -minutes : minutes
}

function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let depth = 0
  let kept = ''
  for (const char of text) {
    if (char === '(') depth += 1
    else if (char === ')' && depth > 0) depth -= 1
    else if (depth === 0) kept += char
  }
  return kept
}
