/**
 * What of the facts is evidence, and how much. One trick often shows in several places (name, From, links all claim the same bank): the strongest
 * counts, the next half, further ones not at all. Pure.
 */
import type { Finding, LookAlike, LookAlikeFacts, NamePlace, Trick } from 'posthouse/api'
import type { PointName, Terms } from './config.js'

interface Weighed {
  readonly finding: Finding
  /** Of one group only the two strongest count. */
  readonly group: string
  /** Of one place in a group only the strongest. */
  readonly place: string
}

export function findingsFrom(facts: LookAlikeFacts, points: Terms['points'], told: boolean): readonly Finding[] {
  const weighed = facts.tricks.map(trick => weigh(trick, points)).filter(({ finding }) => finding.points !== 0)
  const more = [...others(facts, told)]
    .filter(([name]) => points[name] !== 0)
    .map(([name, says]) => ({ name: name.replaceAll('_', '-'), points: points[name], says }))
  return [...grouped(weighed), ...more]
}

function weigh(trick: LookAlike, points: Terms['points']): Weighed {
  const name = pointNameOf(trick)
  const finding = { name: name.replaceAll('_', '-'), points: points[name], says: trick.says }
  const place = placeOf(trick.place)
  return { finding, place, group: FORMS.has(trick.trick) ? name : (trick.whose ?? trick.shown) }
}

/** Tricks of form, which say nothing of whom they are taken for. */
const FORMS: ReadonlySet<Trick> = new Set(['odd-characters', 'hides-name', 'to-number', 'shows-other'])

function placeOf(place: NamePlace): 'sender' | 'name' | 'link' | 'file' {
  return place === 'from' || place === 'reply-to' || place === 'envelope' ? 'sender' : place
}

function pointNameOf({ place, trick }: LookAlike): PointName {
  return `${placeOf(place)}_${trick.replaceAll('-', '_')}` as PointName
}

function grouped(all: readonly Weighed[]): readonly Finding[] {
  const byStrength = [...all].sort((a, b) => b.finding.points - a.finding.points)
  const places = new Map<string, Set<string>>()
  const names = new Set<string>()
  return byStrength.flatMap(({ finding, group, place }) => {
    const there = places.get(group) ?? new Set()
    places.set(group, there)
    if (there.has(place) || there.size >= 2 || names.has(finding.name)) return []
    there.add(place)
    names.add(finding.name)
    return [there.size === 1 ? finding : { ...finding, points: finding.points / 2 }]
  })
}

/** `told`: mail-auth counts already what the policy of its domain asks for. */
function* others(facts: LookAlikeFacts, told: boolean): Generator<readonly [PointName, string]> {
  const { ownDomain, lure, replyElsewhere, bouncesElsewhere } = facts
  if (ownDomain.kind === 'forged' && !told) yield ['own_domain_forged', ownDomain.says]
  if (ownDomain.kind === 'unknown' && !told) yield ['own_domain_unproven', ownDomain.says]
  if (lure !== undefined) yield ['brand_with_lure', `The brand that it claims is not its sender, and it lures: ${lure}`]
  if (replyElsewhere !== undefined) yield ['reply_elsewhere', `Answers go to another organisation: ${replyElsewhere}`]
  if (bouncesElsewhere !== undefined)
    yield [
      'bounces_elsewhere',
      `Nobody vouches for its author, and bounces go to another organisation: ${bouncesElsewhere}`,
    ]
}
