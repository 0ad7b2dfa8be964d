/**
 * Return codes of lists: patterns of four octets, each a number, a range, any, or one that has a bit (`127.0.0.2`, `127.0.0.10-11`,
 * `127.0.*.3`, `127.0.0.&8`), what an admin says of them, and which answers are no listing at all, whatever a list says. Pure.
 */
import { isIPv4 } from 'node:net'

type Octet =
  | { readonly kind: 'range'; readonly least: number; readonly most: number }
  /** RFC 5782 §2.3, bit-encoded entries: any of these bits is set. */
  | { readonly kind: 'bits'; readonly bits: number }

export type CodePattern = readonly Octet[]

/** What a code is worth, and means. */
export interface Meaning {
  readonly weight: number
  readonly means?: string
}

/** As in config: a weight, or weight and words. */
export type CodeConfig = Readonly<Record<string, number | { readonly weight: number; readonly means?: string }>>

/** `undefined`: not a pattern of codes within 127.0.0.0/8. */
export function parseCode(text: string): CodePattern | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || parts[0] !== '127') return undefined
  const octets = parts.map(octetOf)
  return octets.every(octet => octet !== undefined) ? octets : undefined
}

function octetOf(text: string): Octet | undefined {
  if (text === '*') return { kind: 'range', least: 0, most: 255 }
  const [, mark, first, last = first] = /^(&?)([0-9]{1,3})(?:-([0-9]{1,3}))?$/.exec(text) ?? []
  if (first === undefined || Number(first) > Number(last) || Number(last) > 255) return undefined
  if (mark === '') return { kind: 'range', least: Number(first), most: Number(last) }
  return first === last && Number(first) > 0 ? { kind: 'bits', bits: Number(first) } : undefined
}

export function fits(code: string, pattern: CodePattern): boolean {
  const octets = code.split('.').map(Number)
  return pattern.every((wish, i) =>
    wish.kind === 'bits' ? (octets[i]! & wish.bits) !== 0 : octets[i]! >= wish.least && octets[i]! <= wish.most,
  )
}

/** What answers mean, put together: the greatest weight counts, and all that is meant is said. `otherwise` is of codes nobody names. */
export function reader(codes: CodeConfig, otherwise: number): (answered: readonly string[]) => Meaning {
  const known = Object.entries(codes).map(([code, said]) => ({
    pattern: parseCode(code)!,
    ...(typeof said === 'number' ? { weight: said } : said),
  }))
  return answered => {
    const meant = answered.map(code => known.filter(({ pattern }) => fits(code, pattern)))
    const weights = meant.flatMap(fitting => (fitting.length === 0 ? [otherwise] : fitting.map(({ weight }) => weight)))
    const words = new Set(meant.flat().flatMap(({ means }) => means ?? []))
    return { weight: Math.max(...weights), ...(words.size === 0 ? {} : { means: [...words].join(', ') }) }
  }
}

/** The greatest weight there can be. */
export function greatest(codes: CodeConfig, otherwise: number): number {
  return Math.max(otherwise, ...Object.values(codes).map(said => (typeof said === 'number' ? said : said.weight)))
}

/**
 * RFC 5782 §2.3: listings are within 127.0.0.0/8; anything else comes from a parked domain, a captive resolver or worse. Lists that
 * refuse to answer say so in 127.255.255.0/24.
 */
export function isNoListing(code: string): boolean {
  return !isIPv4(code) || !code.startsWith('127.') || code.startsWith('127.255.255.')
}
