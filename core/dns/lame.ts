/**
 * A server that is not responsible and does not ask others ("lame") answers with a referral: no error, no records. c-ares takes that for
 * "no such record" and shows no flags, and somebody would be refused for it. So where c-ares says "no data", the flags are looked at: a server
 * that offers recursion is believed from then on for a while; of another one only answers with authority are.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import { parseEndpoint } from '../text/index.js'

/** RFC 1035 §3.2.2, RFC 3596 §2.1. */
const TYPES = { a: 1, ptr: 12, mx: 15, txt: 16, aaaa: 28 } as const
const BELIEVED_MS = 600_000
/** RFC 1035 §4.1.1, in the second 16 bits of a header. */
const FLAGS = { response: 0x8000, authority: 0x0400, recursion: 0x0080 } as const

export interface Probe {
  readonly servers: readonly string[]
  readonly question: keyof typeof TYPES
  readonly name: string
  readonly timeoutMs: number
}

export class Recursion {
  /** Servers that offered recursion, and until when that is believed. */
  readonly #believed = new Map<string, number>()

  /** Whether "no data" comes from somebody who can know. A server that is silent now is believed: it has just answered c-ares. */
  async isCertain({ servers, question, name, timeoutMs }: Probe, now: number): Promise<boolean> {
    for (const server of servers) {
      if ((this.#believed.get(server) ?? 0) > now) return true
      const flags = await flagsOf(server, encode(question, name), timeoutMs)
      if (flags === undefined) continue
      const recursive = (flags & FLAGS.recursion) !== 0
      if (recursive) this.#believed.set(server, now + BELIEVED_MS)
      return recursive || (flags & FLAGS.authority) !== 0
    }
    return true
  }
}

function encode(question: keyof typeof TYPES, name: string): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(randomInt(65_536), 0)
  // recursion desired, one question
  header.writeUInt16BE(0x0100, 2)
  header.writeUInt16BE(1, 4)
  const labels = name
    .split('.')
    .map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
  const end = Buffer.alloc(5)
  end.writeUInt16BE(TYPES[question], 1)
  end.writeUInt16BE(1, 3)
  return Buffer.concat([header, ...labels, end])
}

/** Of the answer to this very query; `undefined`: none came. */
function flagsOf(server: string, query: Buffer, timeoutMs: number): Promise<number | undefined> {
  const place = placeOf(server)
  if (place === undefined) return Promise.resolve(undefined)
  const socket = createSocket(isIPv6(place.host) ? 'udp6' : 'udp4')
  return new Promise(resolve => {
    const end = (flags: number | undefined) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.close()
      resolve(flags)
    }
    const timer = setTimeout(() => end(undefined), timeoutMs)
    socket.on('error', () => end(undefined))
    socket.on('message', (answer: Buffer) => {
      if (answer.length < 12 || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return
      const flags = answer.readUInt16BE(2)
      if ((flags & FLAGS.response) !== 0) end(flags)
    })
    // Connected, so that nobody else is heard.
    socket.connect(place.port, place.host, () => socket.send(query))
  })
}

function placeOf(server: string): { readonly host: string; readonly port: number } | undefined {
  if (isIP(server) !== 0) return { host: server, port: 53 }
  const parts = parseEndpoint(server)
  return parts?.kind === 'tcp' ? parts : undefined
}
