/**
 * Networks as admins write them (`192.0.2.0/24`, `2001:db8::/32`, a single address) and sets of them.
 * IPv4 addresses mapped into IPv6 count as IPv4 on both sides. A look-up costs one step per distinct prefix length,
 * however many networks there are.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Of no use outside of one's own house: loopback, private use (RFC 1918, RFC 4193), shared (RFC 6598), link-local. */
export const LOCAL_NETWORKS: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]

/** Where no mail server of the world can be: RFC 6890 and what IANA's registries of special addresses added to it, and multicast. */
export const UNROUTABLE_NETWORKS: readonly string[] = [
  ...LOCAL_NETWORKS,
  '0.0.0.0/8',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::',
  '100::/64',
  '2001:db8::/32',
  'ff00::/8',
]

interface Network {
  readonly bytes: readonly number[]
  readonly bits: number
}

/** A test for one network; `undefined` when the text is none. */
export function parseNetwork(text: string): ((ip: string) => boolean) | undefined {
  if (readNetwork(text) === undefined) return undefined
  const set = new NetworkSet([text])
  return ip => set.has(ip)
}

export class NetworkSet {
  /** Masked addresses by family and prefix length. */
  readonly #masked = new Map<string, { bits: number; family: number; keys: Set<string> }>()

  /** Throws a RangeError for text that is no network; config is checked before. */
  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const network = readNetwork(text)
      if (network === undefined) throw new RangeError(`not a network: ${text}`)
      const family = network.bytes.length
      const group = `${family}/${network.bits}`
      const known = this.#masked.get(group) ?? { bits: network.bits, family, keys: new Set<string>() }
      known.keys.add(maskedKey(network.bytes, network.bits))
      this.#masked.set(group, known)
    }
  }

  has(ip: string): boolean {
    if (this.#masked.size === 0) return false
    const bytes = addressBytes(ip)
    if (bytes === undefined) return false
    for (const { bits, family, keys } of this.#masked.values()) {
      if (family === bytes.length && keys.has(maskedKey(bytes, bits))) return true
    }
    return false
  }
}

/** Something said of networks; the longest one that an address is of has the word. */
export class NetworkMap<T> {
  /** By family and prefix length, the longest first. */
  readonly #groups: { readonly bits: number; readonly family: number; readonly values: Map<string, T> }[] = []

  /** Throws a RangeError for text that is no network. */
  set(text: string, value: T): void {
    const network = readNetwork(text)
    if (network === undefined) throw new RangeError(`not a network: ${text}`)
    const { bits, bytes } = network
    let group = this.#groups.find(one => one.bits === bits && one.family === bytes.length)
    if (group === undefined) {
      group = { bits, family: bytes.length, values: new Map() }
      this.#groups.push(group)
      this.#groups.sort((a, b) => b.bits - a.bits)
    }
    group.values.set(maskedKey(bytes, bits), value)
  }

  find(ip: string): T | undefined {
    const bytes = this.#groups.length === 0 ? undefined : addressBytes(ip)
    if (bytes === undefined) return undefined
    for (const { bits, family, values } of this.#groups) {
      const found = family === bytes.length ? values.get(maskedKey(bytes, bits)) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }
}

/**
 * The network an address is one of, as people count them: /24 of IPv4, /64 of IPv6, when nothing else is said. A network of one is written
 * as its address. `undefined` for what is no address: a Unix socket.
 */
export function networkAround(ip: string, { ipv4 = 24, ipv6 = 64 }: Partial<PrefixLengths> = {}): string | undefined {
  const bytes = addressBytes(ip)
  if (bytes === undefined) return undefined
  const bits = bytes.length === 4 ? ipv4 : ipv6
  const kept = bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - at * 8))) & 0xff)
  const address = ipaddr.fromByteArray(kept).toString()
  return bits === bytes.length * 8 ? address : `${address}/${bits}`
}

export interface PrefixLengths {
  readonly ipv4: number
  readonly ipv6: number
}

/** An address as zones of the name service have it: octets or nibbles (RFC 3596 §2.5) from the last to the first. `undefined`: no address. */
export function reversedLabels(ip: string): string | undefined {
  const bytes = addressBytes(ip)
  if (bytes === undefined) return undefined
  if (bytes.length === 4) return [...bytes].reverse().join('.')
  const nibbles = bytes.flatMap(byte => [byte >> 4, byte & 15])
  return nibbles
    .reverse()
    .map(nibble => nibble.toString(16))
    .join('.')
}

/**
 * A network as one short text for look-ups: family, prefix length, and the bits that count in hexadecimal, as `4/24/c00002`. `undefined`: no
 * network.
 */
export function networkKey(text: string): string | undefined {
  const network = readNetwork(text)
  if (network === undefined) return undefined
  const { bytes, bits } = network
  return keyFrom(bytes.length === 4 ? 4 : 6, hexOf(bytes), bits)
}

/** Keys of the networks with these prefix lengths that an address is of, in the order of the lengths; none for what is no address. */
export function networkKeys(
  ip: string,
  { ipv4, ipv6 }: { readonly ipv4: readonly number[]; readonly ipv6: readonly number[] },
): readonly string[] {
  const bytes = addressBytes(ip)
  if (bytes === undefined) return []
  const hex = hexOf(bytes)
  return bytes.length === 4 ? ipv4.map(bits => keyFrom(4, hex, bits)) : ipv6.map(bits => keyFrom(6, hex, bits))
}

function hexOf(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('hex')
}

function keyFrom(family: 4 | 6, hex: string, bits: number): string {
  const whole = bits >> 2
  const rest = bits & 3
  const part = rest === 0 ? '' : (Number.parseInt(hex[whole]!, 16) & (0xf0 >> rest) & 0xf).toString(16)
  return `${family}/${bits}/${hex.slice(0, whole)}${part}`
}

function readNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const family = isIP(address)
  if (family === 0) return undefined
  const written = family === 4 ? octetsOf(address) : ipaddr.parse(address).toByteArray()
  const bits = slash < 0 ? written.length * 8 : readBits(text.slice(slash + 1), written.length * 8)
  if (bits === undefined) return undefined
  const bytes = family === 4 ? written : addressBytes(address)!
  const mapped = bytes.length !== written.length
  if (mapped && bits < 96) return { bytes: written, bits }
  return { bytes, bits: mapped ? bits - 96 : bits }
}

function readBits(text: string, most: number): number | undefined {
  return /^[0-9]{1,3}$/.test(text) && Number(text) <= most ? Number(text) : undefined
}

function addressBytes(ip: string): readonly number[] | undefined {
  const zone = ip.indexOf('%')
  const bare = zone < 0 ? ip : ip.slice(0, zone)
  const family = isIP(bare)
  if (family === 4) return octetsOf(bare)
  return family === 0 ? undefined : ipaddr.process(bare).toByteArray()
}

/** Of an IPv4 address: lists hold a million of them. */
function octetsOf(address: string): readonly number[] {
  return address.split('.').map(Number)
}

function maskedKey(bytes: readonly number[], bits: number): string {
  let key = ''
  for (let i = 0; i * 8 < bits; i++) {
    const keep = Math.min(8, bits - i * 8)
    key += String.fromCharCode(bytes[i]! & (0xff00 >> keep) & 0xff)
  }
  return key
}
