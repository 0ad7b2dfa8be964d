/**
 * Addresses that users forward mail to in order to teach it: as an attachment, which is the mail as it was; what a mail program makes of one it quotes is
 * another. Only for those who are logged in: they teach for themselves, within the bounds of their account.
 */
import {
  type Address,
  type Asked,
  type Claim,
  type Clock,
  type Job,
  type Log,
  type Message,
  type Outcome,
  type Reject,
  reject,
  type State,
  via,
} from 'posthouse/api'
import { addressKey, type MimePart, parseAddress, scanMime } from 'posthouse/text'
import type { Config, Terms } from './config.js'
import type { Label } from './entry.js'
import { MOST_READ, readLesson } from './lesson.js'
import { movedBy } from './marks.js'
import type { Teacher } from './teacher.js'

export const TARGET = 'learning'
const MOST_FORWARDED = 50
const MOST_OCTETS = 25 * 1024 * 1024
const DAY_MS = 86_400_000

export type Addresses = ReadonlyMap<string, Label>

export function addressesOf({ addresses }: Config): Addresses {
  const known = new Map<string, Label>()
  for (const label of ['spam', 'ham'] as const) {
    const address = parseAddress(addresses[label] ?? '')
    if (address !== undefined) known.set(addressKey(address), label)
  }
  return known
}

export function objectionOf(addresses: Addresses, { session, recipient }: Asked['rcpt']): Reject | undefined {
  if (!addresses.has(addressKey(recipient.address)) || session.account !== undefined) return undefined
  return reject('Only users of this server may teach its filter: log in first', { code: 550, status: '5.7.1' })
}

export function claimOf(addresses: Addresses, { session, recipient }: Asked['route']): Claim | undefined {
  const label = addresses.get(addressKey(recipient.address))
  if (label === undefined || session.account === undefined) return undefined
  return via(TARGET, recipient.address as Address, { detail: { label, account: session.account.id } })
}

export interface ForwardParts {
  readonly teacher: Teacher
  readonly state: State
  readonly clock: Clock
  readonly terms: Terms
  readonly log: Log
  readonly messageOf: (bytes: Buffer) => Message
}

export async function taughtBy(job: Job, parts: ForwardParts): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { row, detail } of job.recipients) {
    const label: Label = detail.label === 'spam' ? 'spam' : 'ham'
    outcomes.push({ row, ...(await taught(parts, job, label, detail.account ?? '')) })
  }
  return outcomes
}

/** Other lessons wait already, more than are kept waiting. */
export function tooMany({ recipients }: Job): readonly Outcome[] {
  return recipients.map(({ row }) => ({ kind: 'deferred', row, status: '4.3.2', text: 'too many lessons at once' }))
}

type Answer = { readonly [K in Outcome['kind']]: Omit<Extract<Outcome, { kind: K }>, 'row'> }[Outcome['kind']]

async function taught(
  { teacher, state, clock, terms, log, messageOf }: ForwardParts,
  job: Job,
  label: Label,
  who: string,
): Promise<Answer> {
  if (job.size > MOST_OCTETS)
    return { kind: 'failed', status: '5.3.4', text: 'too large to learn from: forward fewer at a time' }
  const mails = forwardedIn(await job.read())
  if (mails.length === 0 || who === '')
    return { kind: 'failed', status: '5.6.0', text: 'no mail is attached: forward it as an attachment' }
  let learned = 0
  for (const mail of mails) {
    const budget = { limit: terms.marksPerDay, windowMs: DAY_MS }
    const { granted } = await state.spend(`marks/${who}`, 1, budget, clock.now())
    if (!granted)
      return {
        kind: 'failed',
        status: '5.7.1',
        text: `only ${terms.marksPerDay} lessons a day; ${learned} were learned`,
      }
    const lesson = { who, label, by: 'forward', ...(await readLesson(messageOf(mail))) } as const
    const result = await teacher.learn(lesson)
    if (result.kind === 'known') continue
    learned++
    log.info({ id: job.id, account: who, label, by: 'forward', ...movedBy(result) }, 'learned')
  }
  return {
    kind: 'delivered',
    remote: TARGET,
    reply: `${learned} of ${mails.length} attached mails learned as ${label}`,
  }
}

/** The messages inside, not those inside of them. */
export function forwardedIn(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  const waiting: MimePart[] = [scanMime(bytes).root]
  for (let part = waiting.shift(); part !== undefined && found.length < MOST_FORWARDED; part = waiting.shift()) {
    if (part.message === undefined) waiting.push(...part.children)
    else found.push(bytes.subarray(part.start, Math.min(part.end, part.start + MOST_READ)))
  }
  return found
}
