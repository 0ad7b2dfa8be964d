/** What of the facts is evidence, and how to say it. Pure. */
import type { DomainFacts, DomainTrait, Finding, Message } from 'posthouse/api'
import { formatDate, isDrawnLocal, parseDate, printable } from 'posthouse/text'
import { belongsTo, chainEvidence, type Evidence, type House, isZone } from './chain.js'
import { clientEvidence } from './client.js'
import type { PointName, Terms } from './config.js'
import type { Gathered } from './gather.js'
import { zoneIn } from './received.js'

export interface Judging {
  readonly terms: Terms
  readonly house: House
  readonly now: number
  /** The plugin `helo` has judged the greeting. */
  readonly greetingJudged: boolean
}

const LIST_FIELDS = new Set(['list-id', 'list-post', 'mailing-list', 'x-mailing-list', 'x-beenthere'])
const FUTURE_MS = 26 * 3_600_000
const DAY_MS = 86_400_000

export function findingsFrom(gathered: Gathered, message: Message, judging: Judging): readonly Finding[] {
  const { points } = judging.terms
  const found = new Map<PointName, Finding>()
  for (const [name, says] of evidence(gathered, message, judging)) {
    if (points[name] === 0 || found.has(name)) continue
    found.set(name, { name: name.replaceAll('_', '-'), points: points[name], says })
  }
  return [...found.values()]
}

function* evidence(gathered: Gathered, message: Message, judging: Judging): Generator<Evidence> {
  const { facts } = gathered
  const names = new Set(message.header.map(({ name }) => name.toLowerCase()))
  const byList = [...LIST_FIELDS].some(name => names.has(name))
  const isAnswer = names.has('in-reply-to') || names.has('references')
  if (!byList) yield* authorEvidence(gathered)
  yield* disposable(facts)
  if (!byList && !isAnswer) yield* linkEvidence(facts.links)
  // Everybody of a list is new once, and links in answers are those of whom they answer.
  if (!byList && !isSentToMany(message, names)) yield* strangers(gathered, judging, isAnswer)
  if (facts.client !== undefined) yield* clientEvidence(facts.client, judging.greetingJudged)
  yield* chainEvidence(facts.hops, facts.client, judging.house, judging.now)
  yield* dateEvidence(message, judging.now)
}

/** It says so itself (RFC 2369), which anybody can: an excuse for being new, and for nothing else. */
function isSentToMany(message: Message, names: ReadonlySet<string>): boolean {
  return [...names].some(name => name.startsWith('list-')) || /^(?:list|bulk)$/i.test(message.field('precedence') ?? '')
}

const OF_AUTHORS: readonly (readonly [DomainTrait, PointName, string])[] = [
  ['address', 'from_address', 'The sender is at an address in place of a domain'],
  ['unlisted-ending', 'from_unlisted_ending', 'The sender is below a top-level domain that there is not'],
  ['cheap-ending', 'from_cheap_ending', 'The sender is at a cheap top-level domain'],
  ['international', 'from_international', "The sender's domain is written in letters beyond ASCII"],
  ['digits', 'from_digits', "The sender's domain is a number"],
  ['generated', 'from_generated', "The sender's domain looks drawn by a machine"],
]

function* authorEvidence({ facts: { from }, author }: Gathered): Generator<Evidence> {
  if (from === undefined || author === undefined) return
  const shown = printable(from.name, 120)
  for (const [trait, name, says] of OF_AUTHORS) if (from.traits.has(trait)) yield [name, `${says}: ${shown}`]
  if (!from.traits.has('generated') && isDrawnLocal(author.local))
    yield [
      'from_generated_local',
      `The sender's address looks drawn by a machine: ${printable(author.local, 64)}@${shown}`,
    ]
}

function* disposable({ from, sender, replyTo }: Gathered['facts']): Generator<Evidence> {
  const found = [from, sender, replyTo].find(one => one?.traits.has('disposable'))
  if (found !== undefined)
    yield ['disposable', `${printable(found.name, 120)} gives addresses that are thrown away after use`]
}

/** A bare address in a link is told by the plugin look-alikes. */
function* linkEvidence(links: readonly DomainFacts[]): Generator<Evidence> {
  for (const { name, traits } of links) {
    if (traits.has('cheap-ending'))
      yield ['link_cheap_ending', `A link leads to a cheap top-level domain: ${printable(name, 120)}`]
    if (traits.has('generated'))
      yield ['link_generated', `A link leads to a domain that looks drawn by a machine: ${printable(name, 120)}`]
  }
}

/** A site that remembers for a short time only blames nobody for being new; links to our own domains are not strange. */
function* strangers({ facts }: Gathered, { terms, house, now }: Judging, isAnswer: boolean): Generator<Evidence> {
  const { remembersSince, from, sender, links } = facts
  if (remembersSince === undefined || now - remembersSince < terms.settledMs) return
  const isNew = (domain: DomainFacts) => domain.firstSeen === undefined || now - domain.firstSeen < DAY_MS
  if (from === undefined || !isNew(from) || (sender !== undefined && !isNew(sender))) return
  yield ['from_new', `Nobody of ${printable(from.organisation, 120)} has written here before today`]
  const strange = links.filter(link => isNew(link) && !belongsTo(link.name, house))
  if (isAnswer || links.length === 0 || strange.length < links.length) return
  const shown = printable(
    strange
      .slice(0, 3)
      .map(({ organisation }) => organisation)
      .join(', '),
    120,
  )
  yield ['links_new', `Its sender is new here, and so is whatever its links lead to: ${shown}`]
}

function* dateEvidence(message: Message, now: number): Generator<Evidence> {
  const written = message.field('date')
  if (written === undefined) return
  const at = parseDate(written)
  const zone = zoneIn(written)
  if (at !== undefined && at > now + FUTURE_MS)
    yield ['date_future', `It says it was written ${formatDate(at)}, which is still to come`]
  if (zone !== undefined && !isZone(zone)) yield ['date_zone', `Its date has the time zone ${zone}, which is nowhere`]
}
