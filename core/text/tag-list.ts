/**
 * Lists of `tag=value;` as DKIM has them in signatures and key records (RFC 6376 §3.2). Bounded; what breaks the grammar is no list.
 */
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/
const MAX_LENGTH = 64 * 1024
const MAX_TAGS = 100

/** Names as written (case counts), values without the white space around them; `undefined`: not such a list. */
export function readTagList(text: string): ReadonlyMap<string, string> | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const tags = new Map<string, string>()
  const parts = text.split(';', MAX_TAGS + 1)
  if (parts.length > MAX_TAGS) return undefined
  for (const [i, part] of parts.entries()) {
    // the last one may end in a semicolon
    if (i === parts.length - 1 && /^[ \t\r\n]*$/.test(part)) break
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(0, equals)).trim()
    // RFC 6376 §3.2: a tag that stands there twice makes the whole list invalid.
    if (!NAME.test(name) || tags.has(name)) return undefined
    tags.set(name, part.slice(equals + 1).trim())
  }
  return tags
}

/** A value that may be folded anywhere: base64, lists. */
export function withoutSpace(value: string): string {
  return value.replace(/[ \t\r\n]+/g, '')
}
