/**
 * Reads a message once, in pieces, for signing and for checking: its header, and its body's SHA-256 in every canonical form that is asked
 * for. What is held is the header and one piece.
 */

import { createHash } from 'node:crypto'
import { Beside } from './beside.js'
import { CanonicalBody, type CanonicalForm } from './canonical.js'
import { scanHeader } from './header.js'
import type { HeaderOctets } from './signed-header.js'

export interface MessageDigest extends HeaderOctets {
  /** Base64, as in `bh=`. */
  readonly bodyHashes: ReadonlyMap<CanonicalForm, string>
}

/** Which forms of the body are wanted, once the header is known; `undefined`: none, the body need not be read. */
export type WantedForms = (header: HeaderOctets) => readonly CanonicalForm[] | undefined

/** A header longer than this is nobody's, and is not signed. */
const MAX_HEADER = 4 * 1024 * 1024
const EMPTY_LINE = Buffer.from('\r\n\r\n')

/** There is no end to the header. */
export class EndlessHeader extends Error {}

/** Rejects with `EndlessHeader` when the header has no bound. */
export async function digestMessage(pieces: AsyncIterable<Buffer>, wanted: WantedForms): Promise<MessageDigest> {
  let head: Buffer = Buffer.alloc(0)
  let header: HeaderOctets | undefined
  let bodies = new Bodies([])
  for await (const piece of pieces) {
    if (header !== undefined) {
      bodies.update(piece)
      continue
    }
    const before = head.length
    head = before === 0 ? piece : Buffer.concat([head, piece])
    const end = headerEnd(head, before)
    if (end === undefined && head.length > MAX_HEADER)
      throw new EndlessHeader(`the header has more than ${MAX_HEADER} octets`)
    if (end === undefined) continue
    header = headerOf(head.subarray(0, end))
    const forms = wanted(header)
    if (forms === undefined) return { ...header, bodyHashes: new Map() }
    bodies = new Bodies(forms)
    bodies.update(head.subarray(end))
  }
  if (header === undefined) {
    // a message may be a header alone
    header = headerOf(head)
    bodies = new Bodies(wanted(header) ?? [])
  }
  return { ...header, bodyHashes: bodies.end() }
}

/** A message that is whole and stays as it is. */
export interface WholeMessage {
  readonly size: number
  read(from: number, to: number): Buffer | Promise<Buffer>
}

interface Digests {
  readonly header: Promise<HeaderOctets>
  readonly bodies: Map<CanonicalForm, Promise<string>>
}

const PIECE = 64 * 1024
const digests = new Beside<WholeMessage, Digests>()

/** The same for a message at hand: whoever asks first reads it, each form once, and all others hear of it. */
export async function digestOf(message: WholeMessage, wanted: WantedForms): Promise<MessageDigest> {
  const known = digests.get(message) ?? { header: headerIn(message), bodies: new Map<CanonicalForm, Promise<string>>() }
  digests.set(message, known)
  const header = await known.header
  const forms = [...new Set(wanted(header) ?? [])]
  for (const form of forms)
    if (!known.bodies.has(form)) known.bodies.set(form, bodyHash(message, header.octets.length, form))
  const hashes = await Promise.all(forms.map(async form => [form, await known.bodies.get(form)!] as const))
  return { ...header, bodyHashes: new Map(hashes) }
}

async function headerIn(message: WholeMessage): Promise<HeaderOctets> {
  const { octets, fields } = await digestMessage(piecesFrom(message, 0), () => undefined)
  return { octets, fields }
}

async function bodyHash(message: WholeMessage, from: number, form: CanonicalForm): Promise<string> {
  const bodies = new Bodies([form])
  for await (const piece of piecesFrom(message, from)) bodies.update(piece)
  return bodies.end().get(form)!
}

async function* piecesFrom(message: WholeMessage, from: number): AsyncGenerator<Buffer> {
  for (let at = from; at < message.size; at += PIECE) yield await message.read(at, Math.min(message.size, at + PIECE))
}

function headerOf(octets: Buffer): HeaderOctets {
  return { octets, fields: scanHeader(octets, Number.MAX_SAFE_INTEGER).fields }
}

/** Offset behind the empty line; it may have begun in the piece before. */
function headerEnd(head: Buffer, before: number): number | undefined {
  if (head[0] === EMPTY_LINE[0] && head[1] === EMPTY_LINE[1]) return 2
  const at = head.indexOf(EMPTY_LINE, Math.max(0, before - EMPTY_LINE.length + 1))
  return at < 0 ? undefined : at + EMPTY_LINE.length
}

/** One body in several forms. */
class Bodies {
  readonly #all

  constructor(forms: readonly CanonicalForm[]) {
    this.#all = [...new Set(forms)].map(form => {
      const hash = createHash('sha256')
      return { form, hash, body: new CanonicalBody(form, octets => hash.update(octets)) }
    })
  }

  update(piece: Buffer): void {
    for (const { body } of this.#all) body.update(piece)
  }

  end(): ReadonlyMap<CanonicalForm, string> {
    return new Map(
      this.#all.map(({ form, hash, body }) => {
        body.end()
        return [form, hash.digest('base64')]
      }),
    )
  }
}
