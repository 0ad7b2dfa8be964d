/** One record of the trail in sentences: what came, what spoke for and against it, what was decided, what became of it, what was done later. Pure. */
import { type QueuedMessage, type TrailEntry, trailDecided, trailFindings } from '../../../api/index.js'
import { formatSize, printable } from '../../../text/index.js'
import { rowLine, spanOf, timeOf } from '../queue/words.js'
import { decidedLines, findingLines, namesOf } from './verdict.js'

/** What was done with it after it had reached its mailbox, or came back after it had left. */
const LATER: ReadonlySet<string> = new Set([
  'moved',
  'copied',
  'expunged',
  'marked',
  'returned',
  'reported',
  'complained',
])
const MAX_SAYS = 2000

/** The entry that tells how it came. */
export function arrivalIn(entries: readonly TrailEntry[]): TrailEntry | undefined {
  const told = entries.filter(({ event }) => event === 'accepted' || event === 'refused' || event === 'unfinished')
  return told.find(({ facts }) => facts.findings !== undefined) ?? told[0]
}

export function recordLines(
  id: string,
  entries: readonly TrailEntry[],
  queued: QueuedMessage | undefined,
  now: number,
): readonly string[] {
  const began = Math.min(...entries.map(({ at }) => at))
  const arrival = arrivalIn(entries)
  const rest = entries.filter(entry => entry !== arrival)
  const became = rest.filter(({ event }) => !LATER.has(event))
  const later = rest.filter(({ event }) => LATER.has(event))
  return [
    `${id}  ${timeOf(began)} (${spanOf(now - began)} ago)`,
    ...(arrival === undefined ? [] : arrivalLines(arrival)),
    ...(arrival?.facts.findings === undefined ? [] : judgementLines(arrival)),
    ...section('What became of it', [...refusalLines(arrival), ...became.map(line), ...waitingLines(queued, now)]),
    ...section('Later', later.map(line)),
  ]
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines]
}

function line({ at, says }: TrailEntry): string {
  return `  ${timeOf(at)}  ${printable(says, MAX_SAYS)}`
}

// ── what came ──

function arrivalLines(entry: TrailEntry): readonly string[] {
  const { facts, event, says } = entry
  // A record of a version that kept less.
  if (facts.client === undefined && facts.reason === undefined) return section('What came', [line(entry)])
  const text = (name: string) => (facts[name] === undefined ? undefined : printable(String(facts[name]), 300))
  const decided = trailDecided(entry)
  const to = decided.map(namesOf).join(', ')
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['sender', facts.sender === undefined ? undefined : text('sender') || '<> (nobody: a bounce or a notice)'],
    ['to', to === '' ? undefined : to],
    ['From', text('from')],
    ['Subject', text('subject')],
    ['Message-ID', text('messageId')],
    ['size', facts.size === undefined ? undefined : formatSize(Number(facts.size))],
    ['by', facts.reason === undefined ? clientWords(facts) : `ourselves: ${text('reason')}`],
    ['login', loginWords(facts)],
  ]
  const came = event === 'refused' && facts.stage !== 'data' ? 'Who came' : 'What came'
  const shown = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(10)} ${value}`]))
  return section(came, shown.length === 0 ? [`  ${printable(says, MAX_SAYS)}`] : shown)
}

function clientWords(facts: TrailEntry['facts']): string {
  const helo = facts.helo === undefined ? 'without a greeting' : `greeting as ${printable(String(facts.helo))}`
  const tls = facts.tls === undefined ? 'in clear' : `with ${printable(String(facts.tls))}`
  return `${facts.client}${nameWords(facts)}, ${helo}, ${tls}, on listener ${facts.listener} (${String(facts.protocol).toUpperCase()})`
}

function nameWords({ reverse, name }: TrailEntry['facts']): string {
  switch (reverse) {
    case 'confirmed':
      return ` (${printable(String(name))}, which leads back to it)`
    case 'unconfirmed':
      return ` (${printable(String(name))}, which does not lead back to it)`
    case 'none':
      return ' (without a name)'
    default:
      return ''
  }
}

function loginWords({ login, trusted }: TrailEntry['facts']): string | undefined {
  if (login !== undefined) return `logged in as ${printable(String(login))}`
  return trusted === true ? 'not logged in, from a network of `trusted`' : undefined
}

// ── what was made of it ──

function judgementLines(arrival: TrailEntry): readonly string[] {
  const sum = typeof arrival.facts.sum === 'number' ? arrival.facts.sum : undefined
  const findings = trailFindings(arrival)
  const decided = trailDecided(arrival)
  return [
    ...section('What spoke for and against it', findingLines(findings, sum)),
    ...section('What was decided', decidedLines(decided, sum)),
  ]
}

function refusalLines(arrival: TrailEntry | undefined): readonly string[] {
  if (arrival?.event === 'unfinished') return [line(arrival)]
  if (arrival?.event !== 'refused' || arrival.facts.client === undefined) return []
  const { stage, code, status = '', text, plugin, rule, evidence } = arrival.facts
  // Of recipients each has a reply of its own, and the sentence names them.
  if (stage === 'rcpt') return [line(arrival)]
  const where = STAGES.get(String(stage)) ?? ''
  const by = plugin === undefined ? '' : ` by ${plugin}${rule === undefined ? '' : ` (${printable(String(rule))})`}`
  const why = evidence === undefined ? '' : ` It saw: ${printable(String(evidence), 500)}`
  return [`  ${timeOf(arrival.at)}  Refused${by} ${where}: ${code} ${status} ${printable(String(text), 500)}${why}`]
}

const STAGES: ReadonlyMap<string, string> = new Map([
  ['connect', 'when it connected'],
  ['greeting', 'when it greeted'],
  ['mail', 'when it named the sender'],
  ['data', 'when the message had come'],
])

function waitingLines(queued: QueuedMessage | undefined, now: number): readonly string[] {
  if (queued === undefined) return []
  return ['  It is still in the queue:', ...queued.rows.map(row => `    ${rowLine(row, now)}`)]
}

/** One line of a list. */
export function listLine(id: string, entries: readonly TrailEntry[]): string {
  const arrival = arrivalIn(entries) ?? entries[0]!
  const { facts } = arrival
  const sender = facts.sender === undefined ? '' : printable(String(facts.sender), 60) || '<>'
  const whom = whomWords(arrival)
  const events = [...new Set(entries.map(eventWords))].join(', ')
  const sum = facts.sum === undefined ? '' : `  ${facts.sum} points`
  const client = facts.client === undefined ? '' : `  ${facts.client}`
  const subject = facts.subject === undefined ? '' : `  "${printable(String(facts.subject), 50)}"`
  return `${id}  ${timeOf(arrival.at)}  ${sender}${whom}${client}${sum}  ${events}${subject}`
}

/** Where nothing was decided, as of what was refused at RCPT, the first of those that were named. */
function whomWords(arrival: TrailEntry): string {
  const to = trailDecided(arrival).flatMap(one => one.to)
  const { to: named, recipients } = arrival.facts
  const first = to[0] ?? (named === undefined ? undefined : String(named))
  const count = to.length || Number(recipients ?? 1)
  return first === undefined ? '' : ` -> ${printable(first, 60)}${count > 1 ? ` and ${count - 1} more` : ''}`
}

function eventWords({ event, facts }: TrailEntry): string {
  return event === 'filed' && facts.into !== undefined ? `filed into ${printable(String(facts.into), 60)}` : event
}
