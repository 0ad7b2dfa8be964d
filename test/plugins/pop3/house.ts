/** A POP3 listener on loopback over the in-memory store, and a client that speaks lines. */
import { once } from 'node:events'
import { type Socket, connect as tcpConnect } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import type { Account, Movement, Store } from '../../../core/api/index.js'
import { defer, reject } from '../../../core/api/index.js'
import { openListener } from '../../../core/net/listener.js'
import type { OpenListener } from '../../../core/net/types.js'
import { type RememberingLog, rememberingLog, setUp } from '../../../core/testing/index.js'
import pop3 from '../../../plugins/pop3/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { loadedAfter } from '../../harness/loaded-after.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { tlsOf } from '../../harness/tls.js'

export const ALICE: Account = { id: 'account-1', login: 'alice@example.test', addresses: ['alice@example.test'] }
export const BOB: Account = { id: 'account-2', login: 'bob@example.test', addresses: ['bob@example.test'] }
export const PASSWORD = 'open sesame'

export interface House {
  readonly store: Store
  readonly log: RememberingLog
  /** What the trail was told. */
  readonly movements: Movement[]
  /** Ports of the clear and the TLS listener. */
  readonly clear: number
  readonly secure: number
  /** Fires the drain. */
  drain(): void
  close(): Promise<void>
}

/** A password check as core's authenticator answers. */
const authenticator = authenticatorOf((login, password) => {
  if (login === 'slow@example.test') return defer('the directory is down', { code: 454, status: '4.7.0' })
  const account = [ALICE, BOB].find(one => one.login === login)
  return password === PASSWORD && account !== undefined ? account : reject('wrong', { code: 535, status: '5.7.8' })
})

export async function openHouse(
  config: object = {},
  change: (store: Store) => Store = store => store,
  loaded?: Promise<unknown>,
): Promise<House> {
  const store = createMemoryStore()
  const log = rememberingLog()
  const movements: Movement[] = []
  const { contribution } = await setUp(pop3, {
    config: { listen: ['127.0.0.1:0'], listen_tls: ['127.0.0.1:0'], login_delay: '10ms', ...config },
    services: {
      store: change(store),
      state: createMemoryState(),
      authenticator,
      movements: { tell: movement => void movements.push(movement) },
    },
    log,
  })
  const drain = new AbortController()
  const deps = {
    log,
    clock: { now: () => Date.now() },
    drain: drain.signal,
    maxConnections: 50,
    tls: tlsOf(TEST_CERT, TEST_KEY),
  }
  const open: OpenListener[] = []
  for (const listener of contribution.listeners ?? [])
    open.push(await openListener(loadedAfter(loaded, listener), deps))
  const [clear, secure] = open.map(listener => Number(listener.address.split(':')[1]))
  return {
    store,
    log,
    movements,
    clear: clear!,
    secure: secure!,
    drain: () => drain.abort(),
    async close() {
      drain.abort()
      for (const listener of open) {
        listener.stop()
        listener.abort()
        await listener.idle
      }
    },
  }
}

/** Puts messages into ALICE's INBOX; resolves to their UIDs. */
export function file(store: Store, ...messages: (string | Buffer)[]): Promise<readonly number[]> {
  return fileFor(store, ALICE, ...messages)
}

export async function fileFor(
  store: Store,
  { id }: Account,
  ...messages: (string | Buffer)[]
): Promise<readonly number[]> {
  const inbox = (await store.mail.find(id, 'INBOX'))!
  const mailbox = await store.mail.open(id, inbox.id)
  return mailbox.append(
    messages.map(message => ({ body: { kind: 'memory', bytes: Buffer.from(message) }, flags: [], date: 0 }) as const),
  )
}

export async function uidsOf(store: Store): Promise<number[]> {
  const inbox = (await store.mail.find(ALICE.id, 'INBOX'))!
  return (await (await store.mail.open(ALICE.id, inbox.id)).list()).map(entry => entry.uid)
}

const TLS: ConnectionOptions = { rejectUnauthorized: false }

export class Client {
  socket: Socket
  #text = ''
  #closed = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    this.#listen()
  }

  static async connect(port: number): Promise<Client> {
    const socket = tcpConnect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Client(socket)
  }

  static async connectTls(port: number): Promise<Client> {
    const socket = tlsConnect({ ...TLS, port, host: '127.0.0.1' })
    await once(socket, 'secureConnect')
    return new Client(socket)
  }

  /** Greeted and logged in over TLS. */
  static async inside(house: House): Promise<Client> {
    const client = await Client.connectTls(house.secure)
    await client.line()
    await client.say(`USER ${ALICE.login}`)
    await client.say(`PASS ${PASSWORD}`)
    return client
  }

  #listen(): void {
    const { socket } = this
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#text += text
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** The next line, or `undefined` when the server has closed. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#closed) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async say(command: string): Promise<string | undefined> {
    this.send(`${command}\r\n`)
    return this.line()
  }

  /** Lines up to the lone dot, un-stuffed. */
  async lines(): Promise<string[]> {
    const lines: string[] = []
    for (;;) {
      const line = await this.line()
      if (line === undefined) throw new Error('closed within an answer')
      if (line === '.') return lines
      lines.push(line.startsWith('.') ? line.slice(1) : line)
    }
  }

  async ask(command: string): Promise<string[]> {
    const status = await this.say(command)
    if (!status?.startsWith('+OK')) throw new Error(`${command}: ${status}`)
    return this.lines()
  }

  /** The TLS handshake after STLS was answered. */
  async secure(): Promise<void> {
    this.socket.removeAllListeners()
    const secure = tlsConnect({ ...TLS, socket: this.socket })
    await once(secure, 'secureConnect')
    this.socket = secure
    this.#text = ''
    this.#listen()
  }

  close(): void {
    this.socket.destroy()
  }
}
