/**
 * Things by host name, as TLS asks for them (RFC 6066 §3): an exact name first, then a wildcard for one label (RFC 9525 §6.3), then nothing.
 * Names come from clients, so they are keys of a Map and never believed to be short or well formed.
 */
export class ByName<T> {
  readonly #exact = new Map<string, T>()
  /** By what stands behind `*.` */
  readonly #wildcards = new Map<string, T>()

  /** The first one to claim a name keeps it. */
  add(name: string, thing: T): void {
    const key = name.toLowerCase()
    const [map, at] = key.startsWith('*.') ? [this.#wildcards, key.slice(2)] : [this.#exact, key]
    if (!map.has(at)) map.set(at, thing)
  }

  find(asked: string): T | undefined {
    const name = asked.toLowerCase().replace(/\.$/, '')
    const dot = name.indexOf('.')
    return this.#exact.get(name) ?? (dot > 0 ? this.#wildcards.get(name.slice(dot + 1)) : undefined)
  }
}
