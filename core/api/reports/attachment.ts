/** Finds the report in a mail, decoded and unpacked, and bounded: whoever reads it is given no more than `MAX_UNPACKED`. */
import { type MimePart, scanMime } from '../../text/mime.js'
import { decodeTransfer } from '../../text/transfer.js'
import { isGzip, isZip, type Unpacked, unpackGzip, unpackZip } from '../../text/unpack.js'
import { ReportFault } from './intake.js'

/** RFC 8460 §5.2 and RFC 7489 §7.2.1.1 speak of ten megabytes; nobody about whom there is so much to say needs to know all of it. */
const MAX_UNPACKED = 10_000_000
const MAX_PARTS = 50

/** `isReport`: by type, and by the name of the file in lower case, as some senders know names better than types. Throws `ReportFault`. */
export async function reportIn(mail: Buffer, isReport: (part: MimePart, name: string) => boolean): Promise<Buffer> {
  const { root } = scanMime(mail, { depth: 5, parts: MAX_PARTS })
  const part = [...partsOf(root)].find(one => one.children.length === 0 && isReport(one, nameOf(one)))
  if (part === undefined) throw new ReportFault('there is no report in it')
  const octets = decodeTransfer(mail.subarray(part.start, part.end), part.encoding)
  const unpacked = await unpack(octets)
  if ('why' in unpacked) throw new ReportFault(`the report in it ${unpacked.why}`)
  return unpacked.octets
}

/** By what it is, not by what it is called: a zip is sent as gzip, and the other way round. */
async function unpack(octets: Buffer): Promise<Unpacked> {
  if (octets.length > MAX_UNPACKED) return { why: 'is too large' }
  if (isGzip(octets)) return unpackGzip(octets, MAX_UNPACKED)
  return isZip(octets) ? unpackZip(octets, MAX_UNPACKED) : { octets }
}

function* partsOf(part: MimePart): Generator<MimePart> {
  yield part
  for (const child of part.children) yield* partsOf(child)
}

function nameOf({ disposition, params }: MimePart): string {
  return (disposition?.params.get('filename') ?? params.get('name') ?? '').toLowerCase()
}
