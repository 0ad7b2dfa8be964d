/**
 * The plugin behind real sockets on the memory store, and a client that says lines and hears lines. Accounts: `ann` and `bob`, password `secret`.
 */
import { setMaxListeners } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { Account, Authenticator, Marking, Movement, Store } from 'posthouse/api'
import { type LogLine, rememberingLog, setUp } from 'posthouse/testing'
import { selfSigned } from '../../../core/net/certificate.js'
import { openListener } from '../../../core/net/listener.js'
import type { OpenListener } from '../../../core/net/types.js'
import imap from '../../../plugins/imap/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { loadedAfter } from '../../harness/loaded-after.js'
import { tlsOf } from '../../harness/tls.js'

/** For what happens at once: on a machine that does much else a second is soon over. */
const LONG_MS = 60_000

export const CERTIFICATE = selfSigned({ names: ['localhost', '127.0.0.1'], now: Date.now() })

export interface Rig {
  readonly store: Store
  readonly port: number
  readonly tlsPort: number
  readonly lines: LogLine[]
  /** What was told of junk. */
  readonly markings: Marking[]
  readonly movements: Movement[]
  readonly door: OpenListener
  client(login?: string): Promise<Client>
  drain(): void
  end(): Promise<void>
}

export interface RigOptions {
  readonly config?: Record<string, unknown>
  readonly store?: Store
  readonly authenticator?: Authenticator
  readonly maxMessageBytes?: number
  /** Sessions count as loaded from here on. */
  readonly loaded?: Promise<unknown>
}

export const authenticator: Authenticator = authenticatorOf((login, password) => {
  if (login === 'down') return { kind: 'defer', code: 454, status: '4.7.0', text: 'later' }
  if (password !== 'secret' || !['ann', 'bob'].includes(login))
    return { kind: 'reject', code: 535, status: '5.7.8', text: 'wrong' }
  return { id: `id-${login}`, login, addresses: [`${login}@example.test`] } satisfies Account
})

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const lines: LogLine[] = []
  const markings: Marking[] = []
  const movements: Movement[] = []
  const log = rememberingLog(lines)
  const store = options.store ?? createMemoryStore()
  const { contribution, end } = await setUp(imap, {
    config: {
      listen: ['127.0.0.1:0'],
      listen_tls: ['127.0.0.1:0'],
      cleartext_auth: true,
      login_delay: '10ms',
      ...options.config,
    },
    services: {
      store,
      authenticator: options.authenticator ?? authenticator,
      markings: { tell: marking => void markings.push(marking) },
      movements: { tell: movement => void movements.push(movement) },
    },
    server: { maxMessageBytes: options.maxMessageBytes ?? 20 * 1024 * 1024 },
    log,
  })
  const drain = new AbortController()
  // Every session listens to it.
  setMaxListeners(0, drain.signal)
  const { certificate, key } = CERTIFICATE
  const deps = {
    tls: tlsOf(certificate, key),
    log,
    clock: { now: Date.now },
    drain: drain.signal,
    maxConnections: 50,
  }
  const doors = await Promise.all(
    contribution.listeners!.map(listener => openListener(loadedAfter(options.loaded, listener), deps)),
  )
  const [port, tlsPort] = doors.map(door => Number(door.address.split(':').at(-1))) as [number, number]
  const clients: Client[] = []
  return {
    store,
    port,
    tlsPort,
    lines,
    markings,
    movements,
    door: doors[0]!,
    async client(login) {
      const client = await Client.connect(port)
      clients.push(client)
      if (login !== undefined) await client.ok(`LOGIN ${login} secret`)
      return client
    },
    drain: () => drain.abort(),
    async end() {
      for (const client of clients) client.close()
      for (const door of doors) {
        door.stop()
        door.abort()
      }
      await Promise.all(doors.map(door => door.idle))
      await end()
      await store.close()
    },
  }
}

/** Says lines, hears responses: a response is a line with its literals, as one octet string. */
export class Client {
  greeting = ''
  private socket: Socket
  private held = ''
  private ended = false
  private wake: (() => void) | undefined
  private tags = 0

  private constructor(socket: Socket) {
    this.socket = socket
    this.listen(socket)
  }

  static async connect(port: number): Promise<Client> {
    const client = new Client(connect(port, '127.0.0.1'))
    client.greeting = await client.response()
    return client
  }

  private listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.held += chunk.toString('latin1')
      this.wake?.()
    })
    socket.on('error', () => this.wake?.())
    socket.on('close', () => {
      this.ended = true
      this.wake?.()
    })
  }

  async startTls(): Promise<void> {
    await this.ok('STARTTLS')
    this.socket.removeAllListeners('data')
    const secure = tlsConnect({ socket: this.socket, rejectUnauthorized: false })
    await new Promise<void>((done, fail) => secure.once('secureConnect', done).once('error', fail))
    this.socket = secure
    this.listen(secure)
  }

  send(octets: string | Buffer): void {
    this.socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
  }

  /** Stops or goes on reading. */
  pause(paused: boolean): void {
    if (paused) this.socket.pause()
    else this.socket.resume()
  }

  close(): void {
    this.socket.destroy()
  }

  /** `END` when the server has closed. */
  async response(withinMs = LONG_MS): Promise<string> {
    const until = Date.now() + withinMs
    for (;;) {
      const end = responseEnd(this.held)
      if (end !== undefined) {
        const response = this.held.slice(0, end - 2)
        this.held = this.held.slice(end)
        return response
      }
      if (this.ended) return 'END'
      if (Date.now() > until) throw new Error(`nothing more came; held ${JSON.stringify(this.held.slice(0, 200))}`)
      await this.more(until - Date.now())
    }
  }

  private more(withinMs: number): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        clearTimeout(timer)
        this.wake = undefined
        resolve()
      }
      const timer = setTimeout(end, Math.max(1, withinMs))
      this.wake = end
    })
  }

  /** Sends a command and collects what is answered: untagged responses, and the tagged one last, without its tag. */
  async command(text: string, withinMs?: number): Promise<string[]> {
    const tag = `t${++this.tags}`
    this.send(`${tag} ${text}\r\n`)
    return this.answerTo(tag, withinMs)
  }

  async answerTo(tag: string, withinMs?: number): Promise<string[]> {
    const responses: string[] = []
    for (;;) {
      const response = await this.response(withinMs)
      if (response.startsWith(`${tag} `)) return [...responses, response.slice(tag.length + 1)]
      responses.push(response)
      if (response === 'END') return responses
    }
  }

  /** As `command`, and insists on OK; the untagged responses. */
  async ok(text: string, withinMs?: number): Promise<string[]> {
    const responses = await this.command(text, withinMs)
    if (!responses.at(-1)!.startsWith('OK')) throw new Error(`${text}: ${responses.join('\n')}`)
    return responses.slice(0, -1)
  }

  /** The tagged answer alone. */
  async answer(text: string): Promise<string> {
    return (await this.command(text)).at(-1)!
  }

  async append(mailbox: string, message: string | Buffer, more = ''): Promise<string> {
    return this.answer(
      `APPEND ${mailbox} ${more}{${message.length}+}\r\n${typeof message === 'string' ? message : message.toString('latin1')}`,
    )
  }
}

/** Offset behind the first whole response in `text`. */
function responseEnd(text: string): number | undefined {
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end < 0) return undefined
    const literal = /\{([0-9]+)\}$/.exec(text.slice(Math.max(at, end - 22), end))
    if (!literal) return end + 2
    at = end + 2 + Number(literal[1])
    if (at > text.length) return undefined
  }
}
