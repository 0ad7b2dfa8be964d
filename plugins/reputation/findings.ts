/** What is known of a sender as evidence: points and sentences. Pure. */
import type { Correspondent, Finding, History, ReputationFacts } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Points } from './config.js'
import { badOf, badPoints, chainOf, estimate, goodOf, goodShare } from './estimate.js'
import type { Standing } from './standing.js'
import { since } from './words.js'

/** All findings of this plugin: what it says itself must not teach it. */
export const OWN_FINDINGS: ReadonlySet<string> = new Set([
  'known-correspondent',
  'good-history',
  'bad-history',
  'known-sender-unproven',
])

/** Less is not worth a line. */
const LEAST_POINTS = 0.1
/** Evidence that brings half of what can be had. */
const HALF_AT = 2
/** Mails that were proved before one that is not is odd. */
const USUALLY_PROVED = 2
/** Of whoever forwards for others (a list): so many mails, and so little spam. */
const FORWARDS = 5

export function findingsFrom(standing: Standing, points: Points, now: number): readonly Finding[] {
  const { facts } = standing
  const found =
    facts.proved === 'yes'
      ? [known(standing, points.known_correspondent, now), goodHistory(facts, points.good_history, now)]
      : [unproven(facts, points.known_sender_unproven)]
  return [...found, badHistory(facts, points.bad_history, now)].flatMap(one => one ?? [])
}

/** What speaks for a correspondent, whatever the mail says. Each account counts for others as one; what a person wrote counts for their own mail. */
export function evidenceFor({ facts, knowing }: Standing): number {
  const { correspondent, histories, answers } = facts
  const own = histories.find(({ kind }) => kind === 'address')
  const doubts = own === undefined ? 0 : 3 * Math.max(0, own.junked - own.rescued) + own.spam / 4
  const written = correspondent === undefined ? 0 : Math.min(3, knowing.accounts) + Math.min(6, knowing.personal)
  const failed = correspondent === undefined ? 0 : 2 * correspondent.bounced + 4 * correspondent.complained
  const answer = answers ? (facts.personal ? 2 : 1) : 0
  return Math.max(0, written + answer - failed - doubts)
}

function known(standing: Standing, most: number, now: number): Finding | undefined {
  const { facts } = standing
  const points = rounded(most * (1 - 2 ** (-evidenceFor(standing) / HALF_AT)))
  if (Math.abs(points) < LEAST_POINTS) return undefined
  const answer = 'it answers a mail that one of them sent there'
  const { correspondent, personal } = facts
  const says =
    correspondent === undefined
      ? `One of your users is answered: ${facts.address} is proved, and ${answer}`
      : [
          writtenWords(correspondent, now),
          personal && 'its recipient has too',
          facts.answers && answer,
          provedWords(standing),
        ]
          .filter(Boolean)
          .join('; ')
  return { name: 'known-correspondent', points, says: `${says}.` }
}

function provedWords({ vouching }: Standing): string {
  return vouching.length === 0 ? 'From is proved' : `From is proved by ${vouching.slice(0, 2).join(' and ')}`
}

export function writtenWords({ address, written, replied, since: first, latest }: Correspondent, now: number): string {
  const times = Math.max(1, Math.round(written))
  const answers = Math.round(replied)
  const faded = latest - first > 90 * 86_400_000 ? ', older ones counting less' : ''
  const answering = answers === 0 ? '' : `, ${answers} of them in answer`
  return `Your users have written to ${printable(address, 200)} ${times === 1 ? 'once' : `${times} times`} since ${since(first, now)}${answering}${faded}`
}

function goodHistory(facts: ReputationFacts, most: number, now: number): Finding | undefined {
  const own = facts.histories.find(({ kind }) => kind === 'address')
  const points = rounded(most * goodShare(own, estimate(chainOf(facts.histories, true))))
  if (Math.abs(points) < LEAST_POINTS || own === undefined) return undefined
  return { name: 'good-history', points, says: `${historyWords(own, now)}; From is proved.` }
}

function badHistory(facts: ReputationFacts, most: number, now: number): Finding | undefined {
  const chain = chainOf(facts.histories, facts.proved === 'yes')
  const points = rounded(badPoints(estimate(chain), most))
  if (points < LEAST_POINTS) return undefined
  // The narrowest that is itself mostly spam: what stands behind the figure.
  const guilty = chain.toReversed().find(one => badOf(one) > goodOf(one) && badOf(one) >= 1) ?? chain.at(-1)
  if (guilty === undefined) return undefined
  return { name: 'bad-history', points, says: `${historyWords(guilty, now)}.` }
}

export function historyWords(history: History, now: number): string {
  const { kind, name, ham, spam, refused, junked, rescued } = history
  const said = [
    `${count(spam)} as spam`,
    refused >= 0.5 && `${count(refused)} refused`,
    `${count(ham)} as ham`,
    junked >= 0.5 && `${count(junked)} put into Junk by your users`,
    rescued >= 0.5 && `${count(rescued)} taken out of it`,
  ]
  const who = kind === 'site' ? 'all mail from elsewhere' : `${KINDS[kind]} ${printable(name, 200)}`
  return `Of ${who} since ${since(history.since, now)} count ${said.filter(Boolean).join(', ')}`
}

const KINDS: Readonly<Record<Exclude<History['kind'], 'site'>, string>> = {
  address: 'the sender',
  domain: 'the domain',
  organisation: 'the organisation',
  dkim: 'mail signed by',
  spf: 'mail sent for',
  network: 'the network',
}

function count(sum: number): string {
  return String(Math.round(sum))
}

/** Somebody they know, who has always been proved, and now is not. A list that breaks signatures is known by its own. */
function unproven(facts: ReputationFacts, points: number): Finding | undefined {
  const { correspondent, address, histories, claimed, answers } = facts
  if (facts.proved !== 'no' || correspondent === undefined || address === undefined || points === 0 || answers)
    return undefined
  if (correspondent.written - 2 * correspondent.bounced < 0.5) return undefined
  const before = claimed === undefined ? 0 : claimed.ham + claimed.spam + claimed.unsure
  const forwarded = histories.some(
    one => one.kind === 'dkim' && one.ham >= FORWARDS && estimate(chainOf([one], false)).spam < ANYBODY,
  )
  if (before < USUALLY_PROVED || forwarded) return undefined
  const says = `From claims to be ${printable(address, 200)}, whom your users know: ${Math.round(before)} mails from there were proved before, this one is not.`
  return { name: 'known-sender-unproven', points, says }
}

const ANYBODY = 0.3

function rounded(points: number): number {
  return Math.round(points * 10) / 10
}
