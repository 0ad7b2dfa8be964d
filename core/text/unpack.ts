/**
 * Octets that somebody has packed: gzip (RFC 1952), or the first file of a zip archive. Bounded by what may come out, not by what the packing says of
 * itself, as a small part may hold a great many octets. Never throws for what is broken.
 */
import { promisify } from 'node:util'
import { gunzip, inflateRaw } from 'node:zlib'

/** `why` goes on from "it …". */
export type Unpacked = { readonly octets: Buffer } | { readonly why: string }

/** Up to here nobody asks how well it was packed. */
const FREE_BYTES = 1_000_000
/** Text in even lines comes to 50:1; a bomb of zeros to 1000:1. */
const MOST_RATIO = 200
const BROKEN = { why: 'cannot be unpacked' }
const TOO_LARGE = { why: 'is too large when unpacked' }

const CRLF = Buffer.from('\r\n')

const END = 0x06054b50
const END_BYTES = 22
const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL = 0x04034b50
const LOCAL_BYTES = 30
const MAX_COMMENT = 65_535
const STORED = 0
const DEFLATED = 8

/** Some senders let a line end follow it, which is nothing of gzip's. */
export async function unpackGzip(octets: Buffer, most: number): Promise<Unpacked> {
  const unpacked = await unpackBy(promisify(gunzip), octets, most)
  const bare = octets.subarray(0, -2)
  const ended = octets.subarray(bare.length).equals(CRLF)
  return unpacked === BROKEN && ended ? unpackBy(promisify(gunzip), bare, most) : unpacked
}

export function isGzip(octets: Buffer): boolean {
  return octets[0] === 0x1f && octets[1] === 0x8b
}

export function isZip(octets: Buffer): boolean {
  return octets.length >= END_BYTES && octets.readUInt32LE(0) === LOCAL
}

/** By the directory at its end: what stands in front of a file may leave its length open. */
export async function unpackZip(octets: Buffer, most: number): Promise<Unpacked> {
  const entry = firstEntry(octets)
  if (entry === undefined) return BROKEN
  if (entry.encrypted) return { why: 'is encrypted' }
  const { method, packed } = entry
  if (method === STORED) return packed.length > most ? TOO_LARGE : { octets: packed }
  return method === DEFLATED ? unpackBy(promisify(inflateRaw), packed, most) : { why: 'is packed in an unknown way' }
}

async function unpackBy(
  work: (octets: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
  octets: Buffer,
  most: number,
): Promise<Unpacked> {
  const maxOutputLength = Math.min(most, Math.max(FREE_BYTES, octets.length * MOST_RATIO))
  try {
    return { octets: await work(octets, { maxOutputLength }) }
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? TOO_LARGE : BROKEN
  }
}

interface Entry {
  readonly method: number
  readonly encrypted: boolean
  readonly packed: Buffer
}

/** APPNOTE.TXT §4.3.7, §4.3.12, §4.3.16. */
function firstEntry(octets: Buffer): Entry | undefined {
  const end = zipEnd(octets)
  if (end === undefined || octets.readUInt16LE(end + 10) === 0) return undefined
  const entry = octets.readUInt32LE(end + 16)
  if (entry + ENTRY_BYTES > end || octets.readUInt32LE(entry) !== ENTRY) return undefined
  const [flags, method] = [octets.readUInt16LE(entry + 8), octets.readUInt16LE(entry + 10)]
  const [size, local] = [octets.readUInt32LE(entry + 20), octets.readUInt32LE(entry + 42)]
  if (local + LOCAL_BYTES > entry || octets.readUInt32LE(local) !== LOCAL) return undefined
  const start = local + LOCAL_BYTES + octets.readUInt16LE(local + 26) + octets.readUInt16LE(local + 28)
  if (start + size > entry) return undefined
  return { method, encrypted: (flags & 1) === 1, packed: octets.subarray(start, start + size) }
}

/** Where the record that ends a zip archive starts. */
export function zipEnd(octets: Buffer): number | undefined {
  const last = octets.length - END_BYTES
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at -= 1) if (octets.readUInt32LE(at) === END) return at
  return undefined
}
