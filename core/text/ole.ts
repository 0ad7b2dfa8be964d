/**
 * The directory of an OLE container: documents of Office before 2007, installers, saved mails. It is a chain of sectors, found by the
 * allocation table, and the names in it tell whether there are macros. Bounded in sectors; a chain that runs in a circle ends.
 */
import type { Inside } from './archive.js'
import { archiveOf } from './archive-entry.js'

const HEADER = 512
const ENTRY = 128
const MAX_SECTORS = 2000
const TABLE_SECTORS = 109
const LAST = 0xfffffffa
const MACROS = /^(?:_?VBA(?:_PROJECT(?:_CUR)?)?|Macros)$/i
/** The class of what Windows Installer runs. */
const INSTALLER = Buffer.from('84100c0000000000c000000000000046', 'hex')

export function readOle(octets: Buffer): Inside | undefined {
  if (octets.length < HEADER + ENTRY) return undefined
  const shift = octets.readUInt16LE(30)
  if (shift < 7 || shift > 12) return undefined
  const names = new Set<string>()
  let installer = false
  for (const sector of chain(octets, octets.readUInt32LE(48), 2 ** shift)) {
    for (let at = sector; at + ENTRY <= Math.min(sector + 2 ** shift, octets.length); at += ENTRY) {
      const length = octets.readUInt16LE(at + 64)
      if (length < 2 || length > 64) continue
      names.add(octets.toString('utf16le', at, at + length - 2))
      if (octets[at + 66] === 5 && octets.subarray(at + 80, at + 96).equals(INSTALLER)) installer = true
    }
  }
  if (names.has('EncryptedPackage')) return { archive: archiveOf([], { encrypted: true, closed: true }) }
  if (installer) return { kind: 'msi' }
  return { macros: [...names].some(name => MACROS.test(name)) }
}

/** Offsets of the sectors of a chain. */
function* chain(octets: Buffer, first: number, size: number): Generator<number> {
  const perSector = size / 4
  let sector = first
  for (let count = 0; count < MAX_SECTORS && sector < LAST; count++) {
    const at = (sector + 1) * size
    if (at + ENTRY > octets.length) return
    yield at
    const table = Math.floor(sector / perSector)
    if (table >= TABLE_SECTORS) return
    const entry = (octets.readUInt32LE(76 + 4 * table) + 1) * size + 4 * (sector % perSector)
    if (entry + 4 > octets.length) return
    sector = octets.readUInt32LE(entry)
  }
}
