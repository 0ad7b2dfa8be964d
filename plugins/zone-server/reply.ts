/** Writes answers: the header and the question as it came by own code, records by dns-packet. Pure. */
import { type Answer, encode } from 'dns-packet'
import { type Question, RCODES, type Read } from './question.js'

export interface Reply {
  readonly rcode: number
  /** It is one of our zones. */
  readonly authoritative: boolean
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
}

/** What passes everywhere in one piece; we never send more in a datagram, whatever is asked for. */
export const UDP_OCTETS = 1232
/** RFC 1035 §4.2.1, where nobody says that he takes more. */
const PLAIN_OCTETS = 512
export const TCP_OCTETS = 65_535

/** RFC 1035 §4.1.1 */
const FLAGS = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const
/** RFC 3225 §3 */
const DNSSEC_OK = 0x8000

/** Octets that an answer by datagram may have. */
export function datagramLimit({ edns }: Question): number {
  return edns === undefined ? PLAIN_OCTETS : Math.min(UDP_OCTETS, Math.max(PLAIN_OCTETS, edns.size))
}

/** What is longer than `limit` comes without records and says so: the asker comes again by TCP. */
export function writeReply(question: Question, reply: Reply, limit: number): Buffer {
  const whole = packetOf(question, reply, false)
  return whole.length <= limit ? whole : truncated(question, reply)
}

/** No records, to be asked again by TCP. */
export function truncated(
  question: Question,
  { rcode, authoritative }: Pick<Reply, 'rcode' | 'authoritative'>,
): Buffer {
  return packetOf(question, { rcode, authoritative, answers: [], authorities: [] }, true)
}

export function writeWrong({ id, opcode, rcode }: Extract<Read, { kind: 'wrong' }>): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(FLAGS.response | (opcode << 11) | rcode, 2)
  return header
}

/** RFC 1035 §4.1.1: the question stands in the answer; RFC 6891 §6.1.1: an OPT record answers one. */
function packetOf(question: Question, { rcode, authoritative, answers, authorities }: Reply, cut: boolean): Buffer {
  const flags =
    (authoritative ? FLAGS.authoritative : 0) |
    (cut ? FLAGS.truncated : 0) |
    (question.recursionDesired ? FLAGS.recursionDesired : 0) |
    (rcode & 15)
  const records = encode({
    type: 'response',
    id: question.id,
    flags,
    answers: [...answers],
    authorities: [...authorities],
    additionals: question.edns === undefined ? [] : [optOf(question, rcode)],
  })
  const packet = Buffer.concat([records.subarray(0, 12), question.octets, records.subarray(12)])
  packet.writeUInt16BE(1, 4)
  return packet
}

function optOf({ edns }: Question, rcode: number): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: UDP_OCTETS,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: edns?.dnssecOk === true ? DNSSEC_OK : 0,
    flag_do: edns?.dnssecOk === true,
    options: [],
  }
}

export const REFUSED: Reply = { rcode: RCODES.refused, authoritative: false, answers: [], authorities: [] }
