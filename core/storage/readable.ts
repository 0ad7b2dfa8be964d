/**
 * What a reader would see of a message, with the place for the work chosen: small mail at once, large mail and mail of many parts on a thread of its own, and
 * when that does not come to an end, the beginning at least. Never throws for what a message holds.
 */
import { type Reading, readMessage } from '../text/index.js'
import { NotRead, ReadingThread } from './reading-thread.js'

export interface Octets {
  readonly size: number
  /** Octets [from, to) of the message. */
  read(from: number, to: number): Promise<Buffer>
}

/** Usual mail of this size takes the main thread some milliseconds. */
const AT_ONCE_BYTES = 128 * 1024
/** Lines that may begin a part. A part costs as much as some kilobytes of text, and a thousand of them have room in so small a mail. */
const AT_ONCE_PARTS = 200
const DASHES = Buffer.from('\n--')
/** Of larger messages the beginning is read. */
const MOST_BYTES = 32 * 1024 * 1024
const PIECE_BYTES = 1024 * 1024
/** Of what could not be read in time. */
const SOME_BYTES = 64 * 1024

const thread = new ReadingThread()

/** `read` is what reads on this thread. */
export async function readableText(message: Octets, on = thread, read = readMessage): Promise<Reading> {
  if (message.size > AT_ONCE_BYTES) return readElsewhere(message, on)
  const bytes = await message.read(0, message.size)
  if (mayHaveManyParts(bytes)) return readElsewhere(message, on)
  try {
    return read(bytes)
  } catch {
    // A fault of ours; the thread has a second reader for it.
    return readElsewhere(message, on)
  }
}

/** Told by the octets, before anything is read. */
function mayHaveManyParts(bytes: Buffer): boolean {
  let lines = 0
  for (let at = bytes.indexOf(DASHES); at >= 0; at = bytes.indexOf(DASHES, at + DASHES.length))
    if (++lines > AT_ONCE_PARTS) return true
  return false
}

async function readElsewhere(message: Octets, on: ReadingThread): Promise<Reading> {
  const { size } = message
  const most = Math.min(size, MOST_BYTES)
  try {
    const reading = await on.read(() => inOnePiece(message, most))
    return most === size ? reading : complaining(reading, `only the first ${most} octets were looked at`)
  } catch (error) {
    if (!(error instanceof NotRead)) throw error
    return complaining(await readSome(message), `${error.message}: only the first ${SOME_BYTES} octets were looked at`)
  }
}

/** Nothing of it, when it is these octets that our reader fails on. */
async function readSome(message: Octets): Promise<Reading> {
  const bytes = await message.read(0, SOME_BYTES)
  try {
    return readMessage(bytes)
  } catch (error) {
    const nothing = readMessage(Buffer.alloc(0))
    return complaining(nothing, `our reader failed: ${error instanceof Error ? error.message : 'unknown trouble'}`)
  }
}

function complaining(reading: Reading, complaint: string): Reading {
  return { ...reading, broken: [complaint, ...reading.broken] }
}

/** Piece by piece, so that copying never holds up others for long; in memory of its own, which can be handed over. */
async function inOnePiece(message: Octets, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const octets = new Uint8Array(new ArrayBuffer(size))
  for (let at = 0; at < size; at += PIECE_BYTES)
    octets.set(await message.read(at, Math.min(size, at + PIECE_BYTES)), at)
  return octets
}
