/**
 * The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): who really talks to us, told by a proxy in front.
 * Reading is strict and bounded: only a whole, well-formed header is believed, and nothing behind it is consumed. Whom to believe at all
 * is decided elsewhere; a peer that is not named as a proxy is never asked.
 */
import { isIPv4, isIPv6, type Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Endpoint } from '../api/index.js'

export interface ProxyHeader {
  readonly kind: 'header'
  /** Octets of the header. */
  readonly length: number
  /** Left out: the proxy speaks for itself (LOCAL, UNKNOWN, UNSPEC): health checks do. */
  readonly ends?: { readonly remote: Endpoint; readonly local: Endpoint }
}

export type ProxyRead = ProxyHeader | { readonly kind: 'more' } | { readonly kind: 'bad'; readonly why: string }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1 = Buffer.from('PROXY ')
/** §2.1: with CRLF. */
const V1_MOST = 107
const V2_HEAD = 16
/** §2.2 lets proxies send up to 64 KB of extras; those of real proxies (ALPN, TLS facts, a unique id) fit in here. */
const V2_MOST = 2048
const PORT = /^(?:0|[1-9][0-9]{0,4})$/

export function readProxyHeader(input: Buffer): ProxyRead {
  if (begins(input, SIGNATURE)) return input.length < V2_HEAD ? MORE : readV2(input)
  if (begins(input, V1)) return readV1(input)
  return bad('no PROXY header')
}

const MORE = { kind: 'more' } as const

function bad(why: string): ProxyRead {
  return { kind: 'bad', why }
}

function begins(input: Buffer, wanted: Buffer): boolean {
  const length = Math.min(input.length, wanted.length)
  return input.subarray(0, length).equals(wanted.subarray(0, length))
}

/** §2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 12345 25` CRLF, single spaces. */
function readV1(input: Buffer): ProxyRead {
  const end = input.indexOf('\r\n')
  if (end < 0) return input.length >= V1_MOST ? bad('PROXY line is too long') : MORE
  if (end + 2 > V1_MOST) return bad('PROXY line is too long')
  const length = end + 2
  const [, family, from, to, fromPort, toPort, ...more] = input.toString('latin1', 0, end).split(' ')
  // What stands behind UNKNOWN must be ignored.
  if (family === 'UNKNOWN') return { kind: 'header', length }
  if (family !== 'TCP4' && family !== 'TCP6') return bad('PROXY line names no known family')
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6
  if (!from || !to || !isAddress(from) || !isAddress(to) || from.includes('%') || to.includes('%'))
    return bad('PROXY line has a bad address')
  if (!isPort(fromPort) || !isPort(toPort) || more.length > 0) return bad('PROXY line has a bad port')
  return {
    kind: 'header',
    length,
    ends: { remote: endpoint(from, Number(fromPort)), local: endpoint(to, Number(toPort)) },
  }
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && PORT.test(text) && Number(text) <= 65_535
}

/** §2.2: signature, version and command, family and transport, length, addresses, extras. */
function readV2(input: Buffer): ProxyRead {
  const versionAndCommand = input[12]!
  const family = input[13]!
  const size = input.readUInt16BE(14)
  const length = V2_HEAD + size
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) return bad('PROXY header has a bad version or command')
  if (length > V2_MOST) return bad('PROXY header is too long')
  if (input.length < length) return MORE
  if (versionAndCommand === 0x20) return { kind: 'header', length }
  const addresses = input.subarray(V2_HEAD, length)
  switch (family) {
    // UNSPEC, and Unix sockets: the proxy's own address has to do.
    case 0x00:
    case 0x31:
      return { kind: 'header', length }
    case 0x11:
      return size < 12 ? bad('PROXY header is too short') : { kind: 'header', length, ends: endsOf(addresses, 4) }
    case 0x21:
      return size < 36 ? bad('PROXY header is too short') : { kind: 'header', length, ends: endsOf(addresses, 16) }
    default:
      return bad('PROXY header is not for TCP')
  }
}

function endsOf(octets: Buffer, width: 4 | 16): NonNullable<ProxyHeader['ends']> {
  const port = width * 2
  return {
    remote: endpoint(addressOf(octets.subarray(0, width)), octets.readUInt16BE(port)),
    local: endpoint(addressOf(octets.subarray(width, port)), octets.readUInt16BE(port + 2)),
  }
}

function addressOf(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.')
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) groups.push(octets.readUInt16BE(at).toString(16))
  return groups.join(':')
}

function endpoint(address: string, port: number): Endpoint {
  // As a socket of our own would say it: the shortest form of IPv6, and IPv4 mapped into IPv6 as IPv4.
  return { address: ipaddr.process(address).toString(), port }
}

/** Takes the header off the socket and leaves everything behind it. Rejects when there is none, or none in time. */
export function takeProxyHeader(socket: Socket, withinMs: number): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0)
    const end = (done: () => void) => {
      clearTimeout(timer)
      socket.off('readable', onReadable).off('end', onEnd).off('close', onEnd)
      done()
    }
    const fail = (why: string) => end(() => reject(new ProxyError(why)))
    const onReadable = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
        const read = readProxyHeader(held)
        if (read.kind === 'bad') return fail(read.why)
        if (read.kind === 'header') {
          return end(() => {
            if (held.length > read.length) socket.unshift(held.subarray(read.length))
            resolve(read)
          })
        }
      }
    }
    const onEnd = () => fail('closed before the PROXY header')
    const timer = setTimeout(() => fail('no PROXY header in time'), withinMs)
    socket.on('readable', onReadable).on('end', onEnd).on('close', onEnd)
  })
}

/** The proxy's doing, or of someone who takes its place. */
export class ProxyError extends Error {}
