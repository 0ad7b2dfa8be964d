/** The directory of a zip archive (APPNOTE.TXT §4.3.7, §4.3.12, §4.3.16), and what the names in it make of the whole: an office document, macros, a program. */
import type { Inside } from './archive.js'
import { archiveOf, entry, MAX_ENTRIES } from './archive-entry.js'
import { decodeUnknown } from './charset.js'
import type { ArchiveEntry, ContentKind } from './part-facts.js'
import { zipEnd } from './unpack.js'

const LISTED = 0x02014b50
const LISTED_BYTES = 46
const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
/** More are counted, not read. */
const MAX_READ = 5000
const UNKNOWN_SIZE = 0xffffffff

/** `end` are the last octets, `begin` gives the first: those are read when the directory is missing. */
export function readZip(end: Buffer, begin: () => Buffer, packed: number): Inside {
  const listed = listedEntries(end)
  const entries = listed?.entries ?? localEntries(begin())
  const names = entries.map(({ name }) => name)
  const kind = kindOf(names)
  const archive = archiveOf(
    entries,
    { total: listed?.total ?? entries.length, closed: listed?.entries === undefined },
    packed,
  )
  const macros = names.some(name => /(?:^|\/)vbaProject[^/]{0,20}\.bin$|\/macrosheets\/|^Basic\/.+\.xml$/i.test(name))
  const document = kind === 'ooxml' || kind === 'opendocument'
  return { archive, ...(document && { macros }), ...(kind !== undefined && { kind }) }
}

function listedEntries(octets: Buffer): { entries?: ArchiveEntry[]; total: number } | undefined {
  const end = zipEnd(octets)
  if (end === undefined) return undefined
  const total = octets.readUInt16LE(end + 10)
  const start = end - octets.readUInt32LE(end + 12)
  if (start < 0) return { total }
  const entries: ArchiveEntry[] = []
  for (let at = start; at + LISTED_BYTES <= end && entries.length < MAX_READ; ) {
    if (octets.readUInt32LE(at) !== LISTED) break
    const [name, extra, comment] = [
      octets.readUInt16LE(at + 28),
      octets.readUInt16LE(at + 30),
      octets.readUInt16LE(at + 32),
    ]
    entries.push(entryAt(octets, at + LISTED_BYTES, name, octets.readUInt16LE(at + 8), octets.readUInt32LE(at + 24)))
    at += LISTED_BYTES + name + extra + comment
  }
  return entries.length === 0 && total > 0 ? { total } : { entries, total }
}

/** What stands in front of each file; the sizes may stand behind it instead. */
function localEntries(octets: Buffer): ArchiveEntry[] {
  const entries: ArchiveEntry[] = []
  for (let at = 0; at + LOCAL_BYTES <= octets.length && entries.length < MAX_ENTRIES; ) {
    if (octets.readUInt32LE(at) !== LOCAL) break
    const flags = octets.readUInt16LE(at + 6)
    const [packed, size] = [octets.readUInt32LE(at + 18), octets.readUInt32LE(at + 22)]
    const [name, extra] = [octets.readUInt16LE(at + 26), octets.readUInt16LE(at + 28)]
    if (at + LOCAL_BYTES + name > octets.length) break
    entries.push(entryAt(octets, at + LOCAL_BYTES, name, flags, size))
    at += LOCAL_BYTES + name + extra + packed
    if ((flags & 8) !== 0 && packed === 0) break
  }
  return entries
}

function entryAt(octets: Buffer, at: number, length: number, flags: number, size: number): ArchiveEntry {
  const name = decodeUnknown(octets.subarray(at, at + length))
  return entry(name, size === UNKNOWN_SIZE ? undefined : size, (flags & 1) === 1)
}

function kindOf(names: readonly string[]): ContentKind | undefined {
  if (names.includes('[Content_Types].xml')) return 'ooxml'
  if (names.includes('AndroidManifest.xml')) return 'apk'
  if (names.includes('META-INF/manifest.xml')) return 'opendocument'
  return names.includes('META-INF/MANIFEST.MF') ? 'jar' : undefined
}
