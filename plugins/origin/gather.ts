/** All facts of one message: names, links, the client, the way it says it took, and since when each organisation is known here. */
import {
  type Asked,
  asFarAsKnown,
  type Call,
  type ClientFacts,
  type DomainFacts,
  type Hop,
  MailError,
  type Message,
  type OriginFacts,
  type ReverseName,
  troubleOf,
} from 'posthouse/api'
import {
  bothEndsOf,
  type FieldMailbox,
  LOCAL_NETWORKS,
  mailboxOf,
  NetworkSet,
  organisationOf,
  webLinks,
} from 'posthouse/text'
import type { Age, SeenAs } from './age.js'
import { clientFacts } from './client.js'
import type { Terms } from './config.js'
import type { Domains } from './domains.js'
import { readHops } from './received.js'

/** Organisations that links lead to; the first and the last ones. */
const MAX_LINKS = 20
/** Of those, how many are looked up in the state. */
const MAX_REMEMBERED = 10

const local = new NetworkSet(LOCAL_NETWORKS)

export interface GatherParts {
  readonly terms: Terms
  readonly domains: Domains
  readonly age: Age
  readonly now: () => number
}

/** A mail with what is known of how it came; from a file, perhaps nothing. */
export interface Arrival {
  readonly message: Message
  readonly sender?: string
  readonly client?: {
    readonly address: string
    readonly helo?: string
    readonly reverse: () => Promise<ReverseName>
  }
}

export interface Gathered {
  readonly facts: OriginFacts
  readonly author?: FieldMailbox
}

export function arrivalOf({ session, envelope, message }: Asked['score'], terms: Terms): Arrival {
  const { helo } = session
  return {
    message,
    ...(envelope.sender !== null && envelope.sender.domain !== '' && { sender: envelope.sender.domain }),
    client: {
      address: session.remote.address,
      ...(helo !== undefined && { helo }),
      reverse: () => patiently(terms.withinMs, session.reverse()),
    },
  }
}

export async function gather(arrival: Arrival, parts: GatherParts): Promise<Gathered> {
  const { message, sender } = arrival
  const { domains, terms } = parts
  const author = mailboxOf(message.header, 'from')
  const replyTo = mailboxOf(message.header, 'reply-to')
  const received = message.header.filter(({ name }) => name.toLowerCase() === 'received').map(({ raw }) => raw)
  const way = await wayOf(readHops(received), arrival.client, terms)
  const facts: OriginFacts = {
    ...(author !== undefined && { from: domains.facts(author.domain) }),
    ...(sender !== undefined && { sender: domains.facts(sender) }),
    ...(replyTo !== undefined && { replyTo: domains.facts(replyTo.domain) }),
    links: await linksOf(message, domains),
    ...way,
  }
  return { facts, ...(author !== undefined && { author }) }
}

async function linksOf(message: Message, domains: Domains): Promise<readonly DomainFacts[]> {
  const links = new Map<string, string>()
  for (const { host } of webLinks(await message.text())) {
    const organisation = organisationOf(host)
    if (!links.has(organisation)) links.set(organisation, host)
  }
  return bothEndsOf([...links.values()], MAX_LINKS).map(host => domains.facts(host))
}

/** Behind relays of our own the client is who gave it to the first of them, as that one says. */
async function wayOf(
  all: readonly Hop[],
  client: Arrival['client'],
  { relays }: Terms,
): Promise<{ readonly hops: readonly Hop[]; readonly client?: ClientFacts }> {
  if (client === undefined) return { hops: all }
  if (!relays.has(client.address)) {
    const reverse = await client.reverse()
    return { hops: all, client: clientFacts({ ...client, reverse, hops: all.length }) }
  }
  // A relay hands mail on within itself too: to a filter, for example.
  const last = all.findIndex(({ address }) => address !== undefined && !relays.has(address) && !local.has(address))
  const hop = all[last]
  // It says nothing of where it had the mail: then nobody is the client.
  if (hop === undefined) return { hops: all }
  const hops = all.slice(last + 1)
  const { address = '', helo } = hop
  const reverse: ReverseName =
    hop.reverse === undefined
      ? { kind: 'unknown', why: 'the relay does not say' }
      : { kind: 'confirmed', name: hop.reverse }
  return { hops, client: clientFacts({ address, ...(helo !== undefined && { helo }), reverse, hops: hops.length }) }
}

/** With `firstSeen`, and noted as seen now. */
export async function remembered(facts: OriginFacts, call: Call, { age, now }: GatherParts): Promise<OriginFacts> {
  if (!age.remembers) return facts
  const at = now()
  const aged = await asFarAsKnown(call.log, 'first-seen', async () => {
    const remembersSince = await age.since(at)
    const see = async (domain: DomainFacts | undefined, as: SeenAs) =>
      domain === undefined ? undefined : withAge(domain, await age.see(domain.organisation, as, at))
    const from = await see(facts.from, 'sender')
    const isSame = from !== undefined && facts.sender?.organisation === from.organisation
    const sender = isSame ? withAge(facts.sender!, from.firstSeen) : await see(facts.sender, 'sender')
    const links = await Promise.all(facts.links.slice(0, MAX_REMEMBERED).map(async link => (await see(link, 'link'))!))
    return {
      ...facts,
      ...(from !== undefined && { from }),
      ...(sender !== undefined && { sender }),
      links: [...links, ...facts.links.slice(MAX_REMEMBERED)],
      remembersSince,
    }
  })
  return aged ?? facts
}

function withAge(domain: DomainFacts, firstSeen: number | undefined): DomainFacts {
  return firstSeen === undefined ? domain : { ...domain, firstSeen }
}

/**
 * Never throws, unless there is a bug. Mostly it is known since the connection began, and neither a timer is made nor a signal: who has gone away waits for
 * nothing, and the look-up has a bound of its own.
 */
async function patiently(ms: number, looking: Promise<ReverseName>): Promise<ReverseName> {
  try {
    const known = await Promise.race([looking, NOT_YET])
    return known ?? (await unlessLate(ms, looking))
  } catch (error) {
    return { kind: 'unknown', why: troubleOf(error) }
  }
}

/** Of what is settled already the first counts. */
const NOT_YET = Promise.resolve(undefined)

function unlessLate<T>(ms: number, looking: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new MailError('dns-unavailable', `no answer within ${ms} ms`))
    const timer = setTimeout(late, ms)
    looking.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
