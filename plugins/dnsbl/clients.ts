/**
 * What the lists say of each client. They are asked when it connects and nobody waits for them then; XCLIENT makes another client of a
 * session.
 */
import {
  type Answered,
  awaitedLater,
  type Call,
  type Log,
  label,
  type Metrics,
  objectionTo,
  type Resolver,
  type Session,
  tellUnknown,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import type { Terms } from './config.js'
import { askWithin, type Heard, type Readiness, Round } from './lookup.js'
import { questionsFor } from './question.js'
import { inShort, judge, labelsOf, weigh } from './weigh.js'

const UNKNOWN_REPLY = { text: 'Your address cannot be looked up now, try again later', detail: '7.1' }

export interface ClientParts {
  readonly terms: Terms
  readonly dns: Resolver
  readonly log: Log
  readonly readiness: Readiness
  readonly metrics: Metrics
}

export class Clients {
  readonly #parts: ClientParts
  readonly #heard = new Beside<Session, { readonly address: string; readonly heard: Promise<readonly Heard[]> }>()

  constructor(parts: ClientParts) {
    this.#parts = parts
  }

  heard(session: Session, call: Call): Promise<readonly Heard[]> {
    const { address } = session.remote
    const there = this.#heard.get(session)
    if (there?.address === address) return there.heard
    const heard = awaitedLater(this.#ask(session, call))
    this.#heard.set(session, { address, heard })
    return heard
  }

  async answer(session: Session, asked: Promise<readonly Heard[]>): Promise<Answered['rcpt']> {
    const weighed = weigh(await asked)
    const { terms } = this.#parts
    const judgement = judge(weighed, session.remote.address, terms)
    const objection = objectionTo(judgement, { answer: terms.whenUnknown, ...UNKNOWN_REPLY })
    if (objection !== undefined) return objection
    const labels = labelsOf(weighed, terms)
    return labels.length === 0 ? undefined : label(...labels)
  }

  async #ask({ protocol, remote: { address } }: Session, call: Call): Promise<readonly Heard[]> {
    const { terms, dns, readiness, metrics } = this.#parts
    // Mail of our own comes from nowhere; relays of ours are asked about as nobody, their clients with the message.
    if (protocol === 'internal' || terms.exempt.has(address) || terms.relays.has(address)) return []
    const questions = questionsFor(terms.lists, { kind: 'address', topic: 'client', proven: true, address })
    if (questions.length === 0) return []
    const round = new Round(dns, readiness)
    const heard = await askWithin(round, questions, terms.withinMs, call.signal)
    const { hits, sum, unknown } = weigh(heard)
    tellUnknown(
      call.log,
      unknown.map(({ list, why }) => ({ kind: 'unknown', rule: list.name, why })),
    )
    if (round.questions > 0) metrics.count('questions', round.questions)
    if (unknown.length > 0) metrics.count('unknown', unknown.length)
    if (hits.length > 0) {
      metrics.count('listed')
      call.log.info({ sum, lists: hits.map(inShort) }, 'address is on lists')
    }
    return heard
  }
}
