/**
 * Durations and sizes as admins write them: `90s`, `5m`, `1h30m`, `50MB`. What is formatted here can be read here again.
 * Sizes count in 1024s.
 */
const DURATION_UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const
const DURATION_PART = /([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(ms|[wdhms])/gy
const SIZE = /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(?:([KMGT])(?:i?B)?|B)?$/i
const SIZE_STEPS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** Milliseconds; `undefined` when the text is no duration. A number without a unit is none, except 0. */
export function parseDuration(text: string): number | undefined {
  const wanted = text.trim()
  if (wanted === '0') return 0
  let total = 0
  let at = 0
  for (const [whole, amount, unit] of wanted.matchAll(DURATION_PART)) {
    total += Number(amount) * DURATION_UNITS.find(([name]) => name === unit)![1]
    at += whole.length
  }
  return at > 0 && at === wanted.length && Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined
}

/** Bytes; `undefined` when the text is no size. A plain number is bytes. */
export function parseSize(text: string): number | undefined {
  const found = SIZE.exec(text.trim())
  if (found === null) return undefined
  const power = found[2] === undefined ? 0 : 'KMGT'.indexOf(found[2].toUpperCase()) + 1
  const bytes = Math.round(Number(found[1]) * 1024 ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** `1d12h`, `90s` as `1m30s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  let left = Math.max(0, Math.round(ms))
  let text = ''
  for (const [name, length] of DURATION_UNITS) {
    if (name === 'w') continue
    const count = Math.floor(left / length)
    if (count > 0) text += `${count}${name}`
    left -= count * length
  }
  return text === '' ? '0s' : text
}

/** `512B`, `1.5MB`: at most one decimal. */
export function formatSize(bytes: number): string {
  let amount = Math.max(0, bytes)
  let step = 0
  while (amount >= 1024 && step < SIZE_STEPS.length - 1) {
    amount /= 1024
    step += 1
  }
  return `${step === 0 ? Math.round(amount) : Math.round(amount * 10) / 10}${SIZE_STEPS[step]}`
}
