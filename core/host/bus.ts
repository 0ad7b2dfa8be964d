/**
 * Small news between the processes of one install, over a unix socket that the supervisor holds: JSON lines, each handed to all others.
 * Best effort: what cannot be sent is dropped, for stores look for themselves once a second. A command without a running server works
 * all the same. Who holds the socket also holds the data directory, so a second server is refused.
 */
import { chmod, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bus, Log } from '../api/index.js'
import { LineCutter } from './lines.js'

const MAX_LINE = 64 * 1024
/** What one slow reader may owe before news for it is dropped. */
const MAX_OWED = 1024 * 1024
const MAX_WAITING = 100
const RECONNECT_MS = [100, 200, 500, 1000, 2000, 5000] as const
/** sun_path, RFC-less but hard: 108 octets on Linux, 104 elsewhere. */
const MAX_PATH = 103

export class DataDirBusy extends Error {}

export interface ControlSocket {
  close(): Promise<void>
}

/** Throws `DataDirBusy` when another supervisor answers there. */
export async function holdControlSocket(path: string, log: () => Log): Promise<ControlSocket> {
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new Error(`the path of the data directory is too long for a control socket in it: ${path}`)
  }
  const holder = await holderOf(path)
  if (holder !== undefined) {
    throw new DataDirBusy(`another posthouse (process ${holder}) runs on this data directory, ${dirname(path)}`)
  }
  const clients = new Set<Socket>()
  const server = createServer(socket => relay(socket, clients, log))
  await listen(server, path)
  return {
    close: async () => {
      for (const socket of clients) socket.destroy()
      await new Promise(done => server.close(done))
    },
  }
}

/** The process that answers at the socket, if any; a socket nobody answers at is taken away. */
async function holderOf(path: string): Promise<string | undefined> {
  const outcome = await new Promise<string>(resolve => {
    const socket = connect(path)
    socket.setTimeout(1000, () => socket.destroy())
    socket.once('data', hello => resolve(/"pid":(\d+)/.exec(String(hello))?.[1] ?? 'unknown'))
    socket.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? 'unknown'))
    socket.once('close', () => resolve('unknown'))
    socket.once('data', () => socket.destroy())
  })
  if (outcome === 'ENOENT') return undefined
  if (outcome !== 'ECONNREFUSED') return outcome
  await unlink(path)
  return undefined
}

async function listen(server: Server, path: string): Promise<void> {
  // the socket is the owner's alone from its first moment on
  const mask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
  } finally {
    process.umask(mask)
  }
  await chmod(path, 0o600)
}

function relay(socket: Socket, clients: Set<Socket>, log: () => Log): void {
  clients.add(socket)
  socket.setEncoding('utf8')
  socket.on('error', error => log().debug({ error }, 'control connection failed'))
  socket.on('close', () => clients.delete(socket))
  socket.write(`${JSON.stringify({ hello: 'posthouse', pid: process.pid })}\n`)
  const cutter = new LineCutter(MAX_LINE)
  socket.on('data', (text: string) => {
    const lines = cutter.push(text)
    if (lines === undefined) {
      log().warn({}, 'control connection sent too long a line')
      socket.destroy()
      return
    }
    for (const line of lines) {
      if (newsIn(line) === undefined) continue
      for (const other of clients) if (other !== socket && other.writableLength < MAX_OWED) other.write(`${line}\n`)
    }
  })
}

function newsIn(line: string): { readonly topic: string; readonly payload: string } | undefined {
  try {
    const { topic, payload } = JSON.parse(line) as Record<string, unknown>
    return typeof topic === 'string' && typeof payload === 'string' ? { topic, payload } : undefined
  } catch {
    return undefined
  }
}

export interface BusClient extends Bus {
  /** Waits, shortly, until what was published has left. */
  close(): Promise<void>
}

/** `keep`: connect again and again (workers); a command tries once and goes on without. */
export function joinBus(path: string, log: () => Log, keep: boolean): BusClient {
  return new SocketBus(path, log, keep)
}

class SocketBus implements BusClient {
  readonly #path: string
  readonly #log: () => Log
  readonly #keep: boolean
  readonly #listeners = new Map<string, Set<(payload: string) => void>>()
  #waiting: string[] = []
  #socket: Socket | undefined
  #connected = false
  #tries = 0
  #again: NodeJS.Timeout | undefined
  #closed = false

  constructor(path: string, log: () => Log, keep: boolean) {
    this.#path = path
    this.#log = log
    this.#keep = keep
    this.#connect()
  }

  publish(topic: string, payload: string): void {
    const line = `${JSON.stringify({ topic, payload })}\n`
    if (line.length > MAX_LINE) {
      this.#log().warn({ topic, length: line.length }, 'news too long for the control socket')
      return
    }
    if (this.#connected && this.#socket !== undefined) {
      if (this.#socket.writableLength < MAX_OWED) this.#socket.write(line)
    } else if (!this.#closed && this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(line)
    }
  }

  subscribe(topic: string, listener: (payload: string) => void): () => void {
    const set = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, set.add(listener))
    return () => set.delete(listener)
  }

  async close(): Promise<void> {
    const socket = this.#socket
    // a command may be done before its connection is there
    for (let i = 0; i < 20 && !this.#closed && !this.#connected && this.#waiting.length > 0; i++) await sleep(10)
    this.#closed = true
    clearTimeout(this.#again)
    if (socket === undefined || socket.destroyed) return
    await Promise.race([new Promise<void>(done => socket.end(done)), sleep(500, undefined, { ref: false })])
    socket.destroy()
  }

  #connect(): void {
    const socket = connect(this.#path)
    this.#socket = socket
    // a process is never kept alive by its news
    socket.unref()
    socket.setEncoding('utf8')
    socket.on('error', error => this.#log().debug({ error }, 'control socket failed'))
    socket.once('connect', () => {
      this.#connected = true
      this.#tries = 0
      for (const line of this.#waiting.splice(0)) socket.write(line)
    })
    const cutter = new LineCutter(MAX_LINE)
    socket.on('data', (text: string) => {
      for (const line of cutter.push(text) ?? []) this.#hear(line)
    })
    socket.once('close', () => this.#lost())
  }

  #lost(): void {
    this.#connected = false
    if (this.#closed) return
    if (!this.#keep) {
      this.#closed = true
      this.#waiting = []
      return
    }
    const wait = RECONNECT_MS[Math.min(this.#tries++, RECONNECT_MS.length - 1)]
    this.#again = setTimeout(() => this.#connect(), wait).unref()
  }

  #hear(line: string): void {
    const news = newsIn(line)
    if (news === undefined) return
    for (const listener of this.#listeners.get(news.topic) ?? []) {
      try {
        listener(news.payload)
      } catch (error) {
        this.#log().error({ topic: news.topic, err: error }, 'a listener of the control socket failed')
      }
    }
  }
}
