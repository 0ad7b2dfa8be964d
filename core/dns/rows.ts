/**
 * Names and resource records of a DNS message (RFC 1035 §3.1, §4.1.3, §4.1.4), as places in its octets. Throws `RangeError` for what does not
 * fit; nothing is read beyond where it says it ends, and a pointer only leads back.
 */

export interface Row {
  /** Lower case, without the root's dot. */
  readonly name: string
  readonly type: number
  /** Seconds. */
  readonly ttl: number
  /** Where its data are. */
  readonly start: number
  readonly end: number
}

const MAX_NAME = 253
/** More records than this are a mistake or an attack; the rest is passed over, as far as the octets go. */
const MAX_ROWS = 200
const IN = 1

/** `end`: where the records end; of a section that was not read to its end, where reading ended. */
export function readRows(
  octets: Buffer,
  from: number,
  count: number,
): { readonly rows: readonly Row[]; readonly end: number } {
  const rows: Row[] = []
  let at = from
  for (let i = 0; i < count && i < MAX_ROWS; i += 1) {
    const { name, end } = readName(octets, at)
    const start = end + 10
    at = start + octets.readUInt16BE(end + 8)
    if (at > octets.length) throw new RangeError('a record is cut off')
    if (octets.readUInt16BE(end + 2) !== IN) continue
    // RFC 2181 §8: a time with the first bit set is none.
    const ttl = octets.readUInt32BE(end + 4)
    rows.push({ name, type: octets.readUInt16BE(end), ttl: ttl > 0x7fff_ffff ? 0 : ttl, start, end: at })
  }
  return { rows, end: at }
}

/** `limit`: the name, but not what it points to, ends before. A label with a dot or without printable ASCII is no name of ours: it reads as `?`. */
export function readName(
  octets: Buffer,
  from: number,
  limit = octets.length,
): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let [at, bound, length] = [from, limit, 0]
  let lowest = from
  let end: number | undefined
  for (;;) {
    if (at >= bound) throw new RangeError('a name is cut off')
    const size = octets[at]!
    if (size === 0) return { name: labels.join('.'), end: end ?? at + 1 }
    if (size >= 0xc0) {
      if (at + 2 > bound) throw new RangeError('a pointer is cut off')
      end ??= at + 2
      at = octets.readUInt16BE(at) & 0x3fff
      // Each leads further back than the one before, so that there is an end.
      if (at >= lowest) throw new RangeError('a pointer leads on')
      ;[lowest, bound] = [at, octets.length]
      continue
    }
    if (size > 63 || at + 1 + size > bound) throw new RangeError('a label is cut off')
    const label = octets.toString('latin1', at + 1, at + 1 + size)
    length += size + 1
    if (length > MAX_NAME + 1) throw new RangeError('a name is too long')
    labels.push(/^[ -~]+$/.test(label) && !label.includes('.') ? label.toLowerCase() : '?')
    at += size + 1
  }
}
