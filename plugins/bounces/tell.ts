/** What came of a message that left from here, written where people look for it: its trail, the log, the counters, and events. */
import type { Clock, Events, Log, Metrics, QueueEvent, Trail, TrailEntry } from 'posthouse/api'
import type { Classify } from './classed.js'
import type { ReadRecipient } from './reader/reading.js'
import type { Found, Original } from './recognise.js'

export interface TellParts {
  readonly found: Found
  /** Queue id of the mail that came. */
  readonly notice: string
  readonly classify: Classify
  readonly trail: Pick<Trail, 'add' | 'of'>
  readonly events: Events
  readonly clock: Clock
  readonly metrics: Metrics
}

/** Of one mail; it may name anything. */
const MAX_TOLD = 100
/** Delays and such, of one address of one message. */
const MAX_REPORTS = 5
/** RFC 5965 §7.3: of these, nobody has complained about the sender. */
const NO_COMPLAINTS: ReadonlySet<string> = new Set(['not-spam', 'auth-failure'])

export async function tellReturns(parts: TellParts, log: Log): Promise<void> {
  const { reading, original } = parts.found
  const told =
    reading.kind === 'complaint'
      ? complaints(parts, reading.feedback, reading.recipients)
      : await Promise.all(known(reading.recipients, original).map(one => outcome(parts, one)))
  if (told.length === 0) return
  const fresh = unsaid(told, await parts.trail.of(original.id))
  await parts.trail.add([...fresh.map(({ entry }) => entry), pointer(parts)])
  for (const { event, entry } of fresh) {
    parts.metrics.count(`bounces.${entry.event}`)
    const { to, class: klass, status } = entry.facts
    log.info({ message: original.id, to, class: klass, status, notice: parts.notice }, entry.event)
    if (event !== undefined) parts.events.tell(event)
  }
}

interface Told {
  readonly entry: TrailEntry
  readonly event?: QueueEvent
}

/**
 * A message comes back from an address once, whatever one mail says how often. Who has one bounce can send it again, and again: neither may
 * the trail grow by that, nor may it count as another failure.
 */
function unsaid(told: readonly Told[], before: readonly TrailEntry[]): readonly Told[] {
  const counts = new Map<string, number>()
  const count = ({ event, facts: { to } }: TrailEntry) => {
    const key = `${event} ${String(to).toLowerCase()}`
    const so = (counts.get(key) ?? 0) + 1
    counts.set(key, so)
    return so
  }
  for (const entry of before) count(entry)
  return told.filter(({ entry }) => count(entry) <= (entry.event === 'reported' ? MAX_REPORTS : 1))
}

/** Those it went to; where another system has passed it on to somebody else, the one it went to, if that can only be one. */
function known(recipients: readonly ReadRecipient[], { recipients: sentTo }: Original): readonly ReadRecipient[] {
  const isOurs = ({ address, original }: ReadRecipient) =>
    [original, address].find(one => one !== undefined && sentTo.has(one.toLowerCase()))
  const [only] = sentTo
  return recipients.slice(0, MAX_TOLD).flatMap(one => {
    const address = isOurs(one) ?? (sentTo.size === 1 ? only : undefined)
    return address === undefined ? [] : [{ ...one, address }]
  })
}

async function outcome(
  { found: { reading, original }, notice, classify, clock }: TellParts,
  one: ReadRecipient,
): Promise<Told> {
  const { class: klass } = await classify(one)
  const at = clock.now()
  const by = reading.reportingMta ?? one.remoteMta ?? 'another server'
  const said = one.diagnostic ?? one.status ?? 'without a reason'
  const facts = {
    to: one.address,
    action: one.action,
    class: klass,
    notice,
    ...(one.status === undefined ? {} : { status: one.status }),
    ...(one.remoteMta === undefined ? {} : { remote: one.remoteMta }),
  }
  if (one.action !== 'failed') {
    const says = `${by} reports for ${one.address}: ${one.action}; ${said} (message ${notice}).`
    return { entry: { id: original.id, at, event: 'reported', says, facts } }
  }
  const says = `Came back from ${by} for ${one.address} (${klass}): ${said} (message ${notice}).`
  const event = {
    ...eventFacts(original, at, notice),
    kind: 'returned' as const,
    recipient: one.address,
    text: said,
    class: klass,
    ...(one.status === undefined ? {} : { status: one.status }),
    ...(one.remoteMta === undefined ? {} : { remote: one.remoteMta }),
  }
  return { entry: { id: original.id, at, event: 'returned', says, facts }, event }
}

function complaints(
  { found: { original }, notice, clock }: TellParts,
  feedback: string,
  named: readonly string[],
): readonly Told[] {
  const at = clock.now()
  const ours = named.filter(one => original.recipients.has(one.toLowerCase()))
  // Many hide who complained; with one recipient it is known all the same.
  const recipients = ours.length === 0 && original.recipients.size === 1 ? [...original.recipients] : ours
  const isOne = !NO_COMPLAINTS.has(feedback)
  return (recipients.length === 0 ? [''] : recipients.slice(0, MAX_TOLD)).map(to => {
    const says = `${isOne ? 'Complaint' : 'Report'} (${feedback})${to === '' ? '' : ` from ${to}`} in message ${notice}.`
    const entry = {
      id: original.id,
      at,
      event: isOne ? 'complained' : 'reported',
      says,
      facts: { to, class: feedback, notice },
    }
    if (!isOne) return { entry }
    const recipient = to === '' ? {} : { recipient: to }
    return { entry, event: { ...eventFacts(original, at, notice), kind: 'complained', class: feedback, ...recipient } }
  })
}

function eventFacts({ id, sender, login, submitter, size, accepted }: Original, at: number, notice: string) {
  return {
    at,
    message: id,
    sender,
    ...(login === undefined ? {} : { login }),
    ...(submitter === undefined ? {} : { submitter }),
    size,
    ageMs: Math.max(0, at - accepted),
    notice,
  }
}

/** In the trail of the mail that came: what it speaks of. */
function pointer({ found, notice, clock }: TellParts): TrailEntry {
  const { id } = found.original
  const what = found.reading.kind === 'bounce' ? 'a bounce' : 'a complaint'
  return {
    id: notice,
    at: clock.now(),
    event: 'recognised',
    says: `Recognised as ${what} about message ${id}, which left from here.`,
    facts: { original: id },
  }
}
