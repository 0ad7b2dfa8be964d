/**
 * Mail that its recipient sends on. The rule it keeps: it ends. Not to who sent it nor to oneself, so many addresses and so many a day, few of
 * what machines write; and `Delivered-To` stands in front, so that what comes back is known. What is not sent on is kept, and its trail says why.
 */

import {
  type Account,
  type Address,
  type ArrivedMail,
  type Call,
  type Claim,
  type Clock,
  type FilingAction,
  type Forward,
  MailError,
  type SenderRewriter,
  type State,
  via,
} from 'posthouse/api'
import { addressKey, formatAddress, mailboxOf } from 'posthouse/text'
import { DELIVERED_TO, deliveredTo } from './loops.js'
import type { Said } from './route.js'

export type ForwardAction = Extract<FilingAction, { kind: 'forward' }>

export interface ForwardParts {
  readonly state: State
  readonly clock: Clock
  /** So many a day and account; of what machines write, so many. */
  readonly perDay: number
  readonly automaticPerDay: number
  /** Target for what goes elsewhere. */
  readonly remote: string
  readonly rewriter: () => SenderRewriter | undefined
  /** Of an address of ours; nothing: it is not ours. */
  route(to: Address, sender: Address | null): Promise<Said | undefined>
}

export interface Forwards {
  readonly forwards: readonly Forward[]
  /** Of those that are left out, sentences for the trail. */
  readonly notes: readonly string[]
  /** It is not carried out after all: the day's number is as it was. */
  undo(): Promise<void>
}

const DAY_MS = 86_400_000
/** RFC 5228 §10: from one message, so many. */
const MOST_PER_MESSAGE = 5
/** It has gone through so many mailboxes: that is no way mail takes. */
const MOST_DELIVERIES = 10
const NONE: Forwards = { forwards: [], notes: [], undo: async () => undefined }

/** Throws a temporary error when an address cannot be resolved now. */
export async function forwardsOf(
  parts: ForwardParts,
  account: Account,
  mail: ArrivedMail,
  actions: readonly ForwardAction[],
  call: Pick<Call, 'log'>,
): Promise<Forwards> {
  if (actions.length === 0) return NONE
  const fields = await mail.header()
  const no = (why: string): Forwards => ({ ...NONE, notes: actions.map(({ to }) => notSent(to, why)) })
  if (mail.junk !== undefined) return no('it was taken for spam')
  if (account.disabled === true) return no('the account is disabled')
  if (fields.filter(({ name }) => name.toLowerCase() === 'delivered-to').length >= MOST_DELIVERIES)
    return no('it has gone through too many mailboxes')
  const notes: string[] = []
  const forwards: Forward[] = []
  const seen = new Set<string>()
  for (const action of actions) {
    const key = addressKey(action.to)
    if (seen.has(key)) continue
    seen.add(key)
    const found =
      seen.size > MOST_PER_MESSAGE
        ? `${MOST_PER_MESSAGE} addresses are the most`
        : await one(parts, account, mail, action, call)
    if (typeof found === 'string') notes.push(notSent(action.to, found))
    else forwards.push(found)
  }
  return counted(parts, account, isAutomatic(fields), forwards, notes)
}

function notSent(to: Address, why: string): string {
  return `Not sent on to ${formatAddress(to)}: ${why}`
}

/** Or why not. */
async function one(
  parts: ForwardParts,
  account: Account,
  mail: ArrivedMail,
  { to, because }: ForwardAction,
  call: Pick<Call, 'log'>,
): Promise<Forward | string> {
  const key = addressKey(to)
  if (account.addresses.includes(key)) return 'that is this very mailbox'
  const fields = await mail.header()
  // Its mailbox would refuse it; what two people send on to each other stays with the second.
  if (deliveredTo(fields).has(key)) return 'it has been there before'
  const author = mailboxOf(fields, 'from')
  // A robot there that answers would be answered by what it wrote.
  if ([mail.sender, author].some(one => one && addressKey(one) === key)) return 'it comes from there'
  const answer = await parts.route(to, mail.sender)
  const claims = answer === undefined ? [await elsewhere(parts, to, mail, call)] : claimsIn(answer)
  if (typeof claims === 'string') return claims
  const others = claims.filter(claim => claim.detail?.account !== account.id)
  if (others.length === 0) return 'that leads back to this very mailbox'
  // By this it is known when it comes back.
  const here = { name: DELIVERED_TO, value: addressKey(mail.recipient) }
  return { to, claims: others.map(claim => ({ ...claim, fields: [here, ...(claim.fields ?? [])] })), because }
}

async function elsewhere(
  { remote, rewriter }: ForwardParts,
  to: Address,
  { sender }: ArrivedMail,
  call: Pick<Call, 'log'>,
): Promise<Claim> {
  const renamed = sender === null ? undefined : await rewriter()?.forwarded(sender, call)
  return via(remote, to, renamed === undefined ? {} : { sender: renamed, onBehalf: true })
}

function claimsIn(answer: Said): readonly Claim[] | string {
  if (!('kind' in answer)) return answer
  if (answer.kind === 'claim') return [answer]
  if (answer.kind === 'reject') return answer.text
  throw new MailError('directory-unavailable', `cannot be sent on now: ${answer.text}`)
}

/** RFC 3834 §5: written by a machine. Loops are made of such mail, so fewer of it go on. */
export function isAutomatic(fields: readonly { readonly name: string; readonly raw: string }[]): boolean {
  return fields.some(({ name, raw }) => {
    const value = raw.trim().toLowerCase()
    switch (name.toLowerCase()) {
      case 'auto-submitted':
        return !/^no\b/.test(value)
      case 'precedence':
        return /^(bulk|junk|list|auto_reply)\b/.test(value)
      default:
        return false
    }
  })
}

/** Takes them out of the day's number; of those that are too many none goes. */
async function counted(
  { state, clock, perDay, automaticPerDay }: ForwardParts,
  { id }: Account,
  automatic: boolean,
  forwards: readonly Forward[],
  notes: readonly string[],
): Promise<Forwards> {
  const now = clock.now()
  const all = { key: `forwards/${id}`, limit: perDay, what: 'messages' }
  const few = { key: `forwards-automatic/${id}`, limit: automaticPerDay, what: 'messages written by machines' }
  const taken: (() => Promise<unknown>)[] = []
  const undo = async () => {
    for (const giveBack of taken.splice(0)) await giveBack()
  }
  for (const { key, limit, what } of forwards.length === 0 ? [] : automatic ? [all, few] : [all]) {
    const budget = { limit, windowMs: DAY_MS }
    const { granted } = await state.spend(key, forwards.length, budget, now)
    if (!granted) {
      await undo()
      const why = `${limit} ${what} a day are the most`
      return { forwards: [], notes: [...notes, ...forwards.map(({ to }) => notSent(to, why))], undo }
    }
    taken.push(() => state.spend(key, -forwards.length, budget, now))
  }
  return { forwards, notes, undo }
}
