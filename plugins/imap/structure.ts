/**
 * The structure of a message, made small: where its parts lie, and the two texts FETCH answers with. Made once from the whole message,
 * then kept without its octets, so that a client that looks at the parts of a mail one by one has it read and scanned once.
 */
import { type MimePart, scanMime } from 'posthouse/text'
import { writeStructure } from './wire/bodystructure.js'

/** Offsets in octets of the message. */
export interface Span {
  readonly headerStart: number
  readonly bodyStart: number
  readonly end: number
  readonly multipart: boolean
  readonly children: readonly Span[]
  /** The message inside. */
  readonly message?: Span
}

export interface Structure {
  readonly root: Span
  /** Answer to BODY. */
  readonly body: string
  /** Answer to BODYSTRUCTURE. */
  readonly extended: string
  /** Roughly what keeping it costs. */
  readonly weight: number
}

export function structureOf(bytes: Buffer): Structure {
  return structureFrom(scanMime(bytes).root)
}

export function structureFrom(root: MimePart): Structure {
  const body = writeStructure(root, false)
  const extended = writeStructure(root, true)
  const counter = { spans: 0 }
  const span = spanOf(root, counter)
  return { root: span, body, extended, weight: body.length + extended.length + counter.spans * 100 }
}

function spanOf(part: MimePart, counter: { spans: number }): Span {
  counter.spans += 1
  return {
    headerStart: part.headerStart,
    bodyStart: part.start,
    end: part.end,
    multipart: part.type === 'multipart',
    children: part.children.map(child => spanOf(child, counter)),
    ...(part.message && { message: spanOf(part.message, counter) }),
  }
}

/** RFC 3501 §6.4.5: part numbers. A message that is no multipart has one part, itself; numbers go on inside message/rfc822. */
export function findPart(root: Span, path: readonly number[]): Span | undefined {
  let part: Span | undefined
  let inside = root
  for (const number of path) {
    if (part) {
      const next = part.multipart ? part : part.message
      if (!next) return undefined
      inside = next
    }
    part = childOf(inside, number)
    if (!part) return undefined
  }
  return part
}

function childOf(inside: Span, number: number): Span | undefined {
  if (!inside.multipart) return number === 1 ? inside : undefined
  if (inside.children.length > 0) return inside.children[number - 1]
  // The empty part BODYSTRUCTURE tells of (see wire/bodystructure.ts).
  const { end } = inside
  return number === 1 ? { headerStart: end, bodyStart: end, end, multipart: false, children: [] } : undefined
}

/** Structures of one selected mailbox, the latest used ones. */
export class StructureCache {
  private readonly kept = new Map<number, Structure>()
  private weight = 0
  private readonly most: number

  constructor(most = 1024 * 1024) {
    this.most = most
  }

  get(uid: number): Structure | undefined {
    const found = this.kept.get(uid)
    if (found) {
      this.kept.delete(uid)
      this.kept.set(uid, found)
    }
    return found
  }

  put(uid: number, structure: Structure): void {
    if (structure.weight > this.most / 4) return
    this.drop(uid)
    this.kept.set(uid, structure)
    this.weight += structure.weight
    for (const oldest of this.kept.keys()) {
      if (this.weight <= this.most) return
      this.drop(oldest)
    }
  }

  private drop(uid: number): void {
    this.weight -= this.kept.get(uid)?.weight ?? 0
    this.kept.delete(uid)
  }
}
