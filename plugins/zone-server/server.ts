/** From the octets of a question to those of its answer, whatever way it came: who may ask, how much, and what goes wrong. */
import { type Clock, type LocalList, type Log, MailError, type Metrics } from 'posthouse/api'
import type { Terms } from './config.js'
import { type Question, RCODES, readQuestion } from './question.js'
import { AnswerRate } from './rate.js'
import { datagramLimit, REFUSED, type Reply, TCP_OCTETS, truncated, writeReply, writeWrong } from './reply.js'
import { replyTo } from './zone.js'

export interface ServerParts {
  readonly terms: Terms
  readonly list: LocalList
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export type Way = 'udp' | 'tcp'

/** How often the log says that somebody is not answered. */
const NOTE_MS = 60_000

export class ZoneServer {
  readonly #parts: ServerParts
  readonly #rate: AnswerRate
  /** By sentence: when it was said, and how often it could have been since. */
  readonly #noted = new Map<string, { at: number; times: number }>()

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.#rate = new AnswerRate(parts.terms.rate)
  }

  /** `undefined`: no answer. Never throws, unless there is a bug. */
  async answer(packet: Buffer, ip: string, way: Way): Promise<Buffer | undefined> {
    const { terms, metrics, clock } = this.#parts
    metrics.count(`zone-server.${way}`)
    const read = readQuestion(packet)
    if (read.kind === 'nothing') {
      metrics.count('zone-server.malformed')
      return undefined
    }
    const allowance = way === 'tcp' ? 'answer' : this.#rate.spend(ip, clock.now())
    if (allowance !== 'answer') {
      metrics.count('zone-server.limited')
      this.#note('answers to a network are limited', { remote: ip })
      const cut = allowance === 'by-tcp' && read.kind === 'question'
      return cut ? truncated(read, { rcode: RCODES.noError, authoritative: false }) : undefined
    }
    if (read.kind === 'wrong') {
      metrics.count('zone-server.malformed')
      return writeWrong(read)
    }
    if (!terms.allow.has(ip)) this.#note('somebody asks who may not', { remote: ip })
    const reply = terms.allow.has(ip) ? await this.#reply(read) : REFUSED
    this.#count(reply)
    return writeReply(read, reply, way === 'tcp' ? TCP_OCTETS : datagramLimit(read))
  }

  async #reply(question: Question): Promise<Reply> {
    const { terms, list, log } = this.#parts
    try {
      return await replyTo(question, terms.zones, list)
    } catch (error) {
      if (!(error instanceof MailError)) log.error({ err: error }, 'a question failed')
      else this.#note('the list cannot be asked', { why: error.message })
      return { ...REFUSED, rcode: RCODES.servFail }
    }
  }

  #count({ rcode, answers }: Reply): void {
    const { metrics } = this.#parts
    if (rcode === RCODES.refused) metrics.count('zone-server.refused')
    else if (rcode === RCODES.servFail) metrics.count('zone-server.failed')
    else if (answers.length > 0) metrics.count('zone-server.answered')
    else metrics.count('zone-server.clear')
  }

  #note(sentence: string, facts: object): void {
    const now = this.#parts.clock.now()
    const noted = this.#noted.get(sentence) ?? { at: Number.NEGATIVE_INFINITY, times: 0 }
    this.#noted.set(sentence, noted)
    noted.times++
    if (now - noted.at < NOTE_MS) return
    this.#parts.log.warn({ ...facts, times: noted.times }, sentence)
    noted.at = now
    noted.times = 0
  }
}
