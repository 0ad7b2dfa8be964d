/**
 * One list of allow and deny entries and how an address, a name or a network finds its entry: the longest match wins, by
 * look-ups in Maps whose number depends on the length of the name asked for and never on the length of the list.
 */
import ipaddr from 'ipaddr.js'

export interface Entry {
  readonly kind: 'deny' | 'allow'
  readonly pattern: string
  readonly reason?: string
  /** `access.yaml:12:5`, for the log. */
  readonly place: string
}

/** Networks by prefix length. IPv4-mapped IPv6 addresses count as IPv4. */
export class NetworkList {
  /** `4/24` → network bytes → entry. */
  readonly #byLength = new Map<string, Map<string, Entry>>()
  #lengths: readonly { readonly kind: string; readonly bits: number }[] = []

  /** False when the pattern is no network; the entry found there already when there is one. */
  add(pattern: string, entry: Entry): Entry | boolean {
    const network = readNetwork(pattern)
    if (network === undefined) return false
    const group = `${network.kind}/${network.bits}`
    const entries = this.#byLength.get(group) ?? new Map<string, Entry>()
    const key = mask(network.bytes, network.bits)
    const there = entries.get(key)
    if (there !== undefined) return there
    this.#byLength.set(group, entries.set(key, entry))
    this.#lengths = [...this.#byLength.keys()]
      .map(name => ({ kind: name.split('/')[0]!, bits: Number(name.split('/')[1]) }))
      .sort((a, b) => b.bits - a.bits)
    return true
  }

  find(ip: string): Entry | undefined {
    const address = readAddress(ip)
    if (address === undefined) return undefined
    for (const { kind, bits } of this.#lengths) {
      if (kind !== address.kind) continue
      const entry = this.#byLength.get(`${kind}/${bits}`)?.get(mask(address.bytes, bits))
      if (entry !== undefined) return entry
    }
    return undefined
  }
}

interface Bytes {
  readonly kind: 'ipv4' | 'ipv6'
  readonly bytes: readonly number[]
}

function readAddress(text: string): Bytes | undefined {
  const bare = text.split('%', 1)[0]!
  if (!ipaddr.isValid(bare)) return undefined
  const address = ipaddr.process(bare)
  return { kind: address.kind(), bytes: address.toByteArray() }
}

function readNetwork(pattern: string): (Bytes & { readonly bits: number }) | undefined {
  const [address, length, ...rest] = pattern.split('/')
  // Only whole addresses: ipaddr.js would read "10" and "0x7f.1" too.
  if (address === undefined || rest.length > 0 || !/^(\d+(\.\d+){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i.test(address))
    return undefined
  const read = readAddress(address)
  if (read === undefined || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined
  const most = read.bytes.length * 8
  const bits = length === undefined ? most : Number(length)
  return bits > most ? undefined : { ...read, bits }
}

function mask(bytes: readonly number[], bits: number): string {
  return bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - at * 8)))).join('.')
}

/** `host.example.org` matches itself, `.example.org` everything below. */
export class NameList {
  readonly #entries = new Map<string, Entry>()

  add(pattern: string, entry: Entry): Entry | boolean {
    const key = pattern.toLowerCase()
    if (!/^\.?[^.\s@*]+(\.[^.\s@*]+)*$/u.test(key) || key.length > 255) return false
    const there = this.#entries.get(key)
    if (there !== undefined) return there
    this.#entries.set(key, entry)
    return true
  }

  find(name: string): Entry | undefined {
    const key = name.toLowerCase().replace(/\.$/, '').slice(0, 255)
    const exact = this.#entries.get(key)
    if (exact !== undefined) return exact
    for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
      const entry = this.#entries.get(key.slice(dot))
      if (entry !== undefined) return entry
    }
    return undefined
  }
}

/** `user@example.org`, then `@example.org`, then `.example.org` and `.org`; `<>` is the null sender. */
export class AddressList {
  readonly #addresses = new Map<string, Entry>()
  readonly #domains = new NameList()

  add(pattern: string, entry: Entry): Entry | boolean {
    const key = pattern.toLowerCase()
    if (!key.includes('@') && key !== '<>') return key.startsWith('.') ? this.#domains.add(key, entry) : false
    if (key !== '<>' && !/^[^\s@]*@[^\s@]+$/u.test(key)) return false
    const there = this.#addresses.get(key)
    if (there !== undefined) return there
    this.#addresses.set(key, entry)
    return true
  }

  /** `undefined` for the domain of the null sender. */
  find(local: string, domain: string | undefined): Entry | undefined {
    if (domain === undefined) return this.#addresses.get('<>')
    const at = `@${domain.toLowerCase()}`
    return this.#addresses.get(`${local.toLowerCase()}${at}`) ?? this.#addresses.get(at) ?? this.#domains.find(domain)
  }
}
