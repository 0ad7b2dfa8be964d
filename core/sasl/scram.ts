/**
 * SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password, we prove that we know its keys, and neither is sent. The
 * -PLUS forms bind that proof to the TLS connection below, so that nobody in between can pass it on.
 * An account may have several passwords, of one salt: the proof is compared with the keys of all of them, and our own is made with those of the
 * one that fits. A wrong password, an unknown login and a wrong binding sound the same and cost the same.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { ChannelBinding, ScramCandidate, ScramKeys } from '../api/index.js'
import { prepareName, ReadError } from '../text/index.js'
import type { Gs2Header } from './gs2.js'
import { challenge, type Machine, malformed, refused, type Turn } from './mechanism.js'
import { type ClientFinal, type ClientFirst, readClientFinal, readClientFirst } from './scram-messages.js'

const BINDING_TYPES = ['tls-exporter', 'tls-server-end-point'] as const
/** Per mechanism: the name of its hash, and the length of what it gives. */
export const HASHES = { 'SCRAM-SHA-1': ['sha1', 20], 'SCRAM-SHA-256': ['sha256', 32] } as const

export interface ScramWish {
  readonly mechanism: ScramKeys['mechanism']
  /** The -PLUS form. */
  readonly plus: boolean
  /** The -PLUS form is offered to this client. */
  readonly plusOffered: boolean
  readonly binding: ChannelBinding
  /** Printable, without a comma: 18 random octets in base64. */
  readonly nonce: string
}

interface Open {
  readonly first: ClientFirst
  readonly login: string
  /** What the client's `c=` has to be. */
  readonly binding: Buffer
}

interface Waiting extends Open {
  readonly keys: ScramKeys
  readonly known: number
  readonly serverFirst: string
}

export function scram(wish: ScramWish): Machine {
  return new Scram(wish)
}

class Scram implements Machine {
  readonly #wish: ScramWish
  #open: Open | undefined
  #waiting: Waiting | undefined
  #proven = false

  constructor(wish: ScramWish) {
    this.#wish = wish
  }

  respond(response: Buffer | undefined): Turn {
    if (this.#proven) return response?.length === 0 ? { kind: 'done' } : malformed('Expected an empty response')
    // RFC 5802 §5: the client speaks first.
    if (response === undefined) return challenge('')
    try {
      return this.#waiting === undefined ? this.#begin(response) : this.#finish(this.#waiting, response)
    } catch (error) {
      if (error instanceof ReadError) return malformed(`SCRAM: ${error.message}`)
      throw error
    }
  }

  #begin(response: Buffer): Turn {
    const first = readClientFirst(response)
    const login = prepareName(first.login)
    const data = bindingOf(first.header, this.#wish)
    if (login === undefined) return refused('no such login can be')
    if (data === undefined) return refused(disagreement(first.header, this.#wish))
    const { actFor } = first.header
    if (actFor !== undefined && prepareName(actFor) !== login) return refused('wants to act for another')
    this.#open = { first, login, binding: Buffer.concat([Buffer.from(first.header.text), data]) }
    return { kind: 'keys', login, mechanism: this.#wish.mechanism }
  }

  keys(keys: ScramKeys, known: number): Turn {
    if (this.#open === undefined) throw new Error('SCRAM was given keys before it asked')
    const nonce = this.#open.first.nonce + this.#wish.nonce
    const serverFirst = `r=${nonce},s=${keys.salt},i=${keys.iterations}`
    this.#waiting = { ...this.#open, keys, known, serverFirst }
    return challenge(serverFirst)
  }

  #finish({ first, login, binding, keys, known, serverFirst }: Waiting, response: Buffer): Turn {
    const final = readClientFinal(response)
    const signed = `${first.bare},${serverFirst},${final.withoutProof}`
    const { mechanism } = this.#wish
    // All of it is computed before anything is judged, and every candidate is compared.
    const fits = keys.candidates.map(candidate => isProof(mechanism, candidate, signed, final.proof))
    const at = fits.indexOf(true)
    const judged = [
      [isSame(final.binding, binding.toString('base64')), 'bound to another channel'],
      [isSame(final.nonce, first.nonce + this.#wish.nonce), 'another nonce'],
      [at >= 0 && at < known, 'wrong password, or nobody has this login'],
    ] as const
    const wrong = judged.find(([right]) => !right)
    if (wrong !== undefined) return refused(wrong[1])
    this.#proven = true
    const candidate = keys.candidates[at]!
    const verifier = hmac(mechanism, Buffer.from(candidate.serverKey, 'base64'), signed)
    return { kind: 'proven', login, mechanism, candidate, data: Buffer.from(`v=${verifier.toString('base64')}`) }
  }
}

/** The data that has to stand behind the header in `c=`; `undefined` when client and server disagree about binding (RFC 5802 §6). */
function bindingOf({ flag }: Gs2Header, { plus, plusOffered, binding }: ScramWish): Buffer | undefined {
  if (typeof flag === 'object') {
    const type = BINDING_TYPES.find(known => known === flag.type)
    return plus && type !== undefined ? binding.data(type) : undefined
  }
  if (plus) return undefined
  // `y`: it thinks that we offer no -PLUS. Where we do, somebody in between has cut it out.
  return flag === 'y' && plusOffered ? undefined : Buffer.alloc(0)
}

function disagreement({ flag }: Gs2Header, { plus }: ScramWish): string {
  if (typeof flag === 'object') return plus ? `cannot bind by ${flag.type}` : 'binds without the -PLUS form'
  return plus
    ? 'the -PLUS form without a binding'
    : 'was not told that -PLUS is offered: somebody in between may have cut it out'
}

/** RFC 5802 §3: ClientKey is the proof XOR ClientSignature, and StoredKey its hash. */
function isProof(
  mechanism: ScramKeys['mechanism'],
  candidate: ScramCandidate,
  signed: string,
  proof: ClientFinal['proof'],
): boolean {
  const [hash, bytes] = HASHES[mechanism]
  const storedKey = Buffer.from(candidate.storedKey, 'base64')
  const signature = hmac(mechanism, storedKey, signed)
  const given = Buffer.from(proof, 'base64')
  const fits = given.length === bytes
  const clientKey = Buffer.from(signature.map((octet, at) => octet ^ (given[at] ?? 0)))
  return timingSafeEqual(createHash(hash).update(clientKey).digest(), storedKey) && fits
}

function hmac(mechanism: ScramKeys['mechanism'], key: Buffer, text: string): Buffer {
  return createHmac(HASHES[mechanism][0], key).update(text).digest()
}

/** By digests, so that not even the length shows. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
