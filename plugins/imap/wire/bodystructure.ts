/**
 * BODY and BODYSTRUCTURE (RFC 3501 §7.4.2, §9 body). Parameters are told as they were written, RFC 2231 pieces and all: clients do that
 * decoding, and a value decoded here could not be told in 7 bits. What the grammar cannot say (a multipart without
 * parts, an encoded message inside) is told as the nearest thing it can say.
 */
import { type MimePart, parseParameters } from 'posthouse/text'
import { writeEnvelope } from './envelope.js'
import { writeNString, writeString } from './write.js'

/** `global`: what is in a MESSAGE/GLOBAL is told, too. RFC 3501 §9 knows only RFC822, and RFC 9051 §9 wants both. */
export function writeStructure(part: MimePart, extended: boolean, global = false): string {
  if (part.type === 'multipart') return writeMultipart(part, extended, global)
  const basic = `${writeType(part, global)} ${writeFields(part)}`
  const rest = extended ? ` ${writeNString(part.md5)} ${writeDisposition(part)}` : ''
  if (part.message && (global || part.subtype === 'rfc822')) {
    const inside = `${writeEnvelope(part.message.header)} ${writeStructure(part.message, extended, global)} ${part.lines}`
    return `(${basic} ${inside}${rest})`
  }
  return part.type === 'text' ? `(${basic} ${part.lines}${rest})` : `(${basic}${rest})`
}

/** Whether a structure written without `global` would be another with it; true, too, of one that has these words in a name. */
export function mayHoldGlobal(structure: string): boolean {
  return structure.includes('"MESSAGE" "GLOBAL"')
}

function writeMultipart(part: MimePart, extended: boolean, global: boolean): string {
  // RFC 3501 §9: body-type-mpart has at least one body. BODY[1] of such a part is empty.
  const children = part.children.map(child => writeStructure(child, extended, global)).join('') || emptyPart(extended)
  const subtype = writeString(part.subtype.toUpperCase())
  if (!extended) return `(${children} ${subtype})`
  return `(${children} ${subtype} ${writeParameters(fieldOf(part, 'content-type'))} ${writeDisposition(part)})`
}

function emptyPart(extended: boolean): string {
  return `("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 0 0${extended ? ' NIL NIL NIL NIL' : ''})`
}

/** media type, subtype and parameters; a MESSAGE/RFC822 (or GLOBAL) that could not be opened may not be named so. */
function writeType(part: MimePart, global: boolean): string {
  const opens = part.subtype === 'rfc822' || (global && part.subtype === 'global')
  const closed = part.type === 'message' && opens && !part.message
  const [type, subtype] = closed ? ['APPLICATION', 'OCTET-STREAM'] : [part.type, part.subtype]
  return `${writeString(type.toUpperCase())} ${writeString(subtype.toUpperCase())} ${typeParameters(part)}`
}

/** What was written, unless the type was not believable and another stands for it (RFC 2045 §5.2). */
function typeParameters(part: MimePart): string {
  const written = fieldOf(part, 'content-type')
  const believed = written !== undefined && `${part.type}/${part.subtype}` === typeOf(written)
  if (believed) return writeParameters(written)
  return writePairs([...part.params].map(([name, value]) => [name, value] as const))
}

function typeOf(field: string): string {
  return parseParameters(field).value.replace(/\s+/g, '').toLowerCase()
}

/** id, description, encoding, octets */
function writeFields(part: MimePart): string {
  const encoding = writeString(part.encoding.toUpperCase())
  return `${writeNString(part.id)} ${writeNString(part.description)} ${encoding} ${part.end - part.start}`
}

/** disposition, language, location */
function writeDisposition(part: MimePart): string {
  const field = fieldOf(part, 'content-disposition')
  const disposition =
    field !== undefined && part.disposition?.value
      ? `(${writeString(part.disposition.value.toUpperCase())} ${writeParameters(field)})`
      : 'NIL'
  return `${disposition} ${writeLanguage(part.language)} ${writeNString(part.location)}`
}

function writeLanguage(language: readonly string[] | undefined): string {
  if (!language || language.length === 0) return 'NIL'
  return language.length === 1 ? writeString(language[0]!) : `(${language.map(writeString).join(' ')})`
}

function fieldOf(part: MimePart, name: string): string | undefined {
  return part.header.find(field => field.name.toLowerCase() === name)?.raw
}

function writeParameters(field: string | undefined): string {
  return field === undefined ? 'NIL' : writePairs(parseParameters(field).written)
}

function writePairs(pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return 'NIL'
  return `(${pairs.map(([name, value]) => `${writeString(name.toUpperCase())} ${writeString(value)}`).join(' ')})`
}
