/**
 * What an attached archive or office document holds, by its directory; nothing is unpacked. Where that stands at the end only the end is
 * decoded, where files stand one behind the other only the beginning is. Every step moves on and is counted; never throws.
 */
import { readCab, readGzip, readSevenZip, readTar } from './archive-others.js'
import { readRar } from './archive-rar.js'
import { readZip } from './archive-zip.js'
import { readOle } from './ole.js'
import type { ArchiveFacts, ContentKind } from './part-facts.js'
import { type Encoded, lastOctetsOf, lengthOf, octetsOf } from './part-octets.js'

export interface Inside {
  readonly archive?: ArchiveFacts
  readonly macros?: boolean
  /** What it turned out to be. */
  readonly kind?: ContentKind
}

/** Of the directory at the end, or of what stands in front of it. */
const DIRECTORY_OCTETS = 256 * 1024
const OLE_OCTETS = 1024 * 1024
/** ISO 9660: the first 16 sectors are left free. */
const DISK_MARK = 0x8001
const DISK_OCTETS = DISK_MARK + 5
const NO_NAMES: ArchiveFacts = { entries: [], total: 0, encrypted: false, closed: true }

export function lookIntoArchive(encoded: Encoded, kind: ContentKind, begins: Buffer): Inside | undefined {
  try {
    return READERS.get(kind)?.(encoded, begins)
  } catch (error) {
    // Lengths that lead out of the octets: a directory nobody can read.
    if (error instanceof RangeError) return { archive: NO_NAMES }
    throw error
  }
}

const start = (encoded: Encoded) =>
  octetsOf({ ...encoded, end: Math.min(encoded.end, encoded.start + 2 * DIRECTORY_OCTETS) }, DIRECTORY_OCTETS)
const zipped = (encoded: Encoded) =>
  readZip(lastOctetsOf(encoded, DIRECTORY_OCTETS), () => start(encoded), lengthOf(encoded))

const READERS: ReadonlyMap<ContentKind, (encoded: Encoded, begins: Buffer) => Inside | undefined> = new Map<
  ContentKind,
  (encoded: Encoded, begins: Buffer) => Inside | undefined
>([
  ['zip', zipped],
  ['ooxml', zipped],
  ['opendocument', zipped],
  ['jar', zipped],
  ['apk', zipped],
  ['rar', encoded => ({ archive: readRar(start(encoded)) })],
  ['tar', encoded => ({ archive: readTar(start(encoded)) })],
  ['cab', encoded => ({ archive: readCab(start(encoded)) })],
  ['gzip', (encoded, begins) => ({ archive: readGzip(begins, lastOctetsOf(encoded, 4), lengthOf(encoded)) })],
  ['7z', (encoded, begins) => ({ archive: readSevenZip(begins, lastOctetsOf(encoded, DIRECTORY_OCTETS)) })],
  ['ole', encoded => (lengthOf(encoded) > OLE_OCTETS ? undefined : readOle(octetsOf(encoded, OLE_OCTETS)))],
  ['unknown', (encoded, begins) => diskImage(encoded, begins)],
])

function diskImage(encoded: Encoded, begins: Buffer): Inside | undefined {
  if (begins.length < 512 || begins.subarray(0, 16).some(octet => octet !== 0)) return undefined
  const head = octetsOf({ ...encoded, end: Math.min(encoded.end, encoded.start + 2 * DISK_OCTETS) }, 2 * DISK_OCTETS)
  return head.toString('latin1', DISK_MARK, DISK_OCTETS) === 'CD001' ? { kind: 'disk-image' } : undefined
}
