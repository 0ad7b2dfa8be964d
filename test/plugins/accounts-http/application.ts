/** An application that tells accounts over HTTP, with whatever a test wants to be wrong with it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface AppAccount {
  readonly id: string
  readonly login: string
  readonly addresses: readonly string[]
  readonly password: string
}

export type Question = Readonly<Record<string, string>>

export interface Application {
  readonly url: string
  readonly asked: Question[]
  readonly headers: IncomingMessage['headers'][]
  people: readonly AppAccount[]
  /** Answers in its place. */
  instead: ((response: ServerResponse, question: Question) => void) | undefined
  /** Closes all connections, and takes no more. */
  end(): Promise<void>
  begin(): Promise<void>
}

const PAGE = 2

export async function anApplication(
  people: readonly AppAccount[],
  tls?: { readonly cert: string; readonly key: string },
): Promise<Application> {
  let server: Server
  let port = 0
  const app: Application = {
    get url() {
      return `http${tls === undefined ? '' : 's'}://localhost:${port}/accounts`
    },
    asked: [],
    headers: [],
    people,
    instead: undefined,
    async end() {
      if (!server.listening) return
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    async begin() {
      const answer = (request: IncomingMessage, response: ServerResponse) => void respond(app, request, response)
      server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer)
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    },
  }
  await app.begin()
  return app
}

async function respond(app: Application, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const question = JSON.parse(Buffer.concat(chunks).toString()) as Question
  app.asked.push(question)
  app.headers.push(request.headers)
  if (app.instead !== undefined) return app.instead(response, question)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(answerTo(app.people, question)))
}

function answerTo(people: readonly AppAccount[], question: Question): object {
  const wanted = (question.login ?? question.address ?? '').toLowerCase()
  const byLogin = people.find(one => one.login.toLowerCase() === wanted || one.addresses.includes(wanted))
  switch (question.ask) {
    case 'id':
      return { account: withoutPassword(people.find(({ id }) => id === question.id)) }
    case 'list': {
      const from = Number(question.after ?? 0)
      const next = from + PAGE < people.length ? String(from + PAGE) : null
      return { accounts: people.slice(from, from + PAGE).map(withoutPassword), next }
    }
    case 'password':
      return { account: withoutPassword(byLogin), right: byLogin?.password === question.password }
    default:
      return { account: withoutPassword(byLogin) }
  }
}

function withoutPassword(account: AppAccount | undefined): object | null {
  if (account === undefined) return null
  const { password: _, ...told } = account
  return told
}
