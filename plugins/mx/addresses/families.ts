/**
 * Whether IPv6 and IPv4 work from here, as far as this worker has seen. A family without a way out is found out at once, one whose packets
 * vanish after a few connections in a row that nobody answered; for a while its addresses come last then. It is never given up: a host
 * that has no others is tried by them, and one answer clears it.
 */
import { isIPv6 } from 'node:net'
import type { Trouble } from '../client/trouble.js'

type Family = 'four' | 'six'

interface Standing {
  /** Connections in a row that nobody answered. */
  silent: number
  outUntil: number
}

/** So many hosts may be down before it is the family. */
const SILENT = 2
const OUT_MS = 600_000
/** While the other family of the same host is still to be tried. */
const SHORT_MS = 5000
/** There is no way for this family, or no address of ours to go out by. */
const NO_WAY = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

export class Families {
  readonly #now: () => number
  readonly #standing: Readonly<Record<Family, Standing>> = {
    four: { silent: 0, outUntil: 0 },
    six: { silent: 0, outUntil: 0 },
  }

  constructor(now: () => number) {
    this.#now = now
  }

  /** The addresses of one host, those that are likely to answer first. */
  inOrder(addresses: readonly string[]): readonly string[] {
    const out = (address: string) => Number(this.#now() < this.#standing[familyOf(address)].outUntil)
    return addresses.toSorted((a, b) => out(a) - out(b))
  }

  /** How long to wait for this one when `later` are to come: a dead family is found out soon. */
  patience(address: string, later: readonly string[], usualMs: number): number {
    const another = later.some(one => familyOf(one) !== familyOf(address))
    return another ? Math.min(usualMs, SHORT_MS) : usualMs
  }

  answered(address: string): void {
    Object.assign(this.#standing[familyOf(address)], { silent: 0, outUntil: 0 })
  }

  failed(address: string, trouble: Trouble): void {
    if (trouble.kind !== 'connect') return
    const standing = this.#standing[familyOf(address)]
    const code = codeOf(trouble.cause)
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET') {
      // somebody is there
      this.answered(address)
      return
    }
    standing.silent += NO_WAY.has(code) ? SILENT : 1
    if (standing.silent >= SILENT) standing.outUntil = this.#now() + OUT_MS
  }
}

function familyOf(address: string): Family {
  return isIPv6(address) ? 'six' : 'four'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
