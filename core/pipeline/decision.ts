/**
 * Turns what the `message` hooks said of each recipient into what is done. Over SMTP there is one reply for all: the whole is refused
 * only when nobody wants it; otherwise those who would have refused get it quarantined, never bounced, and those who would only have let the
 * sender come again get what they say. Trouble of our own (4.3.x: a hook
 * failed) is no opinion of one recipient: it refuses the whole for now. LMTP answers for each (RFC 2033 §4.2).
 */
import type { Decided, Defer, Discard, Hold, Quarantine, Reject } from '../api/index.js'
import type { RecipientAnswer } from './intake-types.js'

export type Wish = Reject | Defer | Discard | Quarantine | Hold | undefined

export type Fate =
  | { readonly kind: 'keep'; readonly quarantine?: string; readonly hold?: string }
  | { readonly kind: 'discard'; readonly text: string }
  | { readonly kind: 'refuse'; readonly reply: Reject | Defer }

export function fates(wishes: readonly Wish[], perRecipient: boolean): readonly Fate[] {
  const each = wishes.map(fate)
  if (perRecipient || !each.some(one => one.kind === 'refuse')) return each
  if (each.every(one => one.kind === 'refuse')) {
    // Any "later" among them means the client comes again with everyone, so nothing is decided for good.
    const reply = each.map(one => one.reply).find(one => one.kind === 'defer') ?? each[0]!.reply
    return each.map(() => ({ kind: 'refuse', reply }))
  }
  const trouble = each.find(isTrouble)
  if (trouble !== undefined) return each.map(() => trouble)
  return each.map(one => (one.kind === 'refuse' ? kept(one.reply) : one))
}

/** For a recipient who would not have it now, or not at all, while others take it. */
function kept(reply: Reject | Defer): Fate {
  const otherwise = reply.kind === 'defer' ? reply.otherwise : undefined
  if (otherwise === 'keep') return { kind: 'keep' }
  return {
    kind: 'keep',
    quarantine: otherwise?.text ?? `it was to be refused (${reply.text}), while other recipients take it`,
  }
}

// RFC 3463 §3.4: X.3.Y is the mail system's own status.
function isTrouble(one: Fate): boolean {
  return one.kind === 'refuse' && one.reply.kind === 'defer' && one.reply.status.startsWith('4.3.')
}

function fate(wish: Wish): Fate {
  if (wish === undefined) return { kind: 'keep' }
  switch (wish.kind) {
    case 'reject':
    case 'defer':
      return { kind: 'refuse', reply: wish }
    case 'discard':
      return { kind: 'discard', text: wish.text }
    case 'quarantine':
      return { kind: 'keep', quarantine: wish.text }
    case 'hold':
      return { kind: 'keep', hold: wish.text }
  }
}

/** What is told of it afterwards. `answer`: what the client heard of this recipient. */
export function resultOf(decided: Fate, answer: RecipientAnswer): Decided['kind'] {
  switch (decided.kind) {
    case 'refuse':
      return decided.reply.kind === 'defer' ? 'deferred' : 'refused'
    case 'discard':
      return 'discarded'
    case 'keep':
      if (answer.kind !== 'accepted') return 'undeliverable'
      if (decided.quarantine !== undefined) return 'quarantined'
      return decided.hold === undefined ? 'accepted' : 'held'
  }
}
