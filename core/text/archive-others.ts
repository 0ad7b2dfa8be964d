/** Directories of gzip (RFC 1952), tar, Microsoft's cabinets and 7z, as far as they can be read without unpacking anything. */
import { archiveOf, entry, MAX_ENTRIES } from './archive-entry.js'
import { decodeUnknown } from './charset.js'
import type { ArchiveEntry, ArchiveFacts } from './part-facts.js'

const BLOCK = 512

/** RFC 1952 §2.3: one file, whose name may stand in front of it and whose length stands behind it. */
export function readGzip(begins: Buffer, last: Buffer, packed: number): ArchiveFacts {
  const flags = begins[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += 2 + begins.readUInt16LE(at)
  const named = (flags & 8) !== 0
  const zero = begins.indexOf(0, at)
  const name = named && zero >= 0 ? decodeUnknown(begins.subarray(at, zero)) : ''
  const size = last.length === 4 ? last.readUInt32LE(0) : undefined
  // What is in a tar archive inside is packed.
  return archiveOf([entry(name, size, false)], { closed: /\.(?:tar|tgz)$/i.test(name) }, packed)
}

export function readTar(octets: Buffer): ArchiveFacts {
  const entries: ArchiveEntry[] = []
  for (let at = 0; at + BLOCK <= octets.length && entries.length < MAX_ENTRIES; ) {
    if (octets[at] === 0) break
    const size = Number.parseInt(cut(octets, at + 124, 12), 8) || 0
    const type = String.fromCharCode(octets[at + 156]!)
    const prefix = cut(octets, at + 345, 155)
    const name = `${prefix === '' ? '' : `${prefix}/`}${cut(octets, at, 100)}`
    // Others describe the file that follows.
    if (/[0-57\0]/.test(type)) entries.push(entry(name, size, false))
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return archiveOf(entries)
}

/** Up to the zero. */
function cut(octets: Buffer, at: number, length: number): string {
  const field = octets.subarray(at, at + length)
  const zero = field.indexOf(0)
  return decodeUnknown(zero < 0 ? field : field.subarray(0, zero)).trim()
}

export function readCab(octets: Buffer): ArchiveFacts {
  const entries: ArchiveEntry[] = []
  const total = octets.readUInt16LE(28)
  let at = octets.readUInt32LE(16)
  while (entries.length < Math.min(total, MAX_ENTRIES) && at + 17 <= octets.length) {
    const zero = octets.indexOf(0, at + 16)
    if (zero < 0 || zero > at + 16 + 260) break
    entries.push(entry(decodeUnknown(octets.subarray(at + 16, zero)), octets.readUInt32LE(at), false))
    at = zero + 1
  }
  return archiveOf(entries, { total, closed: entries.length === 0 })
}

/** AES, as the directory names it. */
const AES = Buffer.from([0x06, 0xf1, 0x07, 0x01])
const PLAIN_DIRECTORY = 0x01
const NAMES = 0x11

/** Its directory is mostly packed itself; then only how it is packed can be read. `end` are the last octets. */
export function readSevenZip(begins: Buffer, end: Buffer): ArchiveFacts {
  const length = Number(begins.readBigUInt64LE(20))
  if (length === 0 || length > end.length) return archiveOf([], { closed: true })
  const directory = end.subarray(end.length - length)
  const encrypted = directory.includes(AES)
  const names = directory[0] === PLAIN_DIRECTORY ? namesIn(directory) : []
  const entries = names.map(name => entry(name, undefined, encrypted))
  return archiveOf(entries, { encrypted, closed: entries.length === 0 })
}

/** The property of names is one octet, a length, a zero, and UTF-16 with a zero behind each; what else may stand there does not fit this. */
function namesIn(directory: Buffer): string[] {
  for (let at = directory.indexOf(NAMES); at >= 0; at = directory.indexOf(NAMES, at + 1)) {
    const first = directory[at + 1] ?? 0
    const wide = (first & 0xc0) === 0x80
    const length = first < 0x80 ? first : wide ? ((first & 0x3f) << 8) | (directory[at + 2] ?? 0) : 0
    const start = at + (wide ? 3 : 2)
    const end = start + length
    if (length < 5 || length % 2 === 0 || end > directory.length || directory[start] !== 0) continue
    const text = directory.toString('utf16le', start + 1, end)
    if (text.endsWith('\0')) return text.slice(0, -1).split('\0', MAX_ENTRIES)
  }
  return []
}
