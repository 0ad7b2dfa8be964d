/** The highest memory of a server that was seen while something went on: /proc keeps a peak of the resident set, but none of its anonymous part. */
import { readUsage } from './usage.js'

const EVERY_MS = 100

/** Octets of the resident set that belong to no file, of all processes of the group, at their highest. */
export async function peakAnonymous<T>(
  group: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peakBytes: number }> {
  let peakBytes = 0
  const look = (): void => {
    peakBytes = Math.max(peakBytes, readUsage(group)?.anonymousBytes ?? 0)
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  try {
    const value = await work()
    look()
    return { value, peakBytes }
  } finally {
    clearInterval(timer)
  }
}
