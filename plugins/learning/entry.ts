/**
 * One taught mail, as the journal keeps it: what was said of it, by whom, how much it counts, and its tokens. Its text is not kept and cannot be made
 * from them. The weights are the sum over all entries, so taking one away is taking it back.
 */
import { SHAPE } from './tokens/kinds.js'
import { packTokens, unpackTokens } from './tokens/pack.js'
import type { Tokens } from './tokens/sink.js'

export type Label = 'spam' | 'ham'
export type By = 'move' | 'copy' | 'keyword' | 'command' | 'forward' | 'auto'

/** What is remembered of an entry without its tokens. */
export interface Standing {
  readonly label: Label
  readonly by: By
  /** Milliseconds since the epoch. */
  readonly at: number
  /** How much it counts for whoever taught it, in thousandths … */
  readonly own: number
  /** … and for everybody. */
  readonly shared: number
  /** It was taken back then; what it counted is 0. Kept for a while, so that every process learns of it. */
  readonly goneAt?: number
}

export interface Entry extends Standing {
  readonly tokens: Tokens
}

const THOUSAND = 1000
/** Taught by the command line or by itself: for everybody. */
export const SITE = '='
const MAIL = 'm/'

export function keyOf(who: string, print: string): string {
  return `${prefixOf(who)}${print}`
}

/** Account ids are the directory's and may hold anything. */
export function prefixOf(who: string): string {
  return `${MAIL}${who === SITE ? SITE : encodeURIComponent(who).slice(0, 400)}/`
}

export const ALL = MAIL

export function isSite(key: string): boolean {
  return key.startsWith(prefixOf(SITE))
}

/** What all of one teacher have in common. */
export function teacherOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1)
}

export function writeEntry({ label, by, at, own, shared, goneAt, tokens }: Entry): string {
  const gone = goneAt === undefined ? '' : String(goneAt)
  return [SHAPE, label, by, at, own, shared, gone, packTokens(tokens)].join(' ')
}

/** `undefined`: it is broken, or was made for other tokens. */
export function readEntry(value: string): Entry | undefined {
  const [shape, label, by, at, own, shared, gone, packed] = value.split(' ')
  if (shape !== String(SHAPE) || packed === undefined || (label !== 'spam' && label !== 'ham')) return undefined
  const tokens = unpackTokens(packed)
  if (tokens === undefined) return undefined
  const standing = { label, by: by as By, at: Number(at), own: Number(own), shared: Number(shared) } as const
  if (![standing.at, standing.own, standing.shared].every(Number.isFinite)) return undefined
  return { ...standing, ...(gone !== '' && { goneAt: Number(gone) }), tokens }
}

/** With its sign: spam counts up. */
export function amountOf(label: Label, thousandths: number): number {
  return ((label === 'spam' ? 1 : -1) * thousandths) / THOUSAND
}

export function thousandths(amount: number): number {
  return Math.round(amount * THOUSAND)
}
