/**
 * A name server for tests, on loopback: zones are data, and it can misbehave on request.
 * dns2 is the packet codec and the UDP and TCP server; both listen on the same free port.
 */
import type { Socket, Server as TcpServer } from 'node:net'
import { type Answer, encode, RECURSION_AVAILABLE, TRUNCATED_RESPONSE } from 'dns-packet'
import { createServer, Packet, type Packet as PacketShape } from 'dns2'
import { freePort } from './ports.js'

/**
 * `lame`: a referral from a server that neither knows nor asks others; `truncated`: only by TCP, and that ends at once; `wrong-id` and
 * `wrong-name`: the answer to something else; as many records as TCP takes (`thousands`), and one of 60,000 octets (`huge`), of whatever type is asked for.
 */
export const TROUBLES = [
  'servfail',
  'refused',
  'drop',
  'garbage',
  'lame',
  'truncated',
  'wrong-id',
  'wrong-name',
  'thousands',
  'huge',
] as const

/** Of trouble, or that there is no such name. */
export type Failure = (typeof TROUBLES)[number] | 'nxdomain'

export interface ZoneEntry {
  readonly a?: readonly string[]
  readonly aaaa?: readonly string[]
  readonly mx?: readonly (readonly [preference: number, exchange: string])[]
  readonly txt?: readonly string[]
  readonly ptr?: readonly string[]
  readonly cname?: string
  /** Records of other names that nobody asked for: among the answers, and beside them. */
  readonly poison?: Readonly<Record<string, ZoneEntry>>
  readonly ttl?: number
  /** What goes wrong when this name is asked for (any type, or only those named in `failsFor`). */
  readonly fails?: Failure
  readonly failsFor?: readonly string[]
  readonly delayMs?: number
}

/** `*` stands for all names that are not there. */
export type Zones = Readonly<Record<string, ZoneEntry>>

export interface DnsServer {
  /** `127.0.0.1:port`, as `dns.servers` wants it. */
  readonly address: string
  /** Questions so far, as `MX example.org`. */
  readonly asked: readonly string[]
  /** Whether it never says what could be taken for the answer, or not before long. */
  isSilent(type: string, name: string): boolean
  /** Replaces or adds a name. */
  set(name: string, entry: ZoneEntry): void
  close(): Promise<void>
}

const TYPES = new Map<number, string>(Object.entries(Packet.TYPE).map(([name, type]) => [type, name]))
/** An answer to something else is none, and after it comes no other. */
const SILENT: ReadonlySet<Failure> = new Set(['drop', 'garbage', 'wrong-id', 'wrong-name'])
const LATE_MS = 10_000
const RCODE = { servfail: 2, nxdomain: 3, refused: 5 } as const

export async function startDnsServer(zones: Zones = {}): Promise<DnsServer> {
  const names = new Map(Object.entries(zones).map(([name, entry]) => [name.toLowerCase(), entry]))
  const asked: string[] = []
  const entryOf = (name: string) => names.get(name.toLowerCase()) ?? names.get('*')
  const timers = new Set<NodeJS.Timeout>()
  const server = createServer({
    udp: true,
    tcp: true,
    handle: (request, send, client) => {
      const question = request.questions[0]
      if (question === undefined) return
      const type = TYPES.get(question.type) ?? String(question.type)
      asked.push(`${type} ${question.name.toLowerCase()}`)
      const entry = entryOf(question.name)
      // Only datagrams have a size.
      const reply = replyTo({ request, entry, name: question.name, type, names, byTcp: !('size' in client) })
      if (reply === undefined) {
        if ('destroy' in client) client.destroy()
        return
      }
      const timer = setTimeout(() => {
        timers.delete(timer)
        Promise.resolve(send(reply)).catch(() => undefined)
      }, entry?.delayMs ?? 0)
      timers.add(timer)
    },
  })
  const { tcp } = (server as unknown as { readonly servers: { readonly tcp?: TcpServer } }).servers
  // Who has the answer hangs up, and not always politely.
  const open = new Set<Socket>()
  tcp?.on('connection', socket => {
    open.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
  })
  const port = await listenOnBoth(server)
  return {
    address: `127.0.0.1:${port}`,
    asked,
    isSilent: (type, name) => isSilent(entryOf(name.replace(/\.$/, '')), type),
    set: (name, entry) => void names.set(name.toLowerCase(), entry),
    async close() {
      for (const timer of timers) clearTimeout(timer)
      // c-ares keeps its connections, and the server would wait for them.
      for (const socket of open) socket.destroy()
      await server.close()
    },
  }
}

async function listenOnBoth(server: ReturnType<typeof createServer>): Promise<number> {
  const port = await freePort()
  const place = { port, address: '127.0.0.1' }
  await server.listen({ udp: place, tcp: place })
  return port
}

function failureOf(entry: ZoneEntry | undefined, type: string): Failure | undefined {
  return entry !== undefined && (entry.failsFor?.includes(type) ?? true) ? entry.fails : undefined
}

function isSilent(entry: ZoneEntry | undefined, type: string): boolean {
  const failure = failureOf(entry, type)
  return (failure !== undefined && SILENT.has(failure)) || (entry?.delayMs ?? 0) >= LATE_MS
}

interface Asked {
  readonly request: PacketShape
  readonly entry: ZoneEntry | undefined
  readonly name: string
  readonly type: string
  readonly names: ReadonlyMap<string, ZoneEntry>
  readonly byTcp: boolean
}

function replyTo({ request, entry, name, type, names, byTcp }: Asked): PacketShape | Buffer | undefined {
  const reply = Packet.createResponseFromRequest(request)
  reply.header.ra = 1
  const failure = failureOf(entry, type)
  if (failure === 'thousands' || failure === 'huge') return oversized(failure, reply, type, byTcp)
  if (failure !== undefined) return failed(failure, reply, byTcp)
  if (entry === undefined) {
    reply.header.rcode = RCODE.nxdomain
    return reply
  }
  const answers = records(entry, name, type, names) as PacketShape['answers']
  // More than anybody takes in a datagram.
  if (!byTcp && JSON.stringify(answers).length > 20_000) reply.header.tc = 1
  else reply.answers.push(...answers)
  for (const [other, more] of Object.entries(entry.poison ?? {})) {
    const foreign = records(more, other, type, names) as PacketShape['answers']
    reply.answers.push(...foreign)
    reply.additionals.push(...foreign)
  }
  return reply
}

/** Too much for a datagram; written by dns-packet, as dns2 takes seconds for it. */
function oversized(failure: 'thousands' | 'huge', reply: PacketShape, type: string, byTcp: boolean): Buffer {
  const { name } = reply.questions[0]!
  const make = (i: number) => ({ type, name, ttl: 60, data: dataOf(type, i, failure) })
  const count = failure === 'huge' ? 1 : 600
  return encode({
    type: 'response',
    id: reply.header.id,
    flags: RECURSION_AVAILABLE | (byTcp ? 0 : TRUNCATED_RESPONSE),
    questions: [{ type: type as 'A', name }],
    answers: byTcp ? (Array.from({ length: count }, (_, i) => make(i)) as Answer[]) : [],
  })
}

function dataOf(type: string, i: number, failure: 'thousands' | 'huge'): unknown {
  switch (type) {
    case 'A':
      return `44.1.${i >> 8}.${i & 255}`
    case 'AAAA':
      return `2a01:1::${i.toString(16)}`
    case 'MX':
      return { preference: i, exchange: `h${i}.test` }
    case 'TXT':
      return failure === 'huge' ? Array.from({ length: 230 }, () => 'x'.repeat(255)) : `text ${i}`
    default:
      return `h${i}.test`
  }
}

function failed(
  failure: Exclude<Failure, 'thousands' | 'huge'>,
  reply: PacketShape,
  byTcp: boolean,
): PacketShape | Buffer | undefined {
  const { id } = reply.header
  const name = reply.questions[0]!.name
  const record = { name, class: Packet.CLASS.IN, ttl: 60 }
  switch (failure) {
    case 'drop':
      return undefined
    case 'garbage':
      return Buffer.from([id >> 8, id & 255, 0x81, 0x80, 0, 1, 255])
    case 'lame':
      reply.header.ra = 0
      reply.authorities.push({ ...record, name: 'test', type: Packet.TYPE.NS, ns: 'a.servers.test' } as never)
      return reply
    case 'truncated':
      reply.header.tc = 1
      return byTcp ? undefined : reply
    case 'wrong-id':
      reply.header.id = (id + 1) & 0xffff
      return reply
    case 'wrong-name':
      reply.questions[0]!.name = 'other.test'
      return reply
    default:
      reply.header.rcode = RCODE[failure]
      return reply
  }
}

/** Aliases in a circle go round so often in one answer. */
const MAX_ALIASES = 4

function records(
  entry: ZoneEntry,
  name: string,
  type: string,
  names: ReadonlyMap<string, ZoneEntry>,
  depth = 0,
): object[] {
  const make = (code: number, data: object) => ({
    name,
    type: code,
    class: Packet.CLASS.IN,
    ttl: entry.ttl ?? 60,
    ...data,
  })
  if (entry.cname !== undefined) {
    const target = names.get(entry.cname.toLowerCase())
    const alias = make(Packet.TYPE.CNAME, { domain: entry.cname })
    const further = type !== 'CNAME' && depth < MAX_ALIASES && target !== undefined
    return further ? [alias, ...records(target, entry.cname, type, names, depth + 1)] : [alias]
  }
  switch (type) {
    case 'A':
      return (entry.a ?? []).map(address => make(Packet.TYPE.A, { address }))
    case 'AAAA':
      return (entry.aaaa ?? []).map(address => make(Packet.TYPE.AAAA, { address }))
    case 'MX':
      return (entry.mx ?? []).map(([priority, exchange]) => make(Packet.TYPE.MX, { priority, exchange }))
    case 'TXT':
      return (entry.txt ?? []).map(data => make(Packet.TYPE.TXT, { data: strings(data) }))
    case 'PTR':
      return (entry.ptr ?? []).map(domain => make(Packet.TYPE.PTR, { domain }))
    default:
      return []
  }
}

/** RFC 1035 §3.3: a string has at most 255 octets. */
function strings(text: string): readonly string[] {
  return text.match(/.{1,255}/gs) ?? ['']
}
