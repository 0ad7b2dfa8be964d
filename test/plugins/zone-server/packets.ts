/** Questions and answers of the name service for tests, written and read by dns-packet, which the server does not read with. */
import { type DecodedPacket, decode, encode, type OptAnswer, RECURSION_DESIRED } from 'dns-packet'

export interface AskOptions {
  readonly type?: string
  readonly size?: number
  readonly version?: number
  readonly id?: number
}

export function ask(name: string, { type = 'A', size, version = 0, id = 7 }: AskOptions = {}): Buffer {
  const opt: OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: size ?? 0,
    extendedRcode: 0,
    ednsVersion: version,
    flags: 0,
    flag_do: false,
    options: [],
  }
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: type as 'A', name, class: 'IN' }],
    ...(size === undefined ? {} : { additionals: [opt] }),
  })
}

export interface Told {
  readonly rcode: string
  readonly packet: DecodedPacket
  /** Of the answers: codes, texts, names. */
  readonly data: readonly string[]
}

export function told(octets: Buffer | undefined): Told {
  if (octets === undefined) throw new Error('there was no answer')
  const packet = decode(octets)
  const data = (packet.answers ?? []).map(answer => {
    const { data: value } = answer as { data: unknown }
    return Array.isArray(value)
      ? Buffer.concat(value as Buffer[]).toString()
      : typeof value === 'string'
        ? value
        : JSON.stringify(value)
  })
  return { rcode: (packet as unknown as { rcode: string }).rcode, packet, data }
}
