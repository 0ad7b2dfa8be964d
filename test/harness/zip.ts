/** Writes zip archives, also such as nobody should. */
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipWish {
  readonly stored?: boolean
  /** Lengths stand behind the file, and are 0 in front of it. */
  readonly streamed?: boolean
  readonly comment?: string
  readonly flags?: number
  readonly method?: number
  /** What the directory says. */
  readonly packedSize?: number
}

export function zipOf(files: readonly (readonly [name: string, octets: Buffer])[], wish: ZipWish = {}): Buffer {
  const bodies: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const [name, octets] of files) {
    const packed = wish.stored === true ? octets : deflateRawSync(octets)
    const method = wish.method ?? (wish.stored === true ? 0 : 8)
    const flags = (wish.flags ?? 0) | (wish.streamed === true ? 8 : 0)
    const sum = crc32 === undefined ? 0 : crc32(octets)
    const numbers = (size: number) => words([2, flags], [2, method], [4, 0], [4, sum], [4, size], [4, octets.length])
    const names = Buffer.from(name)
    const inFront = wish.streamed === true ? words([2, flags], [2, method], [16, 0]) : numbers(packed.length)
    const body = [words([4, 0x04034b50], [2, 20]), inFront, words([2, names.length], [2, 0]), names, packed]
    const behind = wish.streamed === true ? words([4, sum], [4, packed.length], [4, octets.length]) : Buffer.alloc(0)
    entries.push(
      Buffer.concat([
        ...[words([4, 0x02014b50], [2, 20], [2, 20]), numbers(wish.packedSize ?? packed.length)],
        ...[words([2, names.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), names],
      ]),
    )
    bodies.push(...body, behind)
    at += Buffer.concat([...body, behind]).length
  }
  const directory = Buffer.concat(entries)
  const comment = Buffer.from(wish.comment ?? '')
  const end = words([4, 0x06054b50], [4, 0], [2, files.length], [2, files.length], [4, directory.length], [4, at])
  return Buffer.concat([...bodies, directory, end, words([2, comment.length]), comment])
}

/** Least octet first. */
function words(...fields: readonly (readonly [octets: number, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([octets, value]) => {
      const field = Buffer.alloc(octets)
      for (let i = 0; i < Math.min(octets, 4); i += 1) field[i] = (value >>> (8 * i)) & 0xff
      return field
    }),
  )
}
