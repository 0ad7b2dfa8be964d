/** The files of a RAR archive, of version 4 and 5, one header behind the other, as far as the octets at hand go. */
import { archiveOf, entry, MAX_ENTRIES } from './archive-entry.js'
import { decodeUnknown } from './charset.js'
import type { ArchiveEntry, ArchiveFacts } from './part-facts.js'

const OLD_MARK = 7
const NEW_MARK = 8
const OLD_FILE = 0x74
const OLD_ARCHIVE = 0x73
const NEW_FILE = 2
const NEW_ENCRYPTION = 4
const NEW_END = 5

export function readRar(octets: Buffer): ArchiveFacts {
  return octets[6] === 1 ? readNew(octets) : readOld(octets)
}

function readOld(octets: Buffer): ArchiveFacts {
  const entries: ArchiveEntry[] = []
  for (let at = OLD_MARK; at + 7 <= octets.length && entries.length < MAX_ENTRIES; ) {
    const [type, flags, size] = [octets[at + 2]!, octets.readUInt16LE(at + 3), octets.readUInt16LE(at + 5)]
    // Headers that are encrypted themselves.
    if (type === OLD_ARCHIVE && (flags & 0x80) !== 0) return archiveOf([], { encrypted: true, closed: true })
    const isFile = type === OLD_FILE && at + 32 <= octets.length
    if (isFile) entries.push(oldEntry(octets, at, flags))
    const data = isFile || (flags & 0x8000) !== 0 ? octets.readUInt32LE(at + 7) : 0
    if (size < 7) break
    at += size + data
  }
  return archiveOf(entries, { closed: entries.length === 0 })
}

function oldEntry(octets: Buffer, at: number, flags: number): ArchiveEntry {
  const length = octets.readUInt16LE(at + 26)
  const start = at + ((flags & 0x100) !== 0 ? 40 : 32)
  const written = octets.subarray(start, start + length)
  // A name in two forms: the plain one ends at the first zero.
  const zero = written.indexOf(0)
  const name = decodeUnknown(zero < 0 ? written : written.subarray(0, zero))
  return entry(name, octets.readUInt32LE(at + 11), (flags & 4) !== 0)
}

/** Numbers of seven bits an octet; `at` goes on behind each. */
class Numbers {
  at: number
  readonly #octets: Buffer

  constructor(octets: Buffer, at: number) {
    this.#octets = octets
    this.at = at
  }

  next(): number {
    let value = 0
    for (let place = 1; place < 2 ** 49; place *= 128) {
      const octet = this.#octets[this.at++]
      if (octet === undefined) throw new RangeError('the header ends too soon')
      value += (octet & 127) * place
      if (octet < 128) return value
    }
    throw new RangeError('no number is that long')
  }
}

function readNew(octets: Buffer): ArchiveFacts {
  const entries: ArchiveEntry[] = []
  for (let at = NEW_MARK; at + 7 <= octets.length && entries.length < MAX_ENTRIES; ) {
    const numbers = new Numbers(octets, at + 4)
    const size = numbers.next()
    const start = numbers.at
    const [type, flags] = [numbers.next(), numbers.next()]
    if (type === NEW_ENCRYPTION) return archiveOf([], { encrypted: true, closed: true })
    if (type === NEW_END || size === 0) break
    const extra = (flags & 1) !== 0 ? numbers.next() : 0
    const data = (flags & 2) !== 0 ? numbers.next() : 0
    const end = start + size
    if (type === NEW_FILE && end <= octets.length) entries.push(newEntry(octets, numbers, end - extra, end))
    at = end + data
  }
  return archiveOf(entries, { closed: entries.length === 0 })
}

function newEntry(octets: Buffer, numbers: Numbers, extra: number, end: number): ArchiveEntry {
  const flags = numbers.next()
  const size = numbers.next()
  numbers.next()
  numbers.at += ((flags & 2) !== 0 ? 4 : 0) + ((flags & 4) !== 0 ? 4 : 0)
  numbers.next()
  numbers.next()
  const length = numbers.next()
  const name = octets.toString('utf8', numbers.at, Math.min(numbers.at + length, extra))
  return entry(name, (flags & 8) !== 0 ? undefined : size, isEncrypted(octets, extra, end))
}

/** The first of the records behind the name says it. */
function isEncrypted(octets: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; ) {
    const numbers = new Numbers(octets, at)
    const size = numbers.next()
    if (size === 0) return false
    const start = numbers.at
    if (numbers.next() === 1) return true
    at = start + size
  }
  return false
}
