/** An identity provider on loopback: signs tokens with jose, publishes keys, answers introspection, and misbehaves as told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export const ISSUER = 'https://id.example.test/'
export const AUDIENCE = 'mail'
export const NOW = Date.UTC(2026, 0, 1)
const SECONDS = NOW / 1000

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void

interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly jwk: object
}

export async function makeKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export const CLAIMS = {
  iss: ISSUER,
  aud: AUDIENCE,
  exp: SECONDS + 300,
  email: 'alice@example.test',
  preferred_username: 'bob',
  scope: 'openid mail.read mail.send',
}

export function sign(key: SigningKey, claims: JWTPayload = CLAIMS, header: object = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey)
}

export class Provider {
  readonly url: string
  /** What was asked, method and path. */
  readonly asked: string[] = []
  readonly bodies: string[] = []
  readonly authorizations: (string | undefined)[] = []
  answer: Answer
  readonly #server: ReturnType<typeof createServer>

  private constructor(server: ReturnType<typeof createServer>, answer: Answer) {
    this.#server = server
    this.answer = answer
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async start(answer: Answer): Promise<Provider> {
    let provider: Provider | undefined
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      provider!.asked.push(`${request.method} ${request.url}`)
      provider!.bodies.push(body)
      provider!.authorizations.push(request.headers.authorization)
      provider!.answer(request, response, body)
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    provider = new Provider(server, answer)
    return provider
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(done => this.#server.close(() => done()))
  }
}

export function json(value: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
}

/** Ways of being down, each with what the log says of it. */
/** Who is silent is waited for so long, everybody else for as long as it takes. */
export function patienceWith(what: string): { readonly timeout?: string } {
  return what === 'says nothing' || what === 'begins and says no more' ? { timeout: '1500ms' } : {}
}

export const TROUBLES: readonly (readonly [what: string, answer: Answer, says: RegExp])[] = [
  ['fails', json({ error: 'x' }, 500), /answers 500/],
  ['refuses us', json({ error: 'invalid_client' }, 401), /answers 401/],
  [
    'sends us elsewhere',
    (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
    /redirect|answers 302/,
  ],
  ['does not answer in JSON', (_request, response) => void response.end('<html>'), /not answer in JSON/],
  ['answers a list', json([]), /an object/],
  ['answers nothing', (_request, response) => void response.end(), /not answer in JSON/],
  [
    'answers without an end',
    (_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384, 0x20)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    },
    /more than \d+ octets/,
  ],
  ['says nothing', () => undefined, /does not answer/],
  ['begins and says no more', (_request, response) => void response.write('{"keys": ['), /breaks off/],
  ['hangs up', (_request, response) => void response.destroy(), /does not answer/],
]
