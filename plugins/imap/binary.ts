/**
 * Messages with NUL octets (RFC 3516 §4.4, §6), made such that every command of the base protocol can tell them.
 */
import { type MimePart, scanMime, transferEncoder } from 'posthouse/text'
import { IDENTITIES } from './decoding.js'

/**
 * The message with those parts in base64 that hold NUL, and not one octet else changed; `undefined` where NUL stands in a header, between parts or
 * in what is encoded already.
 */
export function withoutNul(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = []
  let at = 0
  for (const part of leavesOf(scanMime(bytes).root)) {
    const body = bytes.subarray(part.start, part.end)
    if (!body.includes(0) || !IDENTITIES.has(part.encoding)) continue
    pieces.push(bytes.subarray(at, part.headerStart), headerInBase64(part, bytes), inBase64(body))
    at = part.end
  }
  const message = Buffer.concat([...pieces, bytes.subarray(at)])
  return message.includes(0) ? undefined : message
}

/** Parts with octets of their own, in the order they stand. */
function leavesOf(root: MimePart): MimePart[] {
  const leaves: MimePart[] = []
  const todo: MimePart[] = [root]
  for (let part = todo.pop(); part; part = todo.pop()) {
    if (part.message) todo.push(part.message)
    else if (part.children.length > 0) todo.push(...part.children.toReversed())
    else leaves.push(part)
  }
  return leaves
}

/** The header with the field it has, or a new one, saying base64. */
function headerInBase64(part: MimePart, bytes: Buffer): Buffer {
  const line = Buffer.from('Content-Transfer-Encoding: base64\r\n')
  const field = part.header.find(({ name }) => name.toLowerCase() === 'content-transfer-encoding')
  const [from, to] = field ? [field.start, field.end] : [part.headerStart, part.headerStart]
  return Buffer.concat([bytes.subarray(part.headerStart, from), line, bytes.subarray(to, part.start)])
}

function inBase64(body: Buffer): Buffer {
  const encoder = transferEncoder('base64')
  return Buffer.concat([encoder.push(body), encoder.end(), Buffer.from('\r\n')])
}
