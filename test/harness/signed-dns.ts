/**
 * A name server for tests that plays a validating resolver: zones are data, names may be signed or not, and AD is set when all of an answer is.
 * dns-packet writes the answers; UDP and TCP listen on the same free port. It misbehaves on request.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import {
  type Answer,
  AUTHENTIC_DATA,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  TRUNCATED_RESPONSE,
} from 'dns-packet'

/** `usage selector matching hex` */
export type TlsaText = `${number} ${number} ${number} ${string}`

export interface SignedEntry {
  readonly a?: readonly string[]
  readonly aaaa?: readonly string[]
  readonly mx?: readonly (readonly [preference: number, exchange: string])[]
  readonly txt?: readonly string[]
  readonly tlsa?: readonly TlsaText[]
  readonly cname?: string
  readonly ttl?: number
  /** Left out: what the server's `signed` says. */
  readonly signed?: boolean
  /** Codes by type, `*` for all: `servfail` is also what a validating resolver says of bogus data. */
  readonly fails?: Readonly<Record<string, Misconduct>>
}

export type Misconduct =
  | 'servfail'
  | 'refused'
  | 'silent'
  | 'garbage'
  | 'wrong-id'
  | 'wrong-name'
  | 'truncated'
  /** The right answer after one to something else. */
  | 'forged-first'
  /** A referral. */
  | 'lame'
  /** Of an alias nothing but itself. */
  | 'bare'

export interface SignedDnsOptions {
  readonly zones?: Readonly<Record<string, SignedEntry>>
  readonly signed?: boolean
}

const CODES = { servfail: 2, refused: 5 } as const

export class SignedDns {
  /** `TLSA _25._tcp.mx.them.test`; by TCP with `tcp ` in front. */
  readonly asked: string[] = []
  /** Ids and ports of questions by UDP. */
  readonly places: { readonly id: number; readonly port: number }[] = []
  readonly #zones: Map<string, SignedEntry>
  readonly #signed: boolean
  #udp: UdpSocket | undefined
  #tcp: Server | undefined
  #port = 0

  private constructor({ zones = {}, signed = true }: SignedDnsOptions) {
    this.#zones = new Map(Object.entries(zones))
    this.#signed = signed
  }

  static async start(options: SignedDnsOptions = {}): Promise<SignedDns> {
    const dns = new SignedDns(options)
    // UDP may be taken where TCP is free.
    for (let tries = 0; tries < 20; tries += 1) if (await dns.#listen()) return dns
    throw new Error('no port that is free for both UDP and TCP')
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  set(name: string, entry: SignedEntry): void {
    this.#zones.set(name, entry)
  }

  async stop(): Promise<void> {
    await new Promise<void>(resolve => this.#udp?.close(() => resolve()))
    await new Promise(resolve => this.#tcp?.close(resolve))
  }

  async #listen(): Promise<boolean> {
    const tcp = createServer(socket => {
      socket.on('error', () => socket.destroy())
      socket.on('data', octets => {
        const reply = this.#reply(octets.subarray(2), true).at(-1)
        if (reply === undefined) socket.destroy()
        else socket.end(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 0xff]), reply]))
      })
    })
    await new Promise<void>(resolve => tcp.listen(0, '127.0.0.1', resolve))
    const { port } = tcp.address() as { port: number }
    const udp = createSocket('udp4')
    const bound = await new Promise<boolean>(resolve => {
      udp.once('error', () => resolve(false))
      udp.bind(port, '127.0.0.1', () => resolve(true))
    })
    if (!bound) {
      tcp.close()
      return false
    }
    udp.on('message', (octets, from) => {
      this.places.push({ id: octets.readUInt16BE(0), port: from.port })
      for (const reply of this.#reply(octets, false)) udp.send(reply, from.port, from.address)
    })
    ;[this.#udp, this.#tcp, this.#port] = [udp, tcp, port]
    return true
  }

  #reply(octets: Buffer, byTcp: boolean): readonly Buffer[] {
    const query = decode(octets)
    const [question] = query.questions ?? []
    if (question === undefined) return []
    const name = question.name.toLowerCase()
    this.asked.push(`${byTcp ? 'tcp ' : ''}${question.type} ${name}`)
    const entry = this.#zones.get(name)
    const misconduct = entry?.fails?.[question.type] ?? entry?.fails?.['*']
    const answer = (flags: number, answers: readonly Answer[] = [], more: Partial<Packet> = {}): Buffer => {
      const packet = {
        type: 'response',
        id: query.id!,
        flags: RECURSION_AVAILABLE | flags,
        questions: [question],
        answers: [...answers],
        ...more,
      }
      return encode(packet as Packet)
    }
    const { found, secure, there } = this.#find(name, question.type, misconduct === 'bare')
    const right = answer((secure ? AUTHENTIC_DATA : 0) | (there ? 0 : 3), found)
    switch (misconduct) {
      case undefined:
      case 'bare':
        return [right]
      case 'silent':
        return []
      case 'garbage':
        return [Buffer.concat([right.subarray(0, 12), Buffer.from([63, 1])])]
      case 'wrong-id':
        return [answer(AUTHENTIC_DATA, found, { id: (query.id! + 1) & 0xffff })]
      case 'wrong-name':
        return [answer(AUTHENTIC_DATA, found, { questions: [{ ...question, name: 'other.test' }] })]
      case 'forged-first':
        return [answer(AUTHENTIC_DATA, [], { id: (query.id! + 1) & 0xffff }), right]
      case 'truncated':
        return [byTcp ? right : answer(TRUNCATED_RESPONSE)]
      case 'lame': {
        const lame = answer(0)
        lame.writeUInt16BE(0x8000, 2)
        return [lame]
      }
      default:
        return [answer(CODES[misconduct])]
    }
  }

  #find(name: string, type: string, bare: boolean): { found: Answer[]; secure: boolean; there: boolean } {
    const found: Answer[] = []
    let [at, secure] = [name, true]
    for (let steps = 0; steps < 20; steps += 1) {
      const entry = this.#zones.get(at)
      secure &&= entry?.signed ?? this.#signed
      if (entry === undefined) return { found, secure, there: false }
      const ttl = entry.ttl ?? 60
      if (entry.cname !== undefined) {
        found.push({ type: 'CNAME', name: at, ttl, data: entry.cname })
        if (type === 'CNAME' || bare) break
        at = entry.cname
        continue
      }
      found.push(...records(entry, type).map(record => ({ ...record, name: at, ttl }) as Answer))
      break
    }
    return { found, secure, there: true }
  }
}

function records(entry: SignedEntry, type: string): readonly object[] {
  switch (type) {
    case 'A':
      return (entry.a ?? []).map(data => ({ type, data }))
    case 'AAAA':
      return (entry.aaaa ?? []).map(data => ({ type, data }))
    case 'TXT':
      return (entry.txt ?? []).map(data => ({ type, data }))
    case 'MX':
      return (entry.mx ?? []).map(([preference, exchange]) => ({ type, data: { preference, exchange } }))
    case 'TLSA':
      return (entry.tlsa ?? []).map(text => {
        const [usage, selector, matchingType, data = ''] = text.split(' ')
        return {
          type,
          data: {
            usage: Number(usage),
            selector: Number(selector),
            matchingType: Number(matchingType),
            certificate: Buffer.from(data, 'hex'),
          },
        }
      })
    default:
      return []
  }
}
