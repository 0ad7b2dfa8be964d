/**
 * One list of allow and deny entries and how an address, a name or a network finds its entry: the longest match wins, by
 * look-ups in Maps whose number depends on the length of the name asked for and never on the length of the list.
 */
import { networkKey, networkKeys } from 'posthouse/text'

export interface Entry {
  readonly kind: 'deny' | 'allow'
  readonly pattern: string
  readonly reason?: string
  /** `access.yaml:12:5`, for the log. */
  readonly place: string
}

/** The longest network wins. IPv4-mapped IPv6 addresses count as IPv4. */
export class NetworkList {
  readonly #entries = new Map<string, Entry>()
  /** Prefix lengths that occur, the longest first. */
  readonly #lengths: { readonly ipv4: number[]; readonly ipv6: number[] } = { ipv4: [], ipv6: [] }

  /** False when the pattern is no network; the entry found there already when there is one. */
  add(pattern: string, entry: Entry): Entry | boolean {
    const key = networkKey(pattern)
    if (key === undefined) return false
    const there = this.#entries.get(key)
    if (there !== undefined) return there
    this.#entries.set(key, entry)
    const [family, bits] = key.split('/', 2)
    const lengths = family === '4' ? this.#lengths.ipv4 : this.#lengths.ipv6
    if (!lengths.includes(Number(bits))) lengths.push(Number(bits))
    lengths.sort((one, other) => other - one)
    return true
  }

  find(ip: string): Entry | undefined {
    for (const key of networkKeys(ip, this.#lengths)) {
      const entry = this.#entries.get(key)
      if (entry !== undefined) return entry
    }
    return undefined
  }
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
