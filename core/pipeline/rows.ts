/**
 * Makes queue rows of recipients: one for each address that a recipient stands for, with its lane, its times, what its sender asked to be told,
 * and whether it is held. Pure.
 */
import type { Claim, DsnWish, NewMessage, NewRow, SentBy, Target } from '../api/index.js'
import { foldField } from '../text/index.js'
import type { Fate } from './decision.js'
import type { Received } from './intake-types.js'
import type { IntakeParts } from './parts.js'
import type { Copy } from './prefix.js'
import { timesOf } from './wishes.js'

export function buildRows(
  { targets, lifeMs }: Pick<IntakeParts, 'targets' | 'lifeMs'>,
  { envelope, routed, received: now }: Pick<Received, 'envelope' | 'routed' | 'received'>,
  message: Pick<NewMessage, 'sender' | 'priority' | 'origin'>,
  decided: readonly Fate[],
  prefixOf: (copy: Copy) => string,
): readonly NewRow[] {
  const rows: NewRow[] = []
  for (const [i, { recipient, claims }] of routed.entries()) {
    const fate = decided[i]!
    if (fate.kind !== 'keep') continue
    for (const [at, claim] of claims.entries()) {
      const target = targets.get(claim.target)!
      // RFC 5321 §4.5.5: what came from nobody stays from nobody, or a bounce could be bounced.
      const renamed = claim.sender === undefined || envelope.sender === null ? {} : { sender: claim.sender }
      const lane = target.lane(claim.to, sentBy(message, renamed))
      const { due, expires } = timesOf(envelope, now, lifeMs(message, { target: claim.target, lane, ...renamed }))
      const row: { -readonly [K in keyof NewRow]: NewRow[K] } = {
        row: rows.length,
        to: claim.to,
        original: recipient.address,
        dsn: dsnOf(recipient.dsn, claims.length, at, renamed.sender !== undefined, claim),
        target: claim.target,
        lane,
        detail: claim.detail ?? {},
        prefix: inFront(claim) + prefixOf({ recipient, local: target.scope === 'local' }),
        due,
        expires,
        priority: envelope.priority ?? 0,
      }
      if (renamed.sender !== undefined) row.sender = renamed.sender
      if (target.scope === 'local') {
        const onward = inFront(claim) + prefixOf({ recipient, local: false })
        if (onward !== row.prefix) row.onward = onward
        if (fate.hold !== undefined) row.onwardHold = fate.hold
      }
      if (fate.quarantine !== undefined) row.quarantine = fate.quarantine
      const hold = holdOf(fate, claim, target.scope)
      if (hold !== undefined) row.hold = hold
      rows.push(row)
    }
  }
  return rows
}

export function inFront({ fields = [] }: Claim): string {
  return fields.map(({ name, value }) => foldField(name, value)).join('')
}

/** Quarantine is Junk for local mail, a hold for mail going out. */
function holdOf(
  { quarantine, hold }: Extract<Fate, { kind: 'keep' }>,
  claim: Claim,
  scope: Target['scope'],
): string | undefined {
  if (quarantine !== undefined && scope === 'remote') return `quarantine: ${quarantine}`
  return hold !== undefined && scope === 'remote' ? hold : claim.hold
}

function sentBy({ sender, origin }: Pick<NewMessage, 'sender' | 'origin'>, renamed: Pick<NewRow, 'sender'>): SentBy {
  const { login } = origin
  return { sender: renamed.sender === undefined ? sender : renamed.sender, ...(login === undefined ? {} : { login }) }
}

function dsnOf(dsn: DsnWish, addresses: number, at: number, renamed: boolean, { onBehalf }: Claim): DsnWish {
  if (!renamed || onBehalf !== true) return dsnFor(dsn, addresses, at, renamed)
  return { ...dsnFor(dsn, addresses, at, false), onBehalf }
}

/** What the sender asked to be told, as it goes on with one of the addresses that a recipient stands for. */
function dsnFor(dsn: DsnWish, addresses: number, at: number, renamed: boolean): DsnWish {
  // RFC 3461 §5.2.7.1: a list is the end of the way; what happens behind it is for its owner.
  if (renamed) return { notify: [] }
  if (addresses === 1 || !dsn.notify.includes('success')) return dsn
  // RFC 3461 §5.2.7.3 (c): successes further on are not told, but that it was sent on, once.
  const notify = dsn.notify.filter(what => what !== 'success')
  return { ...dsn, notify: notify.length === 0 ? ['never'] : notify, ...(at === 0 ? { expanded: true } : {}) }
}
