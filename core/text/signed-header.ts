/**
 * Which header fields a signature covers, and the octets it is made of (RFC 6376 §3.5 `h=`, §3.7, §5.4). Pure; for making and for checking.
 */
import { type CanonicalForm, canonicalField } from './canonical.js'
import type { Field } from './header.js'

/** The header with its fields, as `scanFields` finds them. */
export interface HeaderOctets {
  readonly octets: Buffer
  readonly fields: readonly Field[]
}

/** What people see of a message, and what says how to read it: fields that nobody may add to one that is signed (RFC 6376 §5.4.2, oversigning). */
export const CLOSED_FIELDS = [
  'From',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Reply-To',
  'Message-ID',
  'In-Reply-To',
  'References',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
] as const

/**
 * The names for `h=`: each of `names` as often as it stands there, those of `closed` once more, so that nobody can add one unseen
 * (RFC 6376 §5.4, §8.15).
 */
export function signedNames(
  fields: readonly Pick<Field, 'name'>[],
  names: readonly string[],
  closed: ReadonlySet<string>,
): readonly string[] {
  const counts = new Map<string, number>()
  for (const { name } of fields) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1)
  return names.flatMap(name => {
    const key = name.toLowerCase()
    return Array<string>((counts.get(key) ?? 0) + (closed.has(key) ? 1 : 0)).fill(name)
  })
}

/** The fields named, in canonical form, one after the other. */
export function headerInput({ octets, fields }: HeaderOctets, names: readonly string[], form: CanonicalForm): string {
  const left = new Map<string, Field[]>()
  for (const field of fields) {
    const key = field.name.toLowerCase()
    const list = left.get(key)
    if (list === undefined) left.set(key, [field])
    else list.push(field)
  }
  let input = ''
  for (const name of names) {
    // RFC 6376 §5.4.2: from the bottom up; one that is not there counts as nothing.
    const field = left.get(name.toLowerCase())?.pop()
    if (field !== undefined) input += canonicalField(octets.toString('latin1', field.start, field.end), form)
  }
  return input
}

/** RFC 6376 §3.7: the signature's own field comes last, with `b=` empty and no line end. */
export function signatureInput(field: string, form: CanonicalForm): string {
  return canonicalField(withoutSignature(field), form).replace(/\r\n$/, '')
}

/** The value of `b=` taken out, with the white space around it. */
export function withoutSignature(field: string): string {
  const colon = field.indexOf(':') + 1
  const end = field.endsWith('\r\n') ? field.length - 2 : field.length
  const tags = field.slice(colon, end).split(';')
  const bare = tags.map(tag => (/^[ \t\r\n]*b[ \t\r\n]*=/.test(tag) ? tag.slice(0, tag.indexOf('=') + 1) : tag))
  return field.slice(0, colon) + bare.join(';') + field.slice(end)
}

/** What stands in a line of its own, with a space in front. */
const PIECE = 72

/** Names with colons between, and a space where a line may end: RFC 6376 §3.5 lets white space stand around the colons. */
export function namesInLines(names: readonly string[]): string {
  let list = ''
  let line = 0
  for (const [i, name] of names.entries()) {
    const breaks = line + name.length > PIECE
    list += `${i === 0 ? '' : breaks ? ': ' : ':'}${name}`
    line = (breaks ? 0 : line) + name.length + 1
  }
  return list
}

/** Base64 with a space where a line may end. */
export function base64InPieces(octets: Buffer): string {
  return octets.toString('base64').replace(/.{72}(?!$)/g, '$& ')
}
