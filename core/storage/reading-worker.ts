/**
 * The thread in which large messages are read, and those that our reader failed on. It gets octets and gives back what a reader would see;
 * nothing else is shared. It is loaded with the few files it needs instead of the door, so that it is there in some hundredths of a second.
 */
import { parentPort } from 'node:worker_threads'
import { type Reading, readMessage } from '../text/reading.js'
import type { ReadingAnswer, ReadingOrder } from './reading-thread.js'

/** Nobody waits for this thread, so it may go further than the main one does. */
const LIMITS = { parts: 20_000 }

const port = parentPort!
port.on('message', async ({ id, octets }: ReadingOrder) => {
  const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  const answer: ReadingAnswer = { id, reading: await read(bytes) }
  port.postMessage(answer)
})

async function read(bytes: Buffer): Promise<Reading> {
  try {
    return readMessage(bytes, LIMITS)
  } catch (error) {
    const { readAgain } = await import('./second-reader.js')
    return readAgain(bytes, error)
  }
}
