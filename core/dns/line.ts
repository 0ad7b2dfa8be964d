/**
 * A UDP socket to one name server, for the few questions of a short time. The port is the system's choice, a random one, and each question has a random
 * id (RFC 5452 §9.2, §10); only that server is heard, and an answer is only taken by whoever asked that very question. A socket for each question would
 * cost twice the question.
 */
import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { readAnswer, type WireAnswer, WireFault, type WireQuestion, writeQuestion } from './packet.js'

export interface Server {
  readonly host: string
  readonly port: number
}

export interface Put {
  readonly question: WireQuestion
  readonly name: string
  readonly edns?: boolean
  readonly dnssec?: boolean
}

/** No answer in time, or no way there. */
export class Silence extends Error {
  /** What a socket says. */
  static by(error: Error): Silence {
    return new Silence('code' in error ? String(error.code) : 'no way to the server')
  }
}

const MOST_QUESTIONS = 64
const OPEN_MS = 2000

interface Waiting {
  readonly put: Put
  readonly timer: NodeJS.Timeout
  resolve(answer: WireAnswer): void
  reject(error: Error): void
}

export class Line {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #retiring: NodeJS.Timeout
  /** What was asked before the socket was there. */
  #early: Buffer[] | undefined = []
  #left = MOST_QUESTIONS

  constructor({ host, port }: Server) {
    const type = isIPv6(host) ? 'udp6' : 'udp4'
    const lookup = (_: string, __: unknown, done: (error: null, address: string, family: number) => void) =>
      done(null, host, type === 'udp6' ? 6 : 4)
    this.#socket = createSocket({ type, lookup } as Parameters<typeof createSocket>[0])
    this.#socket.on('error', error => this.#end(error))
    this.#socket.on('message', octets => this.#hear(octets))
    // Connected, so that nobody else is heard.
    this.#socket.connect(port, host, (error?: Error) => (error === undefined ? this.#begin() : this.#end(error)))
    this.#retiring = setTimeout(() => this.#retire(), OPEN_MS).unref()
  }

  /** May be asked one question more. */
  get open(): boolean {
    return this.#left > 0
  }

  ask(put: Put, timeoutMs: number): Promise<WireAnswer> {
    if (this.#waiting.size === 0) this.#socket.ref()
    this.#left -= 1
    let id = randomInt(65_536)
    while (this.#waiting.has(id)) id = randomInt(65_536)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Silence('no answer in time')), timeoutMs)
      this.#waiting.set(id, { put, timer, resolve, reject })
      const octets = writeQuestion({ ...put, id })
      if (this.#early === undefined) this.#socket.send(octets)
      else this.#early.push(octets)
    })
  }

  #begin(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const octets of early) this.#socket.send(octets)
  }

  #hear(octets: Buffer): void {
    const id = octets.length < 2 ? -1 : octets.readUInt16BE(0)
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    try {
      const answer = readAnswer(octets, { ...waiting.put, id })
      this.#settle(id)?.resolve(answer)
    } catch (error) {
      if (!(error instanceof WireFault && error.foreign)) this.#settle(id)?.reject(error as Error)
    }
  }

  /** Whose answer it is, once. */
  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return undefined
    clearTimeout(waiting.timer)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) {
      this.#socket.unref()
      if (!this.open) this.#close()
    }
    return waiting
  }

  #retire(): void {
    this.#left = 0
    if (this.#waiting.size === 0) this.#close()
  }

  #end(error: Error): void {
    this.#left = 0
    const why = Silence.by(error)
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(why)
    this.#close()
  }

  #close(): void {
    clearTimeout(this.#retiring)
    this.#socket.removeAllListeners().on('error', () => undefined)
    try {
      this.#socket.close()
    } catch {
      // It was closed before.
    }
  }
}
