/**
 * The POP3 load: N sessions that log in to a mailbox each, fetch every message and delete it, and quit. A latency is one message, RETR and DELE;
 * logging in, the list and QUIT are in the time of the whole. A process of its own (see part.ts).
 */
import { connect, type Socket } from 'node:net'
import type { Load } from './figures.js'
import { servePart } from './part.js'

export interface DrainerOrder {
  readonly port: number
  readonly logins: readonly string[]
  readonly password: string
  /** In each mailbox. */
  readonly messages: number
}

export interface DrainerQuestions {
  readonly ask: DrainerOrder
  readonly answer: Load
}

const END = Buffer.from('\r\n.\r\n')
const GIVE_UP_MS = 120_000

/** A command at a time; an answer that is not +OK ends the session. */
class Pop3 {
  bytes = 0
  readonly #socket: Socket
  #parts: Buffer[] = []
  #many = false
  #heard: (answer: Buffer) => void = () => undefined
  #failed: (error: Error) => void = () => undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setTimeout(GIVE_UP_MS, () => this.#socket.destroy(new Error('no answer in time')))
    this.#socket.on('data', chunk => this.#read(chunk))
    this.#socket.on('error', error => this.#failed(error))
    this.#socket.on('close', () => this.#failed(new Error('the connection was closed')))
  }

  /** `many`: an answer of several lines, to the one with a dot alone. */
  ask(command: string | undefined, many = false): Promise<Buffer> {
    this.#many = many
    const answer = new Promise<Buffer>((heard, failed) => {
      this.#heard = heard
      this.#failed = failed
    })
    if (command !== undefined) this.#socket.write(`${command}\r\n`)
    return answer
  }

  #read(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#parts.push(chunk)
    const end = this.#many ? END : END.subarray(0, 2)
    const last = chunk.length >= end.length ? chunk : Buffer.concat(this.#parts.slice(-6))
    if (last.length < end.length || !last.subarray(-end.length).equals(end)) return
    const answer = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts)
    this.#parts = []
    if (answer[0] === 43) this.#heard(answer)
    else this.#failed(new Error(answer.toString('latin1', 0, 120).trimEnd()))
  }

  close(): void {
    this.#failed = () => undefined
    this.#socket.destroy()
  }
}

async function drain(order: DrainerOrder, login: string, latencies: number[]): Promise<number> {
  const pop3 = new Pop3(order.port)
  try {
    await pop3.ask(undefined)
    await pop3.ask(`USER ${login}`)
    await pop3.ask(`PASS ${order.password}`)
    const list = (await pop3.ask('UIDL', true)).toString('latin1').split('\r\n').length - 3
    if (list !== order.messages) throw new Error(`${list} of ${order.messages} messages are there`)
    for (let number = 1; number <= list; number++) {
      const beganMs = performance.now()
      await pop3.ask(`RETR ${number}`, true)
      await pop3.ask(`DELE ${number}`)
      latencies.push(performance.now() - beganMs)
    }
    await pop3.ask('QUIT')
    return pop3.bytes
  } finally {
    pop3.close()
  }
}

servePart<DrainerQuestions>(async order => {
  const latencies: number[] = []
  const errors: string[] = []
  const startMs = performance.now()
  const octets = await Promise.all(
    order.logins.map(login =>
      drain(order, login, latencies).catch((error: Error) => {
        errors.push(error.message)
        return 0
      }),
    ),
  )
  const elapsedMs = performance.now() - startMs
  const bytes = octets.reduce((sum, one) => sum + one, 0)
  return {
    messages: latencies.length,
    bytes,
    elapsedMs,
    latencies: Float64Array.from(latencies),
    errors: errors.slice(0, 5),
  }
})
