/** Tokens as text that takes little room: distances between neighbours as numbers of seven bits a piece, in base64. */
import { createHash } from 'node:crypto'
import { KINDS, SPACE } from './kinds.js'
import { AT, type Tokens } from './sink.js'

export function packTokens(tokens: Tokens): string {
  const octets: number[] = []
  for (const list of tokens) {
    write(octets, list.length)
    let last = 0
    for (const token of list.toSorted()) {
      write(octets, token - last)
      last = token
    }
  }
  return Buffer.from(octets).toString('base64')
}

/** `undefined`: that is no such text. */
export function unpackTokens(packed: string): Tokens | undefined {
  const octets = Buffer.from(packed, 'base64')
  let at = 0
  const read = (): number => {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const octet = octets[at++] ?? 0
      value |= (octet & 0x7f) << shift
      if (octet < 0x80) break
    }
    return value
  }
  const lists: Uint32Array[] = []
  for (const _ of KINDS) {
    const count = read()
    if (count > octets.length) return undefined
    const list = new Uint32Array(count)
    let last = 0
    for (let n = 0; n < count; n++) {
      last += read()
      if (last >= SPACE) return undefined
      list[n] = last
    }
    lists.push(list)
  }
  return at === octets.length ? lists : undefined
}

function write(octets: number[], value: number): void {
  let left = value
  for (; left >= 0x80; left >>>= 7) octets.push((left & 0x7f) | 0x80)
  octets.push(left)
}

/** The same for the same mail, whichever way it came: what hosts wrote on its way does not count. */
export function printOf(tokens: Tokens, messageId: string): string {
  const hash = createHash('sha256').update(messageId)
  for (const kind of [AT.word, AT.pair, AT.name]) hash.update(`/${kind}/`).update(octetsOf(tokens[kind]!))
  return hash.digest('base64url').slice(0, 22)
}

function octetsOf(list: Uint32Array): Buffer {
  return Buffer.from(list.toSorted().buffer)
}
