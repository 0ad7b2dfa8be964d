/** A record as people publish it: in one line for a form on a web page, and in strings for a zone file. Pure. */

/** RFC 1035 §3.3: a string of a TXT record has at most 255 octets; a record may have several, read as one. */
const MAX_STRING = 255

export function txtStrings(value: string): readonly string[] {
  return value.match(new RegExp(`.{1,${MAX_STRING}}`, 'g')) ?? ['']
}

/** As BIND reads it: `name. IN TXT ( "…" "…" )`. */
export function zoneLine(name: string, value: string): string {
  // RFC 1035 §5.1: quotes and backslashes would end a string; base64 and tags have neither.
  const strings = txtStrings(value).map(part => `"${part}"`)
  return `${name}. IN TXT ( ${strings.join('\n    ')} )`
}
