/** An HTTPS server on loopback that serves an MTA-STS policy, or something else in its place. */
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { selfSigned } from '../../core/net/certificate.js'

export interface PolicyHostOptions {
  /** What its certificate says. */
  readonly name: string
  readonly policy: string
}

export class PolicyHost {
  policy: string
  /** Answers in its own way; left out: 200, text/plain and the policy. */
  answer: ((response: ServerResponse) => void) | undefined
  /** Paths with the name that was asked for in front. */
  readonly asked: string[] = []
  /** Whoever believes this believes the host. */
  readonly certificate: string
  readonly #server: Server
  #port = 0

  private constructor({ name, policy }: PolicyHostOptions) {
    const { certificate, key } = selfSigned({ names: [name], now: Date.now() })
    this.policy = policy
    this.certificate = certificate
    this.#server = createServer({ cert: certificate, key }, (request, response) => {
      this.asked.push(`${request.headers.host?.replace(/:\d+$/, '')}${request.url}`)
      if (this.answer !== undefined) return this.answer(response)
      response.setHeader('content-type', 'text/plain; charset=utf-8')
      response.end(this.policy)
    })
  }

  static async start(options: PolicyHostOptions): Promise<PolicyHost> {
    const host = new PolicyHost(options)
    await new Promise<void>(resolve => host.#server.listen(0, '127.0.0.1', resolve))
    const address = host.#server.address()
    if (address === null || typeof address === 'string') throw new Error('not listening')
    host.#port = address.port
    return host
  }

  get port(): number {
    return this.#port
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
