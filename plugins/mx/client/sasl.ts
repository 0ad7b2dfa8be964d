/**
 * The client's side of SASL: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 with and without channel binding (RFC 5802, 7677), OAUTHBEARER
 * (RFC 7628) and XOAUTH2. One exchange per login; it knows nothing of SMTP. In SCRAM the server proves itself too, and is not believed
 * before that. Secrets are in the responses and nowhere else.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Mechanism } from './manner.js'

export interface Exchange {
  /** `undefined`: the server speaks first. */
  readonly initial: Buffer | undefined
  /** Throws `Unfit` when the server is not what it says. */
  respond(challenge: Buffer): Promise<Buffer>
  /** Nothing is missing: the server may say that we are in. */
  readonly complete: boolean
}

/** What the server says makes no sense, or it does not know our password. */
export class Unfit extends Error {}

export interface ExchangeWish {
  readonly mechanism: Mechanism
  readonly user: string
  readonly secret: string
  readonly nonce: string
  /** RFC 9266: of this TLS connection. */
  readonly exporter?: Buffer
  /** The server offers the -PLUS form too. */
  readonly plusOffered: boolean
}

export function exchangeFor(wish: ExchangeWish): Exchange {
  const { mechanism, user, secret } = wish
  switch (mechanism) {
    case 'SCRAM-SHA-256-PLUS':
    case 'SCRAM-SHA-256':
      return new Scram(wish)
    case 'PLAIN':
      return once(Buffer.from(`\0${user}\0${secret}`))
    case 'LOGIN':
      return inTurn([user, secret])
    case 'OAUTHBEARER':
      // RFC 7628 §3.1
      return bearer(`n,a=${saslName(user)},\u0001auth=Bearer ${secret}\u0001\u0001`, '\u0001')
    case 'XOAUTH2':
      return bearer(`user=${user}\u0001auth=Bearer ${secret}\u0001\u0001`, '')
  }
}

function once(message: Buffer): Exchange {
  return {
    initial: message,
    complete: true,
    respond: async () => {
      throw new Unfit('the server asks for more than there is to say')
    },
  }
}

/** RFC 7628 §3.2.3: the server says in a challenge what is wrong, and hears a dummy before it refuses. */
function bearer(message: string, dummy: string): Exchange {
  return { initial: Buffer.from(message), complete: true, respond: async () => Buffer.from(dummy) }
}

/** LOGIN: two questions, whatever they say. */
function inTurn(answers: readonly string[]): Exchange {
  let at = 0
  return {
    initial: undefined,
    get complete() {
      return at >= answers.length
    },
    async respond() {
      const answer = answers[at]
      at += 1
      if (answer === undefined) throw new Unfit('the server asks for more than there is to say')
      return Buffer.from(answer)
    },
  }
}

/** RFC 5802 §5.1 */
function saslName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

/** RFC 7677 §4 asks for 4096 at least; as many as a hostile server may make us count. */
const ITERATIONS = { least: 4096, most: 1_000_000 } as const
const FIRST = /^r=([!-+\x2d-~]{1,512}),s=([A-Za-z0-9+/]{1,512}={0,2}),i=([0-9]{1,7})(?:,.*)?$/s
const FINAL = /^v=([A-Za-z0-9+/]{1,128}={0,2})(?:,.*)?$/s
const derive = promisify(pbkdf2)

class Scram implements Exchange {
  readonly initial: Buffer
  readonly #wish: ExchangeWish
  readonly #header: string
  readonly #bare: string
  #verifier: Buffer | undefined
  complete = false

  constructor(wish: ExchangeWish) {
    const { mechanism, exporter, plusOffered, user, nonce } = wish
    const plus = mechanism === 'SCRAM-SHA-256-PLUS'
    // RFC 5802 §6: `y` says that we could bind and saw no offer, so that a server which did make one notices who cut it out.
    this.#header = plus ? 'p=tls-exporter,,' : exporter !== undefined && !plusOffered ? 'y,,' : 'n,,'
    this.#bare = `n=${saslName(prepared(user))},r=${nonce}`
    this.#wish = wish
    this.initial = Buffer.from(this.#header + this.#bare)
  }

  async respond(challenge: Buffer): Promise<Buffer> {
    return this.#verifier === undefined ? this.#prove(challenge.toString()) : this.#verify(challenge, this.#verifier)
  }

  async #prove(first: string): Promise<Buffer> {
    const [, nonce = '', salt = '', iterations = ''] = FIRST.exec(first) ?? []
    const { mechanism, exporter, secret } = this.#wish
    if (!nonce.startsWith(this.#wish.nonce) || nonce === this.#wish.nonce)
      throw new Unfit('SCRAM: not an answer to what we said')
    const rounds = Number(iterations)
    if (rounds < ITERATIONS.least || rounds > ITERATIONS.most)
      throw new Unfit(`SCRAM: ${rounds} iterations, expected ${ITERATIONS.least} to ${ITERATIONS.most}`)
    const data = mechanism === 'SCRAM-SHA-256-PLUS' ? (exporter ?? Buffer.alloc(0)) : Buffer.alloc(0)
    const binding = Buffer.concat([Buffer.from(this.#header), data]).toString('base64')
    const withoutProof = `c=${binding},r=${nonce}`
    const signed = `${this.#bare},${first},${withoutProof}`
    const salted = await derive(prepared(secret), Buffer.from(salt, 'base64'), rounds, 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed)
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ signature[at]!))
    this.#verifier = hmac(hmac(salted, 'Server Key'), signed)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** RFC 5802 §3: the server knows the keys too. */
  #verify(final: Buffer, expected: Buffer): Buffer {
    const [, given = ''] = FINAL.exec(final.toString()) ?? []
    const signature = Buffer.from(given, 'base64')
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
      throw new Unfit('SCRAM: the server does not prove that it knows the password')
    this.complete = true
    return Buffer.alloc(0)
  }
}

/** RFC 4013 §2: one form for what looks the same. What it prohibits is left to the server to refuse. */
function prepared(text: string): string {
  return text.replace(OTHER_SPACES, ' ').replace(NOTHING, '').normalize('NFKC')
}

/** RFC 3454 tables C.1.2 and B.1 */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/gu
const NOTHING = /\u034f|[\u180b-\u180d]|[\ufe00-\ufe0f]|[\u00ad\u1806\u200b-\u200d\u2060\ufeff]/gu

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
