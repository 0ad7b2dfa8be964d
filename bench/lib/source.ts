/**
 * The load source: N SMTP sessions that send as fast as the server lets them, for a time or a number of messages.
 * Runs as a process of its own (see part.ts). A session sends its next message when the last one was answered, and with `confirmPort`
 * only when the sink has it too, so that the latency is that of the whole way.
 */
import { connect } from 'node:net'
import type { Load } from './figures.js'
import { Messages } from './message.js'
import { servePart } from './part.js'
import { type SessionEvents, SmtpSession } from './smtp-client.js'

export interface SourceOrder {
  readonly port: number
  readonly sessions: number
  readonly size: number
  readonly recipients: readonly string[]
  readonly seconds: number
  /** At most this many. */
  readonly maxMessages: number
  /** A new connection for each message; its set-up counts. */
  readonly reconnect?: boolean
  readonly tls?: boolean
  /** The sink's back channel: 4 octets per message that has arrived. */
  readonly confirmPort?: number
  /** How long unfinished messages are waited for after the time is up; default 15000. */
  readonly graceMs?: number
}

export interface SourceQuestions {
  readonly ask: SourceOrder
  readonly answer: Load
}

interface Flight {
  readonly startedMs: number
  accepted: boolean
  arrived: boolean
  readonly done: () => void
}

/** Numbers never repeat in the life of this process: late arrivals of an earlier round are told apart. */
let nextNumber = 1
const runId = `${process.pid}.${Date.now().toString(36)}`

class Round {
  readonly #order: SourceOrder
  readonly #messages: Messages
  readonly #latencies: number[] = []
  readonly #errors: string[] = []
  readonly #flights = new Map<number, Flight>()
  readonly #sessions = new Set<SmtpSession>()
  #sent = 0
  #open = 0
  #waitingToStart: (() => void)[] = []
  #startMs = 0
  #endMs = 0
  #timeIsUp = false
  #finish: () => void = () => undefined

  constructor(order: SourceOrder) {
    this.#order = order
    this.#messages = new Messages(order.size, runId)
  }

  async run(): Promise<Load> {
    const { seconds, graceMs = 15_000, sessions, confirmPort } = this.#order
    const finished = new Promise<void>(done => {
      this.#finish = done
    })
    const channel = confirmPort === undefined ? undefined : await listenToSink(confirmPort, n => this.#arrived(n))
    const stop = setTimeout(() => {
      this.#timeIsUp = true
    }, seconds * 1000)
    const giveUp = setTimeout(() => this.#abort(graceMs), seconds * 1000 + graceMs)
    this.#open = sessions
    for (let i = 0; i < sessions; i++) this.#connect(i)
    if (this.#order.reconnect === true) this.#begin()
    await finished
    clearTimeout(stop)
    clearTimeout(giveUp)
    channel?.()
    return this.#load()
  }

  #load(): Load {
    return {
      messages: this.#latencies.length,
      bytes: this.#latencies.length * this.#order.size,
      elapsedMs: this.#latencies.length === 0 ? 0 : this.#endMs - this.#startMs,
      latencies: Float64Array.from(this.#latencies),
      errors: this.#errors,
    }
  }

  /** Sessions that keep their connection start together, when all are connected. */
  #begin(): void {
    this.#startMs = performance.now()
    for (const start of this.#waitingToStart.splice(0)) start()
  }

  #connect(index: number): void {
    const connectedMs = performance.now()
    const events: SessionEvents = {
      ready: () => {
        if (this.#order.reconnect === true) this.#send(session, index, connectedMs)
        else {
          this.#waitingToStart.push(() => this.#next(session, index))
          if (this.#waitingToStart.length === this.#open) this.#begin()
        }
      },
      accepted: () => this.#accepted(session),
      ended: trouble => {
        this.#sessions.delete(session)
        if (trouble !== undefined) this.#lost(trouble)
      },
    }
    const session = new SmtpSession(this.#order.port, events, this.#order.tls)
    this.#sessions.add(session)
  }

  readonly #current = new Map<SmtpSession, number>()

  #next(session: SmtpSession, index: number): void {
    if (this.#isOver()) {
      session.quit()
      this.#leave()
    } else this.#send(session, index, performance.now())
  }

  #isOver(): boolean {
    return this.#timeIsUp || this.#sent >= this.#order.maxMessages
  }

  #send(session: SmtpSession, index: number, startedMs: number): void {
    const { recipients, confirmPort, reconnect } = this.#order
    const number = nextNumber++
    this.#sent += 1
    const done = (): void => {
      const now = performance.now()
      this.#latencies.push(now - startedMs)
      this.#endMs = now
      this.#flights.delete(number)
      if (reconnect !== true) this.#next(session, index)
      else {
        session.quit()
        if (this.#isOver()) this.#leave()
        else this.#connect(index)
      }
    }
    this.#flights.set(number, { startedMs, accepted: false, arrived: confirmPort === undefined, done })
    this.#current.set(session, number)
    session.send({
      sender: 'sender@source.test',
      recipient: recipients[number % recipients.length]!,
      parts: [this.#messages.head(number), this.#messages.tail(number)],
    })
  }

  #accepted(session: SmtpSession): void {
    const flight = this.#flights.get(this.#current.get(session)!)
    this.#current.delete(session)
    if (flight === undefined) return
    flight.accepted = true
    if (flight.arrived) flight.done()
  }

  /** May come before the 250: the queue is quick. */
  #arrived(number: number): void {
    const flight = this.#flights.get(number)
    if (flight === undefined) return
    if (flight.arrived) {
      this.#note(`message ${number} arrived twice`)
      return
    }
    flight.arrived = true
    if (flight.accepted) flight.done()
  }

  #lost(trouble: string): void {
    this.#note(trouble)
    this.#leave()
    if (this.#order.reconnect !== true && this.#open > 0 && this.#waitingToStart.length === this.#open) this.#begin()
  }

  #leave(): void {
    this.#open -= 1
    if (this.#open === 0) this.#finish()
  }

  #abort(graceMs: number): void {
    this.#note(`${this.#flights.size} messages unfinished ${graceMs} ms after the end`)
    for (const session of [...this.#sessions]) session.abort('given up')
    this.#finish()
  }

  #note(trouble: string): void {
    if (this.#errors.length < 5) this.#errors.push(trouble)
  }
}

/** Resolves when the channel is open, to a function that closes it. */
function listenToSink(port: number, arrived: (number: number) => void): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let partial = Buffer.alloc(0)
    socket.once('error', reject)
    socket.once('connect', () => resolve(() => socket.destroy()))
    socket.on('data', chunk => {
      const whole = partial.length === 0 ? chunk : Buffer.concat([partial, chunk])
      const end = whole.length - (whole.length % 4)
      for (let at = 0; at < end; at += 4) arrived(whole.readUInt32LE(at))
      partial = whole.subarray(end)
    })
  })
}

servePart<SourceQuestions>(order => new Round(order).run())
