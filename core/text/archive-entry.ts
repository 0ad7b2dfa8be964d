/** Entries of an archive as they are told: names made fit to be shown, and no more of them than anybody reads. */
import type { ArchiveEntry, ArchiveFacts } from './part-facts.js'
import { printable } from './sanitise.js'

export const MAX_ENTRIES = 200
const MAX_NAME = 200

export function entry(name: string, size: number | undefined, encrypted: boolean): ArchiveEntry {
  const shown = printable(name.replace(/\\/g, '/'), MAX_NAME)
  return { name: shown, encrypted, ...(size !== undefined && Number.isSafeInteger(size) && { size }) }
}

/** `packed` octets of the whole, when the entries say what they come to. */
export function archiveOf(
  entries: readonly ArchiveEntry[],
  more: Partial<ArchiveFacts> = {},
  packed = 0,
): ArchiveFacts {
  const sum = entries.reduce((total, { size }) => total + (size ?? 0), 0)
  return {
    entries: entries.slice(0, MAX_ENTRIES),
    total: entries.length,
    encrypted: entries.some(one => one.encrypted),
    closed: false,
    ...(packed > 0 && sum > 0 && { ratio: Math.round(sum / packed) }),
    ...more,
  }
}
