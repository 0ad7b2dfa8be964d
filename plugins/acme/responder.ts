/**
 * Answers the authority: HTTP for http-01 (RFC 8555 §8.3), TLS for tls-alpn-01 (RFC 8737). It serves the answers to challenges under way
 * and nothing else, to anyone who asks; a connection lasts a few seconds, whatever is said on it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { Connection, Log } from 'posthouse/api'
import { alpnAnswer } from './authority.js'
import type { Drawer } from './drawer.js'

const LIFE_MS = 10_000
const MAX_HEADER = 8 * 1024
const PREFIX = '/.well-known/acme-challenge/'
/** RFC 8555 §8.3: base64url. Answers for TLS, which hold a key, have a dot in their names. */
const TOKEN = /^[A-Za-z0-9_-]+$/
/** RFC 8737 §6.2 */
const PROTOCOL = 'acme-tls/1'

type Serve = (connection: Connection) => Promise<void>

/** Resolves when the connection is over, at the latest when its time is. */
function whileOpen({ socket, signal }: Connection): Promise<void> {
  return new Promise(resolve => {
    const end = () => socket.destroy()
    const timer = setTimeout(end, LIFE_MS)
    signal.addEventListener('abort', end, { once: true })
    socket.once('close', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    })
  })
}

export function httpResponder(drawer: Drawer, log: Log): Serve {
  const server = createServer({ maxHeaderSize: MAX_HEADER, keepAlive: false }, (request, response) => {
    respond(request, response, drawer, log).catch(error => {
      log.error({ err: error }, 'challenge could not be answered')
      response.destroy()
    })
  })
  server.maxRequestsPerSocket = 1
  server.on('clientError', (_, socket) => socket.destroy())
  return async connection => {
    if (connection.socket.destroyed) return
    const over = whileOpen(connection)
    server.emit('connection', connection.socket)
    await over
  }
}

async function respond(request: IncomingMessage, response: ServerResponse, drawer: Drawer, log: Log): Promise<void> {
  const { method, url = '' } = request
  const asks = (method === 'GET' || method === 'HEAD') && url.startsWith(PREFIX)
  const token = asks ? url.slice(PREFIX.length) : ''
  const answer = TOKEN.test(token) ? await drawer.answer(token) : undefined
  response.setHeader('Connection', 'close')
  if (answer === undefined) {
    response.writeHead(404, { 'Content-Length': 0 }).end()
    return
  }
  log.info({ remote: request.socket.remoteAddress }, 'challenge answered')
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': Buffer.byteLength(answer) })
  response.end(method === 'HEAD' ? undefined : answer)
}

export function alpnResponder(drawer: Drawer, names: readonly string[], log: Log): Serve {
  const contextFor = async (name: string) => {
    const pem = names.includes(name.toLowerCase()) ? await drawer.answer(alpnAnswer(name.toLowerCase())) : undefined
    if (pem === undefined) throw new Error('no challenge for this name')
    return createSecureContext({ key: pem, cert: pem, minVersion: 'TLSv1.2' })
  }
  return async connection => {
    const { socket } = connection
    if (socket.destroyed) return
    const over = whileOpen(connection)
    const secure = new TLSSocket(socket, {
      isServer: true,
      ALPNProtocols: [PROTOCOL],
      SNICallback: (name, done) => void contextFor(name).then(context => done(null, context), done),
    })
    secure.on('error', () => socket.destroy())
    // RFC 8737 §4: nothing is said within it
    secure.once('secure', () => {
      log.info({ remote: connection.peer.remote.address, protocol: secure.alpnProtocol }, 'challenge answered')
      secure.end()
    })
    secure.resume()
    await over
  }
}
