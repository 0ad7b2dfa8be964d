/**
 * The message on its way out: by DATA with dots doubled (RFC 5321 §4.5.2), or by BDAT in counted chunks (RFC 3030 §2).
 * The rule it keeps: what the peer says before it has the last octet of what it was promised is never the answer to it.
 */
import { type BodyEncoder, type Chunks, DataEncoder, LineEncoder } from 'posthouse/text'
import type { MailConnection } from './connection.js'

/** Octets put together for one write. */
const WRITE_BYTES = 32_768
/** What is in memory leaves without a look for an early reply in between: of mail that goes out as it comes in, all. */
const AT_ONCE_BYTES = 131_072
/** RFC 3030 §2 asks for a reasonable size: a full disk is told after a chunk only. No more than this is held. */
const CHUNK_BYTES = 524_288

export interface Content {
  /** A binary body: exactly so many octets, which are sent as they are. */
  readonly binary?: number
  chunks(): Chunks
}

/** A part of the message that the peer answers; of DATA there is one. */
export interface Promised {
  /** The command in front. */
  readonly head?: string
  readonly last: boolean
  octets(): Chunks
}

/** After the 354. */
export function afterData(content: Content): Promised {
  return { last: true, octets: () => encoded(content, new DataEncoder()) }
}

function encoded(content: Content, encoder: BodyEncoder): Chunks {
  const chunks = content.chunks()
  return chunks.atHand === undefined ? encodedLater(chunks, encoder) : atHand(encodedNow(chunks.atHand, encoder))
}

async function* encodedLater(chunks: Chunks, encoder: BodyEncoder): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield encoder.push(chunk)
  yield encoder.end()
}

function encodedNow(chunks: readonly Buffer[], encoder: BodyEncoder): readonly Buffer[] {
  const pieces = chunks.map(chunk => encoder.push(chunk))
  pieces.push(encoder.end())
  return pieces
}

function atHand(pieces: readonly Buffer[]): Chunks {
  return {
    atHand: pieces,
    async *[Symbol.asyncIterator]() {
      yield* pieces
    },
  }
}

/** RFC 3030 §2: but for binary bodies, lines that end with CRLF. The next chunk is made when it is asked for. Throws when a binary body is not as long as it should be. */
export async function* chunksOf(content: Content): AsyncGenerator<Promised> {
  let held: Buffer[] = []
  let octets = 0
  let total = 0
  for await (const piece of content.binary === undefined ? encoded(content, new LineEncoder()) : content.chunks()) {
    if (octets > 0 && octets + piece.length > CHUNK_BYTES) {
      yield chunk(held, octets, false)
      held = []
      octets = 0
    }
    held.push(piece)
    octets += piece.length
    total += piece.length
  }
  if (content.binary !== undefined && content.binary !== total)
    throw new Error('the message is not as long as was announced')
  yield chunk(held, octets, true)
}

function chunk(pieces: readonly Buffer[], octets: number, last: boolean): Promised {
  return {
    head: `BDAT ${octets}${last ? ' LAST' : ''}\r\n`,
    last,
    octets: () => atHand(pieces),
  }
}

/**
 * Sends it; small pieces go out together. `sending` is told before the last octets go. False when the peer spoke too early: then the rest is
 * not sent.
 */
export async function send(
  connection: MailConnection,
  { head, octets }: Promised,
  blockMs: number,
  sending: () => void,
): Promise<boolean> {
  const start: readonly Buffer[] = head === undefined ? [] : [Buffer.from(head)]
  const chunks = octets()
  const { atHand: all } = chunks
  // An async generator for each step costs more than encoding a small message.
  if (all !== undefined && sizeOf(all) <= AT_ONCE_BYTES)
    return sendLast(connection, [...start, ...all], blockMs, sending)
  let held = [...start]
  let bytes = 0
  try {
    for await (const piece of chunks) {
      // What is held goes once more follows it: so the last octets are always those that are held at the end.
      if (bytes >= WRITE_BYTES) {
        await connection.write(held, blockMs)
        held = []
        bytes = 0
        // It has made up its mind: no use in sending the rest.
        if (connection.replied) return false
      }
      held.push(piece)
      bytes += piece.length
    }
  } catch (error) {
    if (!connection.replied) throw error
  }
  return sendLast(connection, held, blockMs, sending)
}

async function sendLast(
  connection: MailConnection,
  pieces: readonly Buffer[],
  blockMs: number,
  sending: () => void,
): Promise<boolean> {
  if (connection.replied) return false
  sending()
  try {
    await connection.write(pieces, blockMs)
  } catch (error) {
    // It has answered and closed before our side noticed that all was written.
    if (!connection.replied) throw error
  }
  return true
}

function sizeOf(pieces: readonly Buffer[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  return bytes
}
