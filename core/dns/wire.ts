/**
 * Puts a question to the configured servers: over UDP, over TCP when the answer is cut short, from server to server until one answers. A server that
 * was silent is asked last for a while. Who does not know EDNS is asked without.
 */

import { randomInt } from 'node:crypto'
import { connect, isIP } from 'node:net'
import { MailError } from '../api/index.js'
import { parseEndpoint } from '../text/index.js'
import { Line, type Put, type Server, Silence } from './line.js'
import { FORMERR, readAnswer, type WireAnswer, WireFault, type WireQuestion, writeQuestion } from './packet.js'

export interface WireOptions {
  /** `ip` or `ip:port` each. */
  readonly servers: readonly string[]
  readonly timeoutMs: number
  readonly tries: number
  /** Asks to be told what has been validated. */
  readonly dnssec?: boolean
}

export interface WireEngine {
  ask(question: WireQuestion, name: string): Promise<WireAnswer>
}

/** Milliseconds that a server which was silent is asked last. */
const SHUNNED_MS = 10_000
/** Each has a connection of its own. */
const MOST_BY_TCP = 200

export function wireEngine({ servers, timeoutMs, tries, dnssec = false }: WireOptions): WireEngine {
  const places = servers.flatMap(text => serverOf(text) ?? []).map(server => new Place(server, timeoutMs))
  return {
    async ask(question, name) {
      let why = 'there is no name server'
      for (let round = 0; round < tries; round += 1) {
        let silent = false
        for (const place of inOrder(places)) {
          try {
            return await place.ask({ question, name, dnssec })
          } catch (error) {
            if (!(error instanceof WireFault || error instanceof Silence)) throw error
            why = error.message
            silent ||= error instanceof Silence
          }
        }
        // Who has answered would say the same again.
        if (!silent) break
      }
      throw new MailError('dns-unavailable', `${question.toUpperCase()} ${name}: ${why}`)
    },
  }
}

function inOrder(places: readonly Place[]): readonly Place[] {
  if (places.length < 2) return places
  const now = Date.now()
  return [...places.filter(place => place.shunned <= now), ...places.filter(place => place.shunned > now)]
}

/** One server, and how it has been of late. */
class Place {
  /** Asked last until then. */
  shunned = 0
  readonly #server: Server
  readonly #timeoutMs: number
  #line: Line | undefined
  #byTcp = 0

  constructor(server: Server, timeoutMs: number) {
    this.#server = server
    this.#timeoutMs = timeoutMs
  }

  async ask(put: Put): Promise<WireAnswer> {
    try {
      const answer = await this.#byUdp(put)
      return answer.truncated ? await this.#whole(put) : answer
    } catch (error) {
      if (error instanceof Silence) this.shunned = Date.now() + SHUNNED_MS
      throw error
    }
  }

  async #byUdp(put: Put): Promise<WireAnswer> {
    try {
      return await this.#ask(put)
    } catch (error) {
      if (!(error instanceof WireFault && error.message === FORMERR)) throw error
      return this.#ask({ ...put, edns: false })
    }
  }

  #ask(put: Put): Promise<WireAnswer> {
    if (this.#line?.open !== true) this.#line = new Line(this.#server)
    return this.#line.ask(put, this.#timeoutMs)
  }

  async #whole(put: Put): Promise<WireAnswer> {
    if (this.#byTcp >= MOST_BY_TCP) throw new WireFault('too many long answers under way')
    this.#byTcp += 1
    try {
      const whole = await byTcp(this.#server, put, this.#timeoutMs)
      if (whole.truncated) throw new WireFault('cut short by TCP too')
      return whole
    } finally {
      this.#byTcp -= 1
    }
  }
}

/** RFC 1035 §4.2.2: a length of two octets in front. */
function byTcp(server: Server, put: Put, timeoutMs: number): Promise<WireAnswer> {
  const asked = { ...put, id: randomInt(65_536) }
  const socket = connect(server)
  return new Promise((resolve, reject) => {
    const end = (then: () => void) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.destroy()
      then()
    }
    const timer = setTimeout(() => end(() => reject(new Silence('no answer in time'))), timeoutMs)
    socket.on('error', error => end(() => reject(Silence.by(error))))
    socket.on('close', () => end(() => reject(new Silence('closed before the answer'))))
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', chunk => {
      chunks.push(chunk)
      length += chunk.length
      if (length < 2) return
      const octets = Buffer.concat(chunks)
      const wanted = 2 + octets.readUInt16BE(0)
      if (length < wanted) return
      try {
        const answer = readAnswer(octets.subarray(2, wanted), asked)
        end(() => resolve(answer))
      } catch (error) {
        end(() => reject(error))
      }
    })
    const question = writeQuestion(asked)
    socket.write(Buffer.concat([Buffer.from([question.length >> 8, question.length & 0xff]), question]))
  })
}

function serverOf(text: string): Server | undefined {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const parts = parseEndpoint(text)
  return parts?.kind === 'tcp' ? parts : undefined
}
