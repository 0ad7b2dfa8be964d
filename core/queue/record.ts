/**
 * How a fate is told: to the store (row change), to the trail (a sentence with facts), to the log. Pure.
 */
import { type Log, type QueuedMessage, type RowChange, type TrailEntry, unreachable } from '../api/index.js'
import { filedEntries, filedFacts } from '../pipeline/filed-words.js'
import { formatAddress, formatDate, printable } from '../text/index.js'
import { type Fate, triesOf } from './judgement.js'

export function rowChange(fate: Fate): RowChange {
  const { row } = fate.row
  if (fate.kind === 'held') return { kind: 'hold', row, reason: fate.reason }
  if (fate.kind !== 'again') return { kind: 'done', row }
  const { due, warn, outcome } = fate
  return {
    kind: 'again',
    row,
    due,
    status: outcome.status,
    text: outcome.text,
    ...(outcome.remote === undefined ? {} : { remote: outcome.remote }),
    ...(outcome.class === undefined ? {} : { class: outcome.class }),
    ...(warn ? { warned: true } : {}),
    ...(outcome.untried ? { untried: true } : {}),
  }
}

/** `sent`: the answers that somebody takes. */
export function trailEntries(id: string, fate: Fate, sent: ReadonlySet<string>, at: number): readonly TrailEntry[] {
  if (fate.kind === 'filed') return filedEntries(id, fate.row, fate.outcome, sent, at)
  return [trailEntry(id, fate, at)]
}

function trailEntry(id: string, fate: Exclude<Fate, { kind: 'filed' }>, at: number): TrailEntry {
  const to = formatAddress(fate.row.original)
  switch (fate.kind) {
    case 'delivered': {
      const { remote, reply, tls, security, source, final } = fate.outcome
      if (final === true) {
        const says = `Delivered for ${to} into ${remote}${reply === '' ? '' : `: ${reply}`}.`
        return { id, at, event: 'delivered', says, facts: { to, remote } }
      }
      const how = security === undefined ? (tls === undefined ? 'in clear' : `with ${tls}`) : `(${security})`
      const from = source === undefined ? '' : ` from ${source}`
      return {
        id,
        at,
        event: 'delivered',
        says: `Delivered for ${to} to ${remote}${from} ${how}: ${reply}`,
        facts: { to, remote, tls: tls ?? '', ...given({ security, source }) },
      }
    }
    case 'again': {
      const { status, text, source, remote, class: meant, rule } = fate.outcome
      const { hold } = fate.row
      const tries = triesOf(fate)
      const next = hold === undefined ? `next attempt at ${formatDate(fate.due)}` : `still held (${printable(hold)})`
      const says = `Not delivered for ${to} yet, ${next}: ${text}`
      const until: TrailEntry['facts'] = hold === undefined ? { due: fate.due } : { hold }
      return {
        id,
        at,
        event: 'deferred',
        says,
        facts: { to, status, ...given({ class: meant, rule, remote }), tries, ...given({ source }), ...until },
      }
    }
    case 'held':
      return {
        id,
        at,
        event: 'held',
        says: `Held for ${to}: ${fate.reason}`,
        facts: { to, status: fate.outcome.status },
      }
    case 'failed': {
      const { status, text, source, remote, class: meant, rule } = fate.outcome
      const how = fate.expired ? 'Gave up after the last try' : 'Failed'
      const says = `${how} for ${to}: ${text}`
      const tries = triesOf(fate)
      const facts = { to, status, tries, expired: fate.expired, ...given({ class: meant, rule, remote, source }) }
      return { id, at, event: 'failed', says, facts }
    }
    default:
      return unreachable(fate)
  }
}

/** One line per outcome, with the same names in each. `log` knows the message and its target. */
export function logFate(
  log: Log,
  fate: Fate,
  waitedMs: number,
  message: Pick<QueuedMessage, 'sender' | 'bodySize'>,
): void {
  const { row } = fate
  const sender = row.sender === undefined ? message.sender : row.sender
  const [from, to] = [sender === null ? '' : formatAddress(sender), formatAddress(row.original)]
  const { lane } = row
  const facts = { from, to, lane, size: message.bodySize, tries: triesOf(fate), waitedMs }
  switch (fate.kind) {
    case 'delivered': {
      const { remote, reply, tls, security, source } = fate.outcome
      const { size, tries } = facts
      const secured = tls ?? 'none'
      // What is undefined is left out of the line.
      log.info({ from, to, lane, size, tries, waitedMs, remote, reply, tls: secured, security, source }, 'delivered')
      return
    }
    case 'filed': {
      const { sentence, facts: how } = filedFacts(fate.outcome)
      log.info({ ...facts, ...how }, sentence)
      return
    }
    case 'held':
      log.info({ ...facts, hold: fate.reason, status: fate.outcome.status }, 'held')
      return
    case 'again':
    case 'failed': {
      const { status, text, remote, source, class: meant, rule } = fate.outcome
      const more = { status, ...given({ class: meant, rule }), text, ...given({ remote, source }) }
      const until = row.hold === undefined ? {} : { hold: row.hold }
      if (fate.kind === 'again') log.info({ ...facts, ...more, due: fate.due, ...until }, 'deferred')
      else log.warn({ ...facts, ...more, expired: fate.expired }, fate.expired ? 'expired' : 'failed')
      return
    }
    default:
      unreachable(fate)
  }
}

/** Without what is not there. */
function given(facts: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const there: Record<string, string> = {}
  for (const key in facts) if (facts[key] !== undefined) there[key] = facts[key]
  return there
}
