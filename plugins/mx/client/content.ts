/**
 * The message on its way out: by DATA with dots doubled (RFC 5321 §4.5.2), or by BDAT in counted chunks (RFC 3030 §2).
 * The rule it keeps: what the peer says before it has the last octet of what it was promised is never the answer to it.
 */
import { type BodyEncoder, DataEncoder, LineEncoder } from 'posthouse/text'
import type { MailConnection } from './connection.js'

/** Octets put together for one write. */
const WRITE_BYTES = 32_768
/** RFC 3030 §2 asks for a reasonable size: a full disk is told after a chunk only. No more than this is held. */
const CHUNK_BYTES = 524_288

export interface Content {
  /** A binary body: exactly so many octets, which are sent as they are. */
  readonly binary?: number
  chunks(): AsyncIterable<Buffer>
}

/** A part of the message that the peer answers; of DATA there is one. */
export interface Promised {
  /** The command in front. */
  readonly head?: string
  readonly last: boolean
  octets(): AsyncIterable<Buffer>
}

/** After the 354. */
export function afterData(content: Content): Promised {
  return { last: true, octets: () => encoded(content, new DataEncoder()) }
}

async function* encoded(content: Content, encoder: BodyEncoder): AsyncGenerator<Buffer> {
  for await (const chunk of content.chunks()) yield encoder.push(chunk)
  yield encoder.end()
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
    async *octets() {
      yield* pieces
    },
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
  let held: Buffer[] = head === undefined ? [] : [Buffer.from(head)]
  let bytes = 0
  try {
    for await (const piece of octets()) {
      // What is held goes once more follows it: so the last octets are always those that are held at the end.
      if (bytes >= WRITE_BYTES) {
        await connection.write(Buffer.concat(held), blockMs)
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
  if (connection.replied) return false
  sending()
  try {
    await connection.write(Buffer.concat(held), blockMs)
  } catch (error) {
    // It has answered and closed before our side noticed that all was written.
    if (!connection.replied) throw error
  }
  return true
}
