/** A listener whose sessions take as long to be loaded as a test wants. */
import type { Listener } from 'posthouse/api'

export function loadedAfter(before: Promise<unknown> | undefined, listener: Listener): Listener {
  if (before === undefined) return listener
  return { ...listener, loaded: async () => void (await Promise.all([before, listener.loaded?.()])) }
}
