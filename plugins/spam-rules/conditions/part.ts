/**
 * `file` and `part`: what a message is made of, by what each part says of itself and what it is by its content. All that a condition says must be true
 * of one and the same part. `file` looks at files and pictures, `part` at every part. Nothing is opened: of archives the directory is read.
 */
import type { ArchiveFacts, ContentKind, PartFacts, PartOddity } from 'posthouse/api'
import { formatSize, parseSize } from 'posthouse/text'
import type { Facts } from '../facts.js'
import type { Kind, Outcome, Reader } from './kind.js'
import { type Pattern, readPattern, runGuarded } from './matches.js'
import { PART_KEYS } from './part-keys.js'

interface RawPart {
  readonly role?: readonly PartFacts['role'][]
  readonly kind?: readonly ContentKind[]
  readonly type?: readonly string[]
  readonly ending?: readonly string[]
  readonly name?: string
  readonly odd?: readonly PartOddity[]
  readonly encoding?: readonly string[]
  readonly charset?: readonly string[]
  readonly macros?: boolean
  readonly over?: string
  readonly under?: string
  readonly archive?: RawArchive
}

interface RawArchive {
  readonly holds?: readonly string[]
  readonly encrypted?: boolean
  readonly closed?: boolean
  readonly entries_over?: number
  readonly ratio_over?: number
}

type Name = 'file' | 'part'
type RawOf = { readonly [N in Name]?: RawPart }

interface Part {
  /** Each must be true. */
  readonly tests: readonly ((part: PartFacts) => boolean)[]
  readonly name?: Pattern
}

const FILES: ReadonlySet<PartFacts['role']> = new Set(['file', 'inline'])
const MAX_PARTS = 300
const MAX_NAME = 300

export const file = kindOf('file', 'what is true of one of its files', ({ role }) => FILES.has(role))
export const part = kindOf('part', 'what is true of one of its parts', () => true)

function kindOf(name: Name, description: string, among: (part: PartFacts) => boolean): Kind<Part, RawOf> {
  // Most mails have no files, and many rules ask for some.
  const findParts = ({ seen }: Facts) => seen.parts.slice(0, MAX_PARTS).filter(among)
  const partsOf = (facts: Facts) => facts.once(findParts)
  return {
    name,
    key: { type: 'object', additionalProperties: false, properties: PART_KEYS, description },
    companions: {},
    read: (raw, reader) => readPart(name, raw[name]!, reader),
    prepare: all => ({
      mayHold: facts => (partsOf(facts).length === 0 ? [] : all),
      bind: own => facts => firstOf(partsOf(facts), own, facts),
      ...runGuarded(
        all,
        own => own.name,
        (_, facts) => partsOf(facts).map(nameOf),
      ),
    }),
  }
}

function firstOf(parts: readonly PartFacts[], own: Part, facts: Facts): Outcome {
  let unknown: Outcome
  for (const one of parts) {
    const outcome = outcomeOf(own, one, facts)
    if (outcome?.kind === 'found') return outcome
    unknown ??= outcome
  }
  return unknown
}

function outcomeOf({ tests, name }: Part, one: PartFacts, facts: Facts): Outcome {
  if (!tests.every(test => test(one))) return undefined
  const named = name?.exec(facts, nameOf(one))
  if (name !== undefined && named?.kind !== 'found') return named
  const inside = one.archive?.entries.map(entry => entry.name) ?? []
  const evidence = inside.length === 0 ? {} : { evidence: [`in it: ${inside.slice(0, 10).join(', ')}`] }
  const shown = one.name === '' ? `${one.type} (${one.kind}, ${formatSize(one.size)})` : `${one.name} (${one.kind})`
  return { kind: 'found', text: shown, ...evidence }
}

function nameOf({ name }: PartFacts): string {
  return name.slice(0, MAX_NAME)
}

function readPart(key: Name, raw: RawPart, reader: Reader): Part | undefined {
  if (Object.keys(raw).length === 0)
    return reader.wrong([key], `expected what is true of the ${key}: ${Object.keys(PART_KEYS).join(', ')}`)
  const name = raw.name === undefined ? undefined : readPattern(raw.name, 'field', reader, [key, 'name'])
  if (raw.name !== undefined && name === undefined) return undefined
  return { tests: testsOf(raw), ...(name !== undefined && { name }) }
}

function testsOf(raw: RawPart): Part['tests'] {
  const tests: ((part: PartFacts) => boolean)[] = []
  const { role, kind, type, ending, odd, encoding, charset, macros, over, under, archive } = raw
  if (role !== undefined) tests.push(one => role.includes(one.role))
  if (kind !== undefined) tests.push(one => kind.includes(one.kind))
  if (type !== undefined) tests.push(one => type.some(wanted => isOfType(one.type, wanted.toLowerCase())))
  if (ending !== undefined) tests.push(endsWith(ending, one => one.name))
  if (odd !== undefined) tests.push(one => odd.some(oddity => one.odd.includes(oddity)))
  if (encoding !== undefined) tests.push(one => encoding.some(wanted => wanted.toLowerCase() === one.encoding))
  if (charset !== undefined) tests.push(one => charset.some(wanted => wanted.toLowerCase() === one.charset))
  if (macros !== undefined) tests.push(one => one.macros === macros)
  if (over !== undefined) tests.push(one => one.size > parseSize(over)!)
  if (under !== undefined) tests.push(one => one.size < parseSize(under)!)
  if (archive !== undefined) tests.push(one => one.archive !== undefined && isSuch(one.archive, archive))
  return tests
}

/** `image/*` is any image. */
function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith('/*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted
}

function endsWith<T>(endings: readonly string[], nameOf: (of: T) => string): (of: T) => boolean {
  const wanted = new Set(endings.map(ending => ending.toLowerCase().replace(/^\./, '')))
  return of => {
    const name = nameOf(of)
    const dot = name.lastIndexOf('.')
    return (
      dot >= 0 &&
      wanted.has(
        name
          .slice(dot + 1)
          .trim()
          .toLowerCase(),
      )
    )
  }
}

function isSuch(facts: ArchiveFacts, { holds, encrypted, closed, entries_over, ratio_over }: RawArchive): boolean {
  return (
    (holds === undefined || facts.entries.some(endsWith(holds, ({ name }) => name))) &&
    (encrypted === undefined || facts.encrypted === encrypted) &&
    (closed === undefined || facts.closed === closed) &&
    (entries_over === undefined || facts.total > entries_over) &&
    (ratio_over === undefined || (facts.ratio ?? 0) > ratio_over)
  )
}
