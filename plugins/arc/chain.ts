/**
 * The sets of ARC fields in a header (RFC 8617 §4.2): found, put in order, and held against the rules of their structure (§5.2, steps 1 to 3).
 * Pure, and bounded: a chain that breaks a bound is broken.
 */
import { type HeaderOctets, readTagList } from 'posthouse/text'

/** A field as it stands in the message, with what its tags say. */
export interface ArcField {
  /** Octets as Latin-1, with the line end. */
  readonly text: string
  readonly tags: ReadonlyMap<string, string>
}

export interface ArcSet {
  readonly results: ArcField
  readonly signature: ArcField
  readonly seal: ArcField
}

export type Chain =
  | { readonly kind: 'none' }
  /** By their instance, from 1. */
  | { readonly kind: 'sets'; readonly sets: readonly ArcSet[] }
  /** `ended`: its newest seal says so itself, and nothing may be added (§5.1, step 2). `highest`: instance that was found. */
  | { readonly kind: 'broken'; readonly highest: number; readonly ended: boolean; readonly why: string }

/** RFC 8617 §4.2.1 */
export const MOST_SETS = 50
/** All fields of a chain together: each seal covers all before it, so the work grows with the square of it. */
const MAX_OCTETS = 256 * 1024
const KINDS = new Map([
  ['arc-authentication-results', 'results'],
  ['arc-message-signature', 'signature'],
  ['arc-seal', 'seal'],
] as const)
type Kind = 'results' | 'signature' | 'seal'

export function isArcField(name: string): boolean {
  return KINDS.has(name.toLowerCase() as never)
}

export function readChain({ octets, fields }: HeaderOctets): Chain {
  const found = new Map<number, Partial<Record<Kind, ArcField>>>()
  let why: string | undefined
  let [count, size] = [0, 0]
  for (const { name, raw, start, end } of fields) {
    const kind = KINDS.get(name.toLowerCase() as never) as Kind | undefined
    if (kind === undefined) continue
    count += 1
    size += end - start
    const tags = count > 3 * MOST_SETS || size > MAX_OCTETS ? undefined : tagsOf(kind, raw)
    const instance = tags === undefined ? undefined : instanceOf(tags)
    if (tags === undefined || instance === undefined) why ??= `a field ${name} cannot be read`
    else if (found.get(instance)?.[kind] !== undefined) why ??= `there are two fields ${name} of instance ${instance}`
    else found.set(instance, { ...found.get(instance), [kind]: { text: octets.toString('latin1', start, end), tags } })
  }
  if (count === 0) return { kind: 'none' }
  const highest = Math.max(0, ...found.keys())
  const ended = found.get(highest)?.seal?.tags.get('cv')?.toLowerCase() === 'fail'
  const sets = why === undefined ? inOrder(found, highest) : why
  return typeof sets === 'string' ? { kind: 'broken', highest, ended, why: sets } : { kind: 'sets', sets }
}

/** The sets, or what is wrong with them. */
function inOrder(found: ReadonlyMap<number, Partial<ArcSet>>, highest: number): readonly ArcSet[] | string {
  const sets: ArcSet[] = []
  for (let i = 1; i <= highest; i++) {
    const { results, signature, seal } = found.get(i) ?? {}
    if (results === undefined || signature === undefined || seal === undefined) return `set ${i} is not whole`
    const cv = seal.tags.get('cv')?.toLowerCase()
    if (cv !== (i === 1 ? 'none' : 'pass')) return `the seal of set ${i} says cv=${cv ?? 'nothing'}`
    // §4.1.3
    if (seal.tags.has('h')) return `the seal of set ${i} has h=`
    sets.push({ results, signature, seal })
  }
  return sets
}

/** §4.1.1: results are no list of tags, but for the instance in front. */
function tagsOf(kind: Kind, raw: string): ReadonlyMap<string, string> | undefined {
  if (kind !== 'results') return readTagList(raw)
  const instance = /^[ \t]*i[ \t]*=[ \t]*([0-9]{1,3})[ \t]*;/.exec(raw)?.[1]
  return instance === undefined ? undefined : new Map([['i', instance]])
}

function instanceOf(tags: ReadonlyMap<string, string>): number | undefined {
  const text = tags.get('i') ?? ''
  const instance = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0
  return instance >= 1 && instance <= MOST_SETS ? instance : undefined
}
