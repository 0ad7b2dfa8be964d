/**
 * A mail as other places would have it: with nothing in its header but who writes, what about, and how the body is made. A model that sees each mail in
 * both dresses leans less on fields that only the programs of one collection write.
 */

const KEPT = /^(?:from|reply-to|subject|mime-version|content-[a-z-]+)[ \t]*:/i

export function plainHeader(octets: Buffer): Buffer {
  const text = octets.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const head = end === null ? text : text.slice(0, end.index)
  const fields = head.split(/\r?\n(?![ \t])/).filter(field => KEPT.test(field))
  const body = end === null ? '' : text.slice(end.index + end[0].length)
  return Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}
