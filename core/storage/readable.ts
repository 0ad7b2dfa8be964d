/**
 * What a reader would see of a message, with time and place for the work chosen: small mail at once, large mail elsewhere.
 * Never throws for what a message holds.
 */
import { type Reading, readMessage } from '../text/index.js'

export async function readableText(bytes: Buffer, broken: readonly string[]): Promise<Reading> {
  const reading = readMessage(bytes)
  return { ...reading, broken: [...new Set([...broken, ...reading.broken])] }
}
