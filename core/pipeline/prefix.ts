/**
 * The header fields that stand in front of the stored bytes, and those of the sender's that are cut out of every view of them.
 * The bytes themselves are never rewritten.
 */
import type { Cut, HeaderField, NewField, Recipient, Removal, Session } from '../api/index.js'
import { encodeWords, foldField, toAsciiDomain } from '../text/index.js'

/** RFC 5322 §3.6.8: printable US-ASCII without the colon. */
const FIELD_NAME = /^[!-9;-~]{1,70}$/

/** A copy of the message, by whom it is for and whether it stays with us. */
export interface Copy {
  readonly recipient: Recipient
  readonly local: boolean
}

/**
 * Fields of hooks first, our Received below them, as RFC 8601 §4 wants results above the trace they speak of. Some fields are for some copies
 * only; copies that have the same fields have the same text.
 * `utf8`: the message came with SMTPUTF8; in any other a field of ours is ASCII.
 */
export function prefixFor(
  received: string,
  fields: readonly (NewField | Removal)[],
  utf8: boolean,
): (copy: Copy) => string {
  const written = fields
    .filter(isField)
    .map(field => ({ field, text: foldField(field.name, utf8 ? field.value : encodeWords(field.value)) }))
  const among = (copy?: Copy) =>
    written.reduce((text, one) => (copy === undefined || isIn(one.field, copy) ? text + one.text : text), '') + received
  if (written.every(({ field }) => field.within === undefined && field.for === undefined)) {
    const whole = among()
    return () => whole
  }
  return among
}

function isIn(field: NewField, { recipient, local }: Copy): boolean {
  if (field.within === 'local' && !local) return false
  return field.for === undefined || (Array.isArray(field.for) && field.for.includes(recipient))
}

/** Names, in lower case, of the fields that hooks want nobody to see. */
export function removedNames(fields: readonly (NewField | Removal)[]): ReadonlySet<string> {
  return new Set(fields.filter(isRemoval).map(({ name }) => name.toLowerCase()))
}

/** Hooks may be plain JavaScript. */
function isRemoval(field: unknown): field is Removal {
  const { kind, name } = (field ?? {}) as { readonly kind?: unknown; readonly name?: unknown }
  return kind === 'remove' && typeof name === 'string'
}

function isField(field: unknown): field is NewField {
  const { name, value } = (field ?? {}) as { readonly name?: unknown; readonly value?: unknown }
  return typeof name === 'string' && typeof value === 'string' && FIELD_NAME.test(name)
}

/**
 * What core itself knows of a message's origin: that its sender had logged in (RFC 8601 §2.7.4). Who that was is left out, as the
 * recipient may be anybody. Nothing is said of mail from elsewhere: what else can be verified is for plugins to add.
 */
export function authenticationResults(session: Session, ourName: string): readonly NewField[] {
  return session.account === undefined ? [] : [{ name: 'Authentication-Results', value: `${ourName}; auth=pass` }]
}

/** Longer names are nobody's. */
const MAX_ID = 1024

/**
 * Other filters' verdicts, fields in our own name, Authentication-Results that claim to be ours (RFC 8601 §5), and what hooks want removed (names in lower case).
 */
export function cutFields(
  header: readonly HeaderField[],
  ourName: string,
  removed: ReadonlySet<string> = new Set(),
): readonly Cut[] {
  const cuts: Cut[] = []
  for (const field of header) {
    const name = field.name.toLowerCase()
    const forged =
      removed.has(name) || isVerdict(name) || (name === 'authentication-results' && speaksAs(field.raw, ourName))
    if (!forged) continue
    const last = cuts.at(-1)
    if (last !== undefined && last[1] === field.start) cuts[cuts.length - 1] = [last[0], field.end]
    else cuts.push([field.start, field.end])
  }
  return cuts
}

/** What filters are used to writing, and whatever is written under our own name. */
function isVerdict(name: string): boolean {
  return name.startsWith('x-spam-') || name === 'x-spam' || name.startsWith('x-posthouse-')
}

/** RFC 8601 §2.2: `[CFWS] authserv-id`, where CFWS is white space and comments, which nest, and the id may be quoted. */
function speaksAs(raw: string, ourName: string): boolean {
  const at = afterComments(raw)
  const written = /^(?:"((?:[^"\\]|\\.)*)"|([^\s;"(]+))/.exec(raw.slice(at, at + MAX_ID))
  const id = written?.[1]?.replace(/\\(.)/g, '$1') ?? written?.[2]
  return id !== undefined && sameName(id, ourName)
}

function afterComments(raw: string): number {
  let depth = 0
  for (let at = 0; at < raw.length; at++) {
    const char = raw[at]!
    if (char === '\\' && depth > 0) at++
    else if (char === '(') depth++
    else if (char === ')' && depth > 0) depth--
    else if (depth === 0 && char !== ' ' && char !== '\t') return at
  }
  return raw.length
}

function sameName(one: string, other: string): boolean {
  const [a, b] = [one, other].map(name => name.trim().replace(/\.$/, '').toLowerCase())
  return a === b || (toAsciiDomain(a!) ?? a) === (toAsciiDomain(b!) ?? b)
}
