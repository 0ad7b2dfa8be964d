/**
 * What follows from a filing by the wish of whose mailbox it is: new recipients of the same message, and messages of ours that answer it. They are
 * part of the commit that files it. The rules it keeps: mail that was taken for spam is neither sent on nor answered, and what goes out of mail that a hook
 * holds, or answers it, is held, whatever a target says.
 */
import {
  type Acceptance,
  type Address,
  type Answer,
  type Claim,
  type DsnWish,
  type Forward,
  type HoldRule,
  MailError,
  type NewMessage,
  type NewRow,
  type Outcome,
  type SentBy,
  type Target,
} from '../api/index.js'
import { formatAddress } from '../text/index.js'
import { heldByRules } from './holds.js'
import type { AskScope, Intake } from './intake-types.js'
import { inFront } from './rows.js'

export type Filed = Extract<Outcome, { kind: 'filed' }>
export type OnwardRow = Omit<NewRow, 'row'>

/** Of the row that was filed. */
export type Origin = Pick<
  NewRow,
  'original' | 'dsn' | 'sender' | 'prefix' | 'onward' | 'onwardHold' | 'priority' | 'quarantine'
>

export interface OnwardParts {
  readonly targets: Pick<ReadonlyMap<string, Target>, 'get'>
  /** How long a new recipient may wait. */
  readonly lifeMs: (row: Pick<NewRow, 'target' | 'lane' | 'sender'>) => number
  readonly now: number
}

export interface Answered {
  readonly follow: readonly Acceptance[]
  /** Ids of those that are sent. */
  readonly sent: ReadonlySet<string>
}

const NOTHING: Answered = { follow: [], sent: new Set() }

/** Without what quarantined mail must not lead to. Nothing: it would be nowhere then, so it is not settled. */
export function soundFiled(outcome: Filed, { quarantine }: Pick<NewRow, 'quarantine'>): Filed | undefined {
  if (quarantine === undefined || (outcome.forwards === undefined && outcome.answers === undefined)) return outcome
  const { forwards, answers: _, ...rest } = outcome
  return forwards !== undefined && rest.filings.length === 0 ? undefined : rest
}

/** Throws a temporary error when a claim cannot be carried out: nothing is filed then, and it is tried again. */
export function onwardRows(
  message: Pick<NewMessage, 'sender' | 'origin' | 'deliverBy'>,
  origin: Origin,
  { filings, forwards = [] }: Filed,
  parts: OnwardParts,
): readonly OnwardRow[] {
  const only = filings.length === 0 && forwards.length === 1 && forwards[0]!.claims.length === 1
  return forwards.flatMap(forward => {
    const kept = filings.length > 0
    return forward.claims.map(claim =>
      rowOf(message, origin, forward, claim, dsnOf(origin.dsn, claim, kept, only), parts),
    )
  })
}

function rowOf(
  message: Pick<NewMessage, 'sender' | 'origin' | 'deliverBy'>,
  origin: Origin,
  { to }: Forward,
  claim: Claim,
  dsn: DsnWish,
  { targets, lifeMs, now }: OnwardParts,
): OnwardRow {
  const target = targets.get(claim.target)
  if (target === undefined) throw new MailError('internal', `no plugin supplies the target "${claim.target}"`)
  const from = origin.sender === undefined ? message.sender : origin.sender
  // RFC 5321 §4.5.5: what came from nobody stays from nobody, or a bounce could be bounced.
  const renamed = claim.sender === undefined || from === null ? origin.sender : claim.sender
  const lane = target.lane(claim.to, sentBy(message.origin.login, renamed === undefined ? message.sender : renamed))
  const sender = renamed === undefined ? {} : { sender: renamed }
  const expires = now + lifeMs({ target: claim.target, lane, ...sender })
  const { deliverBy } = message
  const before = inFront(claim)
  const onward = before + (origin.onward ?? origin.prefix)
  const prefix = target.scope === 'local' ? before + origin.prefix : onward
  return {
    to: claim.to,
    // As for an alias, reports about what goes out name the address that was written to (RFC 3461 §5.2.7.4).
    original: target.scope === 'remote' ? origin.original : to,
    dsn,
    target: claim.target,
    lane,
    ...sender,
    detail: claim.detail ?? {},
    prefix,
    ...(onward === prefix ? {} : { onward }),
    due: now,
    // RFC 2852 §4.1.3: after that time it goes back.
    expires: deliverBy?.mode === 'return' ? Math.min(expires, deliverBy.at) : expires,
    priority: origin.priority,
    ...heldBy(origin, claim, target.scope),
  }
}

/** What a hook holds does not go out by its owner's wish either; to another mailbox of ours it goes, and no further. */
function heldBy({ onwardHold }: Origin, claim: Claim, scope: Target['scope']): Pick<NewRow, 'hold' | 'onwardHold'> {
  const hold = scope === 'remote' ? (onwardHold ?? claim.hold) : claim.hold
  return {
    ...(hold === undefined ? {} : { hold }),
    ...(onwardHold !== undefined && scope === 'local' ? { onwardHold } : {}),
  }
}

function sentBy(login: string | undefined, sender: Address | null): SentBy {
  return { sender, ...(login === undefined ? {} : { login }) }
}

/**
 * What the sender asked to be told, as it goes on. RFC 3461 §5.2.7.2: to one address, as it is. §5.2.7.3 (c): to several, without the success.
 * Where a copy has stayed the mail has arrived, and what becomes of the others is its owner's affair (§5.2.7.4).
 */
function dsnOf({ notify, orcpt }: DsnWish, { onBehalf }: Claim, kept: boolean, only: boolean): DsnWish {
  const known = { ...(orcpt === undefined ? {} : { orcpt }), ...(onBehalf === true ? { onBehalf } : {}) }
  if (kept) return { notify: ['never'], ...known }
  if (only || !notify.includes('success')) return { notify, ...known }
  const rest = notify.filter(what => what !== 'success')
  return { notify: rest.length === 0 ? ['never'] : rest, ...known }
}

/** Rules of the admin that hold new mail are asked for these as well. */
export function heldOnward(
  rules: readonly HoldRule[],
  message: Omit<NewMessage, 'body'>,
  bodySize: number,
  rows: readonly OnwardRow[],
  now: number,
): readonly OnwardRow[] {
  if (rules.length === 0 || rows.length === 0) return rows
  const body = { kind: 'memory', bytes: Buffer.alloc(0) } as const
  const numbered = rows.map((row, at) => ({ ...row, row: at }))
  return heldByRules(rules, { ...message, body }, bodySize, numbered, now).map(({ row: _, ...rest }) => rest)
}

/** What a filing is answered with, and why that waits where what goes out is held: nobody hears from here of mail that an admin has not looked at. */
export interface OwedAnswer {
  readonly answer: Answer
  readonly hold?: string
}

export function owedAnswers(
  { answers = [] }: Filed,
  { onwardHold }: Pick<NewRow, 'onwardHold'>,
): readonly OwedAnswer[] {
  return answers.map(answer => ({ answer, ...(onwardHold === undefined ? {} : { hold: onwardHold }) }))
}

/** An answer nobody takes, or that cannot be routed now, is left out: the mail it answers has arrived all the same. */
export async function plannedAnswers(
  plan: Intake['plan'],
  answers: readonly OwedAnswer[],
  now: number,
  scope: AskScope,
): Promise<Answered> {
  if (answers.length === 0) return NOTHING
  const follow: Acceptance[] = []
  const sent = new Set<string>()
  for (const { answer, ...held } of answers) {
    const { id, sender, to, bytes, reason } = answer
    try {
      // RFC 5230 §5.1: NOTIFY=NEVER
      const own = {
        id,
        sender,
        recipient: to,
        dsn: { notify: ['never'] },
        utf8: needsUtf8(to, bytes),
        bytes,
        now,
        reason,
        ...held,
      } as const
      const planned = await plan(own, scope)
      if (planned === undefined) continue
      follow.push(planned)
      sent.add(id)
    } catch (error) {
      scope.log.warn({ err: error, to: formatAddress(to) }, 'answer left out')
    }
  }
  return { follow, sent }
}

/** RFC 6531 §3.2: for an address, or for a field of its header. */
function needsUtf8(to: Address, bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n')
  const header = end < 0 ? bytes : bytes.subarray(0, end)
  return /[^\x00-\x7f]/.test(formatAddress(to)) || header.some(octet => octet > 127)
}
