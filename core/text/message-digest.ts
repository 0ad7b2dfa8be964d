/**
 * Reads a message once, in pieces, for signing and for checking: its header, and its body's SHA-256 in every canonical form that is asked
 * for. What is held is the header and one piece.
 */
import { createHash } from 'node:crypto'
import { CanonicalBody, type CanonicalForm } from './canonical.js'
import { scanHeader } from './header.js'
import type { HeaderOctets } from './signed-header.js'

export interface MessageDigest extends HeaderOctets {
  /** Base64, as in `bh=`. */
  readonly bodyHashes: ReadonlyMap<CanonicalForm, string>
}

/** A header longer than this is nobody's, and is not signed. */
const MAX_HEADER = 4 * 1024 * 1024
const EMPTY_LINE = Buffer.from('\r\n\r\n')

/** Rejects when the header has no bound. */
export async function digestMessage(
  pieces: AsyncIterable<Buffer>,
  forms: readonly CanonicalForm[],
): Promise<MessageDigest> {
  const bodies = [...new Set(forms)].map(form => {
    const hash = createHash('sha256')
    return { form, hash, body: new CanonicalBody(form, octets => hash.update(octets)) }
  })
  const collected: Buffer[] = []
  let held = 0
  let ended = false
  for await (const piece of pieces) {
    if (ended) {
      for (const { body } of bodies) body.update(piece)
      continue
    }
    collected.push(piece)
    held += piece.length
    const rest = restAfterHeader(collected, piece.length)
    if (rest !== undefined) {
      ended = true
      for (const { body } of bodies) body.update(rest)
    } else if (held > MAX_HEADER) throw new Error(`the header has more than ${MAX_HEADER} octets`)
  }
  for (const { body } of bodies) body.end()
  const octets = collected.length === 1 ? collected[0]! : Buffer.concat(collected)
  const { fields } = scanHeader(octets, Number.MAX_SAFE_INTEGER)
  return { octets, fields, bodyHashes: new Map(bodies.map(({ form, hash }) => [form, hash.digest('base64')])) }
}

/** Once the empty line is there: what follows it. It is taken off what was collected. */
function restAfterHeader(collected: Buffer[], added: number): Buffer | undefined {
  // the empty line may begin in the piece before
  const all = collected.length === 1 ? collected[0]! : Buffer.concat(collected)
  const from = Math.max(0, all.length - added - EMPTY_LINE.length + 1)
  const at = all.subarray(0, 2).equals(EMPTY_LINE.subarray(0, 2)) ? -2 : all.indexOf(EMPTY_LINE, from)
  collected.splice(0, collected.length, all)
  if (at === -1) return undefined
  const end = at + EMPTY_LINE.length
  collected.splice(0, 1, all.subarray(0, end))
  return all.subarray(end)
}
