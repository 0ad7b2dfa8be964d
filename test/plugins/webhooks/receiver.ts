/** Somebody who is told of events, on loopback: checks signatures, remembers what it heard, and misbehaves as told. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const SECRET = 'a secret of enough letters'

export interface Heard {
  readonly id: string
  readonly signed: boolean
  readonly events: readonly { readonly id: string; readonly kind: string; readonly message: string }[]
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return response => void response.writeHead(code, headers).end()
}

export class Receiver {
  readonly url: string
  /** Every request, whatever was answered. */
  readonly heard: Heard[] = []
  answer: Answer = status(204)
  readonly #server

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  }

  static async start(): Promise<Receiver> {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const receiver = new Receiver(server)
    server.on('request', (request, response) => void receiver.#take(request, response))
    return receiver
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const id = String(request.headers['webhook-id'])
    const signed = isSigned(request, body)
    this.heard.push({ id, signed, events: (JSON.parse(body) as { events: Heard['events'] }).events })
    this.answer(response, request)
  }
}

function isSigned({ headers }: IncomingMessage, body: string): boolean {
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const want = Buffer.from(`v1,${createHmac('sha256', SECRET).update(text).digest('base64')}`)
  const got = Buffer.from(String(headers['webhook-signature']))
  return want.length === got.length && timingSafeEqual(want, got)
}
