/** What of a mail is on the list, put together: a finding for each kind of thing, a sum, and what follows from it. Pure. */
import type { Finding, Judgement, ListEntry } from 'posthouse/api'
import { formatDate, printable } from 'posthouse/text'
import type { Subject, Terms } from './config.js'
import type { Wanted } from './subjects.js'

export interface Hit extends Wanted {
  readonly entry: ListEntry
}

export interface Weighed {
  readonly findings: readonly Finding[]
  readonly sum: number
  /** The gravest against it. */
  readonly worst?: Hit
}

const MAX_TOLD = 3

const WORDS: Readonly<Record<Subject, string>> = {
  client: 'The client',
  helo: 'The name in HELO',
  reverse: 'The reverse name',
  sender: 'The sender',
  from: 'From',
  reply_to: 'Reply-To',
  dkim: 'The domain of a right DKIM signature',
  link: 'A link to',
  address: 'An address in the text',
}

/** One entry counts once, at the first thing that it fits; of one kind of thing only the weightiest entry counts. */
export function weigh(hits: readonly Hit[], points: Terms['points']): Weighed {
  const counted = new Set<string>()
  const bySubject = new Map<Subject, { readonly hit: Hit; readonly points: number }[]>()
  for (const hit of hits) {
    const id = `${hit.entry.place} ${hit.entry.pattern}`
    if (points[hit.subject] === 0 || (hit.entry.kind === 'allow' && !hit.proven) || counted.has(id)) continue
    counted.add(id)
    const weight = hit.entry.points ?? points[hit.subject]
    const all = bySubject.get(hit.subject) ?? []
    bySubject.set(hit.subject, all)
    all.push({ hit, points: hit.entry.kind === 'allow' ? 0 - weight : weight })
  }
  const all = [...bySubject.values()].map(of => of.sort((a, b) => Math.abs(b.points) - Math.abs(a.points)))
  const findings = all.map(of => ({
    name: `local-list-${of[0]!.hit.subject.replace('_', '-')}`,
    points: of[0]!.points,
    says: of
      .slice(0, MAX_TOLD)
      .map(({ hit }) => saysOf(hit))
      .join('; '),
  }))
  const against = all.map(of => of[0]!).filter(one => one.points > 0)
  const worst = against.sort((a, b) => b.points - a.points)[0]?.hit
  // In hundredths, so that the sum on paper is the sum of the points on paper.
  const sum = findings.reduce((total, one) => total + Math.round(one.points * 100), 0) / 100
  return { findings, sum, ...(worst && { worst }) }
}

export function judge({ sum, worst }: Weighed, { rejectAt, deferAt }: Terms): Judgement {
  const answer = sum >= rejectAt ? 'reject' : sum >= deferAt ? 'defer' : undefined
  if (answer === undefined || worst === undefined) return []
  const { entry, shown } = worst
  const because = {
    rule: `local-list-${worst.subject.replace('_', '-')}`,
    evidence: `${saysOf(worst)}; together ${sum}`,
    exception: `posthouse local-list add ${entry.pattern} --allow`,
  }
  const why = entry.reason === undefined ? '' : `: ${printable(entry.reason, 200)}`
  return [
    {
      kind: 'breach',
      answer,
      points: sum,
      text: `${printable(shown, 100)} is on a list of this site${why}`,
      detail: '7.1',
      because,
    },
  ]
}

/** Which entry it is, where it stands and what was said of it. */
export function saysOf({ subject, shown, entry }: Hit): string {
  const { pattern, place, reason, by, until, kind } = entry
  const list = kind === 'allow' ? 'is allowed by the local list' : 'is on the local list'
  const said = [
    place,
    ...(reason === undefined ? [] : [reason]),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(until === undefined ? [] : [`until ${formatDate(until)}`]),
  ]
  return `${WORDS[subject]} ${printable(shown, 120)} ${list}: ${pattern} (${said.join(', ')})`
}
