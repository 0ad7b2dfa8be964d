/** How a filing is told: to the trail, a sentence for each thing that was done; to the log and to the events, in facts. Pure. */
import type { NewRow, TrailEntry } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import type { Filed } from './onward.js'

const MOST = 500

/** `sent`: the answers that somebody takes. */
export function filedEntries(
  id: string,
  { original, quarantine }: Pick<NewRow, 'original' | 'quarantine'>,
  outcome: Filed,
  sent: ReadonlySet<string>,
  at: number,
): readonly TrailEntry[] {
  const to = formatAddress(original)
  const { filings, forwards = [], answers = [], notes = [] } = outcome
  const entry = (event: string, says: string, facts: TrailEntry['facts'] = {}): TrailEntry => {
    return { id, at, event, says, facts: { to, ...facts } }
  }
  const why = outcome.because ?? quarantine
  const because = why === undefined ? '' : ` because ${printable(why, MOST)}`
  const entries: TrailEntry[] = []
  if (filings.length > 0) {
    const into = placesOf(outcome)
    // Nearly all there is to tell: put together without copying.
    entries.push({ id, at, event: 'filed', says: `Filed for ${to} into ${into}${because}.`, facts: { to, into } })
  } else if (forwards.length === 0) {
    entries.push(entry('discarded', `Discarded for ${to}${because}: nothing is kept of it.`))
  }
  for (const { to: address, claims, because: whose } of forwards) {
    const forward = formatAddress(address)
    const sender = claims.find(claim => claim.sender !== undefined)?.sender
    const as: TrailEntry['facts'] = sender ? { sender: formatAddress(sender) } : {}
    const under = sender ? ` under the sender ${formatAddress(sender)}` : ''
    const says = `Sent on for ${to} to ${forward}${under} because ${printable(whose, MOST)}.`
    entries.push({ ...entry('forwarded', says, { forward, ...as }), by: { recipients: [forward] } })
  }
  for (const { id: answer, to: address, reason } of answers) {
    const whom = formatAddress(address)
    const says = sent.has(answer)
      ? `Answered to ${whom} for ${to} in message ${answer} (${printable(reason, MOST)}).`
      : `Nobody takes the answer to ${whom} for ${to} (${printable(reason, MOST)}); it was not sent.`
    entries.push(entry('answered', says, { answer, sent: sent.has(answer) }))
  }
  for (const note of notes) entries.push(entry('noted', `${printable(note, MOST)}.`))
  return entries
}

/** `INBOX, Lists/dev` */
export function placesOf({ filings }: Pick<Filed, 'filings'>): string {
  return filings.map(({ mailbox }) => mailbox).join(', ')
}

/** What happened, in a word, with what is known of it. */
export function filedFacts({ filings, forwards = [], answers = [] }: Filed): {
  readonly sentence: 'filed' | 'forwarded' | 'discarded'
  readonly facts: Readonly<Record<string, string>>
} {
  const facts: Record<string, string> = {}
  if (filings.length > 0) facts.mailbox = filings.map(({ mailbox }) => mailbox).join(',')
  if (forwards.length > 0) facts.forwarded = forwards.map(({ to }) => formatAddress(to)).join(',')
  if (answers.length > 0) facts.answered = answers.map(({ to }) => formatAddress(to)).join(',')
  return { sentence: filings.length > 0 ? 'filed' : forwards.length > 0 ? 'forwarded' : 'discarded', facts }
}

/** For events. */
export function filedEvent(outcome: Filed): { readonly mailbox?: string; readonly text?: string } {
  const { forwards = [] } = outcome
  if (outcome.filings.length > 0) return { mailbox: placesOf(outcome) }
  return {
    text: forwards.length === 0 ? 'discarded' : `sent on to ${forwards.map(({ to }) => formatAddress(to)).join(', ')}`,
  }
}
