/**
 * Tallies: named sums that fade, each by half in every half-life, reckoned when they are read. A tally is kept until little is left of its largest
 * sum, so what has least behind it goes first from a store that is full. Pure: time comes in.
 */

export interface TallyTerms {
  readonly halfLifeMs: number
}

export interface Tally {
  /** When the first amount came. */
  readonly since: number
  /** When the last came. */
  readonly latest: number
  /** As of the time of reading; never below 0. */
  readonly sums: ReadonlyMap<string, number>
}

/** Less than this has faded away. */
const FAINT = 0.05
/** With less than this left of its largest sum a tally is forgotten. */
const LITTLE = 0.25
/** Names are the caller's and few; more than this is a bug. */
const MOST_SUMS = 32

/** `kept` is what `addToTally` gave to keep; `undefined`: there is none, or it is none. */
export function readTally(kept: string | undefined, { halfLifeMs }: TallyTerms, now: number): Tally | undefined {
  const numbers = kept?.split(' ') ?? []
  const [since, latest] = numbers.slice(0, 2).map(Number)
  if (!isTime(since) || !isTime(latest)) return undefined
  // A clock that was set back makes nothing grow.
  const faded = 0.5 ** (Math.max(0, now - latest) / halfLifeMs)
  const sums = new Map<string, number>()
  for (const pair of numbers.slice(2, 2 + MOST_SUMS)) {
    const [name = '', text = ''] = pair.split('=')
    const sum = Number(text) * faded
    if (name !== '' && Number.isFinite(sum) && sum >= FAINT) sums.set(name, sum)
  }
  return { since, latest, sums }
}

/** What to keep after adding, and until when. Throws a RangeError for an amount that is no number, or a name that is no word. */
export function addToTally(
  kept: string | undefined,
  amounts: Readonly<Record<string, number>>,
  terms: TallyTerms,
  now: number,
): { readonly value: string; readonly expires: number } {
  const before = readTally(kept, terms, now)
  const latest = Math.max(now, before?.latest ?? now)
  const sums = new Map(before?.sums)
  for (const [name, by] of Object.entries(amounts)) {
    if (!Number.isFinite(by) || !/^[a-z-]+$/.test(name)) throw new RangeError(`cannot add ${by} to ${name}`)
    sums.set(name, Math.max(0, (sums.get(name) ?? 0) + by))
  }
  const words = [...sums]
    .filter(([, sum]) => sum >= FAINT)
    .map(([name, sum]) => `${name}=${Number(sum.toPrecision(7))}`)
  const value = [before?.since ?? now, latest, ...words].join(' ')
  return { value, expires: latest + lifeOf(Math.max(LITTLE, ...sums.values()), terms) }
}

/** In steps of a sixteenth of the half-life: a store that sorts by expiry need not move the entry at every change. */
function lifeOf(largest: number, { halfLifeMs }: TallyTerms): number {
  const step = Math.max(1, Math.floor(halfLifeMs / 16))
  return Math.ceil((halfLifeMs * Math.log2(largest / LITTLE)) / step + 1) * step
}

function isTime(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0
}
