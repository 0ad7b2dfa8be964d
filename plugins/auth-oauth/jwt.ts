/**
 * Checks tokens that are signed (JWT) by the provider's published keys. Algorithms are those of the config, all of them with public
 * keys: `none`, and keys of ours taken for shared secrets, cannot be said (RFC 8725 §3.1). An end is demanded of every token.
 */
import type { JSONWebKeySet, JWTVerifyOptions } from 'jose'
import type { Clock, Log } from 'posthouse/api'
import { ProviderKeys } from './keys.js'
import { ask, ProviderDown } from './provider.js'
import type { Checked, Checker } from './token.js'

/** 5 s of requests that wait, and some hundred keys. */
const MAX_BYTES = 256 * 1024

export interface JwtOptions {
  readonly url: string
  readonly issuer: string
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  readonly skewMs: number
  readonly freshMs: number
  readonly timeoutMs: number
  readonly clock: Clock
  readonly log: Log
}

type Jose = typeof import('jose')
type Find = ReturnType<Jose['createLocalJWKSet']>

export function jwtChecker(options: JwtOptions): Checker {
  let loading: Promise<Jose> | undefined
  const keys = new ProviderKeys<Find>({
    fetch: async () => keysFrom(await ask(options.url, {}, { timeoutMs: options.timeoutMs, maxBytes: MAX_BYTES })),
    freshMs: options.freshMs,
    now: () => options.clock.now(),
    log: options.log,
  })

  async function keysFrom(answer: object): Promise<Find> {
    const { createLocalJWKSet } = await loading!
    try {
      return createLocalJWKSet(answer as JSONWebKeySet)
    } catch (error) {
      throw new ProviderDown('publishes no keys', error)
    }
  }

  return async token => {
    // Loaded by the first token: it costs more than a start should.
    loading ??= import('jose')
    const jose = await loading
    if (!isIssued(jose, token, options.issuer)) return { kind: 'refused', why: 'not of this issuer' }
    const known = await keys.current()
    const first = await verify(jose, token, known, options)
    if (first !== 'no such key') return first
    const newer = await keys.newerThan(known)
    const second = newer && (await verify(jose, token, newer, options))
    return second === undefined || second === 'no such key' ? { kind: 'refused', why: 'unknown key' } : second
  }
}

/** What the token says of itself: others are nothing we need keys for. */
function isIssued({ decodeJwt }: Jose, token: string, issuer: string): boolean {
  try {
    return decodeJwt(token).iss === issuer
  } catch {
    // no JWT at all
    return false
  }
}

async function verify(jose: Jose, token: string, keys: Find, options: JwtOptions): Promise<Checked | 'no such key'> {
  const wanted: JWTVerifyOptions = {
    issuer: options.issuer,
    audience: [...options.audience],
    algorithms: [...options.algorithms],
    clockTolerance: options.skewMs / 1000,
    currentDate: new Date(options.clock.now()),
    requiredClaims: ['exp'],
  }
  try {
    const { payload } = await jose.jwtVerify(token, keys, wanted)
    return { kind: 'claims', claims: payload }
  } catch (error) {
    if (error instanceof jose.errors.JWKSNoMatchingKey) return 'no such key'
    if (error instanceof jose.errors.JWKSInvalid) throw new ProviderDown('publishes no keys', error)
    if (error instanceof jose.errors.JOSEError) return { kind: 'refused', why: `${error.code}: ${error.message}` }
    // A key that cannot be used is the provider's fault, not the token's.
    throw new ProviderDown('publishes a key that cannot be used', error)
  }
}
