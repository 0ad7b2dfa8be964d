/**
 * Reads a question of the name service (RFC 1035 §4) from whoever sends octets. Own code, as hostile input: there is one question, its name
 * has no pointers and is echoed as it came (resolvers hide bits in its case), every length is checked before it is believed. Pure.
 */

export interface Question {
  readonly kind: 'question'
  readonly id: number
  readonly recursionDesired: boolean
  /** Lower case, from the left; octets as Latin-1. */
  readonly labels: readonly string[]
  readonly type: number
  readonly class: number
  /** The question as it came: name, type, class. */
  readonly octets: Buffer
  readonly edns?: Edns
}

/** RFC 6891 §6.1 */
export interface Edns {
  /** Octets of a datagram that the asker takes. */
  readonly size: number
  readonly version: number
  readonly dnssecOk: boolean
}

export type Read =
  | Question
  /** Answered with the header alone. */
  | { readonly kind: 'wrong'; readonly id: number; readonly opcode: number; readonly rcode: number }
  /** Not answered: no question at all, or somebody's answer, which would go to and fro for ever. */
  | { readonly kind: 'nothing' }

export const RCODES = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const

const HEADER = 12
const MAX_NAME = 255
const MAX_LABEL = 63
const OPT = 41
const MOST_ADDITIONAL = 2

export function readQuestion(packet: Buffer): Read {
  if (packet.length < HEADER) return { kind: 'nothing' }
  const id = packet.readUInt16BE(0)
  const flags = packet.readUInt16BE(2)
  if ((flags & 0x8000) !== 0) return { kind: 'nothing' }
  const opcode = (flags >> 11) & 15
  const wrong = (rcode: number) => ({ kind: 'wrong', id, opcode, rcode }) as const
  if (opcode !== 0) return wrong(RCODES.notImp)
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map(at => packet.readUInt16BE(at)) as [
    number,
    number,
    number,
    number,
  ]
  if (questions !== 1 || answers !== 0 || authorities !== 0 || additionals > MOST_ADDITIONAL)
    return wrong(RCODES.formErr)
  const name = readName(packet, HEADER)
  if (name === undefined || name.end + 4 > packet.length) return wrong(RCODES.formErr)
  const end = name.end + 4
  const edns = readEdns(packet, end, additionals)
  if (edns === 'wrong') return wrong(RCODES.formErr)
  return {
    kind: 'question',
    id,
    recursionDesired: (flags & 0x0100) !== 0,
    labels: name.labels,
    type: packet.readUInt16BE(name.end),
    class: packet.readUInt16BE(name.end + 2),
    octets: packet.subarray(HEADER, end),
    ...(edns && { edns }),
  }
}

function readName(
  packet: Buffer,
  start: number,
): { readonly labels: readonly string[]; readonly end: number } | undefined {
  const labels: string[] = []
  let at = start
  for (;;) {
    const length = packet[at]
    if (length === undefined || length > MAX_LABEL || at + 1 + length - start > MAX_NAME) return undefined
    if (length === 0) return { labels, end: at + 1 }
    if (at + 1 + length > packet.length) return undefined
    labels.push(packet.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += 1 + length
  }
}

/** The first of the additional records; what else may stand there (TSIG) is not looked at, but that it is no second one. */
function readEdns(packet: Buffer, start: number, records: number): Edns | 'wrong' | undefined {
  if (records === 0 || packet[start] !== 0) return undefined
  if (start + 11 > packet.length) return 'wrong'
  if (packet.readUInt16BE(start + 1) !== OPT) return undefined
  const end = start + 11 + packet.readUInt16BE(start + 9)
  if (end > packet.length) return 'wrong'
  // RFC 6891 §6.1.1: two of them are a format error.
  if (records > 1 && end + 3 <= packet.length && packet[end] === 0 && packet.readUInt16BE(end + 1) === OPT)
    return 'wrong'
  return {
    size: packet.readUInt16BE(start + 3),
    version: packet[start + 6]!,
    dnssecOk: (packet[start + 7]! & 0x80) !== 0,
  }
}
