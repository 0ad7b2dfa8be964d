/**
 * The targets `mbox`, `maildir`, `pipe` and `lmtp`. What they do cannot be undone, so their mail comes from the queue; whatever fails at a place of ours is put
 * off, and only what a program or another server refuses fails. A recipient's trouble is theirs alone.
 */
import {
  type Account,
  type Accounts,
  type Clock,
  type DeliveryCall,
  type Job,
  type JobRecipient,
  type MailClient,
  MailError,
  type Metrics,
  type Outcome,
  type Target,
} from 'posthouse/api'
import { addressKey, formatAddress } from 'posthouse/text'
import { deliveredTo } from './copy.js'
import type { Errand } from './errand.js'
import { deliverByLmtp } from './lmtp/deliver.js'
import { deliverToMaildir } from './maildir/deliver.js'
import { deliverToMbox } from './mbox/deliver.js'
import { deliverToProgram } from './pipe/deliver.js'
import type { Kind, Place } from './place.js'
import type { Values } from './placeholders.js'
import { deferred, Trouble, troubleOf } from './trouble.js'
import { Turns } from './turns.js'

export interface TargetParts {
  readonly places: ReadonlyMap<string, Place>
  readonly accounts: Pick<Accounts, 'byId'>
  readonly client: () => MailClient | undefined
  readonly clock: Clock
  readonly metrics: Metrics
}

export function placeTarget(kind: Kind, parts: TargetParts): Target {
  const turns = new Map<string, Turns>()
  return {
    scope: 'local',
    queued: true,
    lane: to => to.domain,
    deliver: (job, call) => deliver(kind, job, call, { ...parts, turns }),
  }
}

type Parts = TargetParts & { readonly turns: Map<string, Turns> }

async function deliver(kind: Kind, job: Job, call: DeliveryCall, parts: Parts): Promise<readonly Outcome[]> {
  const been = await deliveredTo(job)
  const outcomes: Outcome[] = []
  const byPlace = new Map<Place, JobRecipient[]>()
  for (const recipient of job.recipients) {
    const { row, detail, original } = recipient
    const place = parts.places.get(detail.place ?? '')
    const address = addressKey(original)
    if (been.has(address)) {
      const text = `mail is looping: it has been delivered to ${address} before`
      outcomes.push({ kind: 'failed', row, status: '5.4.6', text })
    } else if (place?.kind !== kind) {
      call.log.error({ place: detail.place, target: kind }, 'place is missing')
      outcomes.push({ kind: 'deferred', row, status: '4.3.5', text: 'the place of the mailbox is not set up' })
    } else byPlace.set(place, [...(byPlace.get(place) ?? []), recipient])
  }
  for (const [place, recipients] of byPlace) outcomes.push(...(await deliverTo(place, recipients, job, call, parts)))
  for (const outcome of outcomes) parts.metrics.count(`places.${outcome.kind}`)
  return outcomes
}

async function deliverTo(
  place: Place,
  recipients: readonly JobRecipient[],
  job: Job,
  call: DeliveryCall,
  parts: Parts,
): Promise<readonly Outcome[]> {
  if (place.kind === 'lmtp') {
    return orTrouble(place, recipients, call, async () => {
      const client = parts.client()
      if (client === undefined)
        throw new Trouble(
          '4.3.5',
          'the server that keeps the mailbox cannot be reached',
          'no plugin supplies mail-client: mx',
        )
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(place.timeoutMs)])
      return deliverByLmtp(place, client, job, recipients, { ...call, signal })
    })
  }
  const outcomes: Outcome[] = []
  for (const recipient of recipients) {
    // Whoever has no outcome is put off; what was delivered before must be told, or it would come again.
    if (call.signal.aborted) break
    const done = await orTrouble(place, [recipient], call, async () => [
      await deliverOne(place, job, recipient, call, parts),
    ])
    outcomes.push(...done)
  }
  return outcomes
}

async function deliverOne(
  place: Exclude<Place, { kind: 'lmtp' }>,
  job: Job,
  recipient: JobRecipient,
  call: DeliveryCall,
  parts: Parts,
): Promise<Outcome> {
  const { account: id } = recipient.detail
  const account = id === undefined ? undefined : await parts.accounts.byId(id)
  if (id !== undefined && account === undefined)
    return { kind: 'failed', row: recipient.row, status: '5.1.1', text: 'the account does not exist any more' }
  const errand: Errand = { job, recipient, values: valuesOf(job, recipient, account), signal: call.signal, call }
  switch (place.kind) {
    case 'mbox':
      return deliverToMbox(place, errand)
    case 'maildir':
      return deliverToMaildir(place, errand, parts.clock.now())
    case 'pipe':
      return turnsOf(place.name, place.most, parts).take(() => deliverToProgram(place, errand), call.signal)
  }
}

function turnsOf(name: string, most: number, { turns }: Parts): Turns {
  const known = turns.get(name) ?? new Turns(most)
  turns.set(name, known)
  return known
}

/** Trouble is told once for all whom it concerns. Never throws, for the sake of those who have their mail already. */
async function orTrouble(
  place: Place,
  recipients: readonly JobRecipient[],
  { log, signal }: DeliveryCall,
  work: () => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) return []
    const trouble = error instanceof MailError ? ofStore(error) : troubleOf(error)
    const to = recipients.map(({ original }) => addressKey(original))
    log.warn({ place: place.name, to, status: trouble.status, why: trouble.message }, 'place does not take mail')
    return recipients.map(({ row }) => deferred(row, trouble))
  }
}

/** The directory, or the store that has the message. */
function ofStore(error: MailError): Trouble {
  const { status, text } = error.reply
  return new Trouble(`4${status.slice(1)}`, text, error.message, error)
}

/** `user`: the login without its domain; where nobody has the address, its local part. */
export function valuesOf(
  { sender, id }: Pick<Job, 'sender' | 'id'>,
  { to, original, detail: { tag = '' } }: Pick<JobRecipient, 'to' | 'original' | 'detail'>,
  account: Pick<Account, 'login'> | undefined,
): Values {
  const key = addressKey(to)
  const at = key.lastIndexOf('@')
  const ending = tag === '' ? 0 : tag.length + 1
  const local = key.slice(0, at - ending)
  const login = account?.login ?? `${local}@${key.slice(at + 1)}`
  const cut = login.indexOf('@')
  return {
    user: cut < 1 ? login : login.slice(0, cut),
    login,
    local,
    domain: key.slice(at + 1),
    address: key,
    recipient: addressKey(original),
    tag,
    sender: sender === null ? '' : formatAddress(sender),
    id,
  }
}
