/**
 * The client's side of every mechanism, written from the RFCs and of nothing that the server uses: so that the two can be held against
 * each other. A client is asked for its next response until the exchange is over.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export interface SaslClient {
  readonly mechanism: string
  /** The initial response; `undefined` for mechanisms that wait for the server. */
  readonly initial: Buffer | undefined
  /** The response to a challenge; throws when the server is not what it says. */
  respond(challenge: Buffer): Buffer
}

const text = (...parts: string[]) => Buffer.from(parts.join(''))

export function plainClient(login: string, password: string, actFor = ''): SaslClient {
  const message = text(actFor, '\0', login, '\0', password)
  return { mechanism: 'PLAIN', initial: message, respond: () => message }
}

export function loginClient(login: string, password: string): SaslClient {
  const answers = new Map([
    ['Username:', login],
    ['Password:', password],
  ])
  return {
    mechanism: 'LOGIN',
    initial: undefined,
    respond: challenge => text(answers.get(challenge.toString()) ?? '?'),
  }
}

export function externalClient(login = ''): SaslClient {
  return { mechanism: 'EXTERNAL', initial: text(login), respond: () => text(login) }
}

export function bearerClient(mechanism: 'OAUTHBEARER' | 'XOAUTH2', login: string, token: string): SaslClient {
  const start = mechanism === 'OAUTHBEARER' ? `n,${login === '' ? '' : `a=${login}`},` : `user=${login}`
  // RFC 7628 §3.2.3, and what clients of XOAUTH2 answer
  const dummy = mechanism === 'OAUTHBEARER' ? text('\u0001') : Buffer.alloc(0)
  const initial = text(start, '\u0001auth=Bearer ', token, '\u0001\u0001')
  return { mechanism, initial, respond: challenge => (challenge.length === 0 ? initial : dummy) }
}

export interface ScramOptions {
  /** `SCRAM-SHA-256-PLUS` binds. */
  readonly mechanism: string
  readonly login: string
  readonly password: string
  readonly binding?: { readonly type: string; readonly data: Buffer }
  /** Default: `n`, or `p=` with a binding. */
  readonly flag?: string
  readonly actFor?: string
  readonly nonce?: string
}

export class ScramClient implements SaslClient {
  readonly mechanism: string
  readonly initial: Buffer
  readonly #options: ScramOptions
  readonly #hash: 'sha1' | 'sha256'
  readonly #header: string
  readonly #bare: string
  readonly #nonce: string
  #verifier: string | undefined
  /** The server has proven that it knows the keys. */
  proven = false

  constructor(options: ScramOptions) {
    this.#options = options
    this.mechanism = options.mechanism
    this.#hash = options.mechanism.includes('SHA-256') ? 'sha256' : 'sha1'
    this.#nonce = options.nonce ?? randomBytes(18).toString('base64')
    const flag = options.flag ?? (options.binding === undefined ? 'n' : `p=${options.binding.type}`)
    this.#header = `${flag},${options.actFor === undefined ? '' : `a=${escaped(options.actFor)}`},`
    this.#bare = `n=${escaped(options.login)},r=${this.#nonce}`
    this.initial = text(this.#header, this.#bare)
  }

  respond(challenge: Buffer): Buffer {
    const said = challenge.toString()
    if (said === '') return this.initial
    if (this.#verifier !== undefined) return this.#verify(said)
    const { nonce, salt, iterations } = readServerFirst(said)
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) throw new Error('the nonce is not ours')
    const bound = Buffer.concat([text(this.#header), this.#options.binding?.data ?? Buffer.alloc(0)])
    const withoutProof = `c=${bound.toString('base64')},r=${nonce}`
    const signed = `${this.#bare},${said},${withoutProof}`
    const hash = this.#hash
    const salted = pbkdf2Sync(this.#options.password, salt, iterations, hash === 'sha1' ? 20 : 32, hash)
    const clientKey = this.#hmac(salted, 'Client Key')
    const signature = this.#hmac(createHash(hash).update(clientKey).digest(), signed)
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ signature[at]!))
    this.#verifier = this.#hmac(this.#hmac(salted, 'Server Key'), signed).toString('base64')
    return text(withoutProof, ',p=', proof.toString('base64'))
  }

  #verify(said: string): Buffer {
    if (said !== `v=${this.#verifier}`) throw new Error('the server does not know the password')
    this.proven = true
    return Buffer.alloc(0)
  }

  #hmac(key: Buffer, what: string): Buffer {
    return createHmac(this.#hash, key).update(what).digest()
  }
}

function readServerFirst(said: string): { nonce: string; salt: Buffer; iterations: number } {
  const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=([0-9]+)$/.exec(said) ?? []
  if (nonce === undefined) throw new Error(`no server-first-message: ${said}`)
  return { nonce, salt: Buffer.from(salt!, 'base64'), iterations: Number(iterations) }
}

function escaped(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}
