/**
 * What the lists have of each message from elsewhere: names it comes under, links, mail addresses, hosts on its way. Found out once for each
 * message, all at once and within one budget; only what the reverse name and mail-auth prove is asked as soon as they know.
 */
import {
  type Asked,
  awaitedLater,
  type Call,
  type ListFacts,
  type ListHits,
  type LocalList,
  type Log,
  type MailAuth,
  type Message,
  ownCall,
  type ServerFacts,
  tellUnknown,
  troubleOf,
  within,
} from 'posthouse/api'
import { Beside } from 'posthouse/text'
import { withoutAllowed } from './allowed.js'
import type { ClientParts, Clients } from './clients.js'
import { type Contents, type ContentTerms, contentsOf, NO_CONTENTS } from './contents.js'
import { domainTest } from './host.js'
import type { Topic } from './list.js'
import { type Heard, Round } from './lookup.js'
import { claimed, proven, reverseSeen } from './names.js'
import { type Question, questionsFor, type Seen } from './question.js'
import { hopsOf } from './received.js'
import { inLog, ruleOf, type Weighed, weigh } from './weigh.js'

type ScoreAsked = Asked['score']

export interface MessageParts extends ClientParts {
  readonly clients: Clients
  readonly server: Pick<ServerFacts, 'name' | 'domains' | 'relayDomains'>
  readonly mailAuth: () => MailAuth | undefined
  readonly localList: () => LocalList | undefined
}

/** What was made of a message. */
interface Found {
  readonly facts: ListFacts
  readonly weighed: Weighed
}

/** What is asked about the inside of a message. */
interface Asking extends Pick<Contents, 'shorteners' | 'leftOut'> {
  readonly questions: readonly Question[]
}

const NOTHING: Asking = { questions: [], shorteners: [], leftOut: 0 }
const TEXT_TOPICS: readonly Topic[] = ['links', 'short-links', 'body']

export class Messages implements ListHits {
  readonly #parts: MessageParts
  readonly #contentTerms: ContentTerms
  /** A list wants to hear of what is proven. */
  readonly #wantsProof: boolean
  readonly #found = new Beside<Message, Promise<Found>>()

  constructor(parts: MessageParts) {
    const { terms, server } = parts
    this.#parts = parts
    this.#contentTerms = {
      most: terms.most,
      skipped: domainTest([...terms.skip, server.name, ...server.domains, ...server.relayDomains]),
      short: domainTest(terms.shorteners),
      wanted: new Set(terms.lists.flatMap(({ about }) => [...about])),
      wholeLinks: terms.lists.some(({ holds, about }) => holds === 'urls' && about.has('links')),
    }
    this.#wantsProof = terms.lists.some(
      ({ holds, kind, about }) => about.has('dkim') || (kind === 'allow' && holds === 'domains'),
    )
  }

  async found(asked: ScoreAsked, call: Call): Promise<ListFacts | undefined> {
    return (await this.#once(asked, call))?.facts
  }

  async weighed(asked: ScoreAsked, call: Call): Promise<Weighed | undefined> {
    return (await this.#once(asked, call))?.weighed
  }

  async #once(asked: ScoreAsked, call: Call): Promise<Found | undefined> {
    if (!this.#parts.dns.configured || !this.#isForeign(asked)) return undefined
    const there = this.#found.get(asked.message)
    if (there !== undefined) return there
    const found = awaitedLater(this.#find(asked, ownCall(call, this.#parts.log, asked.session)))
    this.#found.set(asked.message, found)
    return found
  }

  /** LMTP and mail of our own come from this house; a relay of ours only passes on what others gave it. */
  #isForeign({ session }: ScoreAsked): boolean {
    if (session.protocol !== 'smtp' || session.account !== undefined) return false
    const { address } = session.remote
    const { terms } = this.#parts
    return terms.relays.has(address) || !(session.trusted || terms.exempt.has(address))
  }

  async #find(asked: ScoreAsked, call: Call): Promise<Found> {
    const { terms, dns, readiness, clients } = this.#parts
    const client = clients.heard(asked.session, call)
    const round = new Round(dns, readiness)
    let inside = NOTHING
    let late: string | undefined
    const note = (found: Asking) => {
      inside = found
    }
    try {
      await within(terms.withinMs, call.signal, signal => this.#askAll(asked, call, round, signal, note))
    } catch (error) {
      late = troubleOf(error)
    }
    const site = this.#parts.localList()
    const heard = await withoutAllowed(round.heard(late), site)
    this.#note(heard, round.questions, inside.leftOut, call.log)
    const all = [...(await withoutAllowed(await client, site)), ...heard]
    return { facts: factsOf(all, round.questions, inside), weighed: weigh(all) }
  }

  async #askAll(
    asked: ScoreAsked,
    call: Call,
    round: Round,
    signal: AbortSignal,
    note: (found: Asking) => void,
  ): Promise<void> {
    const { terms } = this.#parts
    const relayed = terms.relays.has(asked.session.remote.address)
    const ask = (seen: readonly Seen[]) => round.ask(this.#questions(seen), signal)
    await Promise.all([
      ask(claimed(asked, relayed)),
      this.#contents(asked, relayed).then(found => {
        note(found)
        return round.ask(found.questions, signal)
      }),
      relayed || !this.#contentTerms.wanted.has('reverse')
        ? undefined
        : asked.session.reverse().then(found => ask(reverseSeen(found))),
      this.#wantsProof ? this.#provenBy(asked, call).then(ask) : undefined,
    ])
  }

  /** Others wait for it too: our budget is not theirs. */
  async #provenBy(asked: ScoreAsked, call: Call): Promise<readonly Seen[]> {
    const facts = await this.#parts.mailAuth()?.found(asked, call)
    return facts === undefined ? [] : proven(facts)
  }

  /** Only this can be many, and is bounded: what counts most comes first. */
  async #contents(asked: ScoreAsked, relayed: boolean): Promise<Asking> {
    const { terms } = this.#parts
    const hops = this.#hops(asked, relayed)
    const text = await this.#text(asked)
    const questions = this.#questions([...hops, ...text.seen])
    const asking = questions.slice(0, terms.most.questions)
    const dropped = new Set(questions.slice(terms.most.questions).map(({ of }) => of))
    for (const { of } of asking) dropped.delete(of)
    return { questions: asking, shorteners: text.shorteners, leftOut: text.leftOut + dropped.size }
  }

  #hops({ session, message }: ScoreAsked, relayed: boolean): readonly Seen[] {
    const { terms } = this.#parts
    const outside = this.#contentTerms.wanted.has('received') || relayed ? hopsOf(message.header) : []
    const hops = outside.filter(address => !terms.relays.has(address) && !terms.exempt.has(address))
    const first = relayed ? hops[0] : undefined
    const before = [...new Set(hops)].filter(address => address !== (first ?? session.remote.address))
    return [
      ...(first === undefined ? [] : [{ kind: 'address', topic: 'client', proven: true, address: first } as const]),
      ...before.slice(0, terms.most.hops).map(address => ({ kind: 'address', topic: 'received', address }) as const),
    ]
  }

  async #text({ envelope, message }: ScoreAsked): Promise<Contents> {
    if (!TEXT_TOPICS.some(topic => this.#contentTerms.wanted.has(topic))) return NO_CONTENTS
    return contentsOf(await message.text(), message.header, this.#contentTerms, envelope.id)
  }

  #questions(seen: readonly Seen[]): readonly Question[] {
    return seen.filter(one => !this.#isOurs(one)).flatMap(one => questionsFor(this.#parts.terms.lists, one))
  }

  #isOurs(seen: Seen): boolean {
    switch (seen.kind) {
      case 'address':
        return this.#parts.terms.exempt.has(seen.address)
      case 'host':
      case 'email':
        return this.#contentTerms.skipped(seen.host.name)
      case 'url':
        return this.#contentTerms.skipped(seen.url.hostname.replace(/\.$/, ''))
    }
  }

  #note(heard: readonly Heard[], questions: number, leftOut: number, log: Log): void {
    const { metrics } = this.#parts
    const { hits, sum, unknown } = weigh(heard)
    tellUnknown(
      log,
      unknown.map(({ list, why }) => ({ kind: 'unknown', rule: ruleOf(list), why })),
    )
    if (unknown.length > 0) metrics.count('unknown', unknown.length)
    if (questions > 0) metrics.count('questions', questions)
    if (heard.length === 0) return
    if (hits.length > 0) metrics.count('messages')
    log.info({ questions, leftOut, sum, lists: hits.map(inLog) }, 'lists were asked about a message')
  }
}

function factsOf(heard: readonly Heard[], questions: number, { shorteners, leftOut }: Asking): ListFacts {
  const hits = heard.flatMap(({ list, of, topics, listing }) => {
    if (listing.kind !== 'listed') return []
    const { weight, means } = list.read(listing.codes)
    const { codes, reason } = listing
    return {
      ...{ list: list.name, kind: list.kind, of, topics, codes, points: list.kind === 'allow' ? 0 - weight : weight },
      ...(means === undefined ? {} : { means }),
      ...(reason === undefined ? {} : { reason }),
    }
  })
  const silent = heard.filter(({ listing }) => listing.kind === 'unknown').map(({ list }) => list.name)
  return { hits, unknown: [...new Set(silent)], shorteners, questions, leftOut }
}
