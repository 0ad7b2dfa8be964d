/**
 * Finds the report in a mail (RFC 8460 §5.3): the part of its type, decoded and unpacked. Bounded on both sides of the packing, as a small
 * part may hold a great many octets.
 */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { decodeTransfer, type MimePart, scanMime } from 'posthouse/text'
import { ReportFault } from './read.js'

/** RFC 8460 §5.2 speaks of ten megabytes; nobody about whom there is so much to say needs to know all of it. */
const MAX_UNPACKED = 10_000_000
const MAX_PARTS = 50
const unzip = promisify(gunzip)

/** The JSON. Throws `ReportFault`. */
export async function unpackReport(mail: Buffer): Promise<string> {
  const { root } = scanMime(mail, { depth: 5, parts: MAX_PARTS })
  const part = [...partsOf(root)].find(one => kindOf(one) !== undefined)
  if (part === undefined) throw new ReportFault('there is no report in it')
  const octets = decodeTransfer(mail.subarray(part.start, part.end), part.encoding)
  if (octets.length > MAX_UNPACKED) throw new ReportFault('the report is too large')
  return (kindOf(part) === 'packed' ? await unpacked(octets) : octets).toString('utf8')
}

function* partsOf(part: MimePart): Generator<MimePart> {
  yield part
  for (const child of part.children) yield* partsOf(child)
}

/** Some senders know the names of files better than types. */
function kindOf({ type, subtype, disposition, params }: MimePart): 'packed' | 'plain' | undefined {
  if (type !== 'application') return undefined
  if (subtype === 'tlsrpt+gzip') return 'packed'
  if (subtype === 'tlsrpt+json') return 'plain'
  const name = (disposition?.params.get('filename') ?? params.get('name') ?? '').toLowerCase()
  if (name.endsWith('.json.gz')) return 'packed'
  return subtype === 'json' && name.endsWith('.json') ? 'plain' : undefined
}

async function unpacked(octets: Buffer): Promise<Buffer> {
  try {
    return await unzip(octets, { maxOutputLength: MAX_UNPACKED })
  } catch (error) {
    const large = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    throw new ReportFault(large ? 'the report is too large when unpacked' : 'the report cannot be unpacked')
  }
}
