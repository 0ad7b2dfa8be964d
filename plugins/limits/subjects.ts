/** Whom a rule counts for in this session and envelope, and which limit holds for them. Pure. */
import type { Address, Envelope, Session } from 'posthouse/api'
import { addressKey, networkAround, type PrefixLengths, toAsciiDomain } from 'posthouse/text'
import type { OwnLimits } from './own.js'
import type { Limit, Rule } from './rules.js'

/** Facts as far as they are known at the moment. */
export interface Facts {
  readonly session: Session
  readonly envelope?: Envelope
  readonly recipient?: Address
}

export interface Counted {
  readonly rule: Rule
  /** Of the state. */
  readonly key: string
  /** For people: `192.0.2.0/24`, `alice@example.org`. */
  readonly who: string
  readonly limit: Exclude<Limit, 'unlimited'>
  /** Whose exception set the limit; `undefined` with `own`. */
  readonly by?: string
  /** It is the account's own. */
  readonly own?: true
}

/** `undefined`: the rule says nothing of them. */
export function counted(
  rule: Rule,
  facts: Facts,
  { lengths, own }: { readonly lengths: PrefixLengths; readonly own: OwnLimits },
): Counted | undefined {
  const { address } = facts.session.remote
  const who = subjectOf(rule, facts, lengths)
  if (who === undefined) return undefined
  const key = `${rule.name}/${who}`
  const ownLimit = own.of(rule, facts.session.account)
  if (ownLimit === 'unlimited') return undefined
  if (ownLimit !== undefined) return { rule, key, who, limit: ownLimit, own: true }
  const name = rule.per === 'network' ? facts.session.account?.login : who
  const exception = rule.exceptions.find(address, name)
  const limit = exception?.value ?? rule.limit
  if (limit === 'unlimited') return undefined
  return { rule, key, who, limit, ...(exception && { by: exception.pattern }) }
}

/** The null sender is nobody: whoever bounces mail is counted by network. */
function subjectOf({ per }: Rule, { session, envelope, recipient }: Facts, lengths: PrefixLengths): string | undefined {
  switch (per) {
    case 'network':
      return networkAround(session.remote.address, lengths)
    case 'login':
      return session.account?.login
    case 'sender':
      return envelope?.sender ? addressKey(envelope.sender) : undefined
    case 'sender-domain':
      return envelope?.sender ? (toAsciiDomain(envelope.sender.domain) ?? envelope.sender.domain) : undefined
    case 'recipient':
      return recipient === undefined ? undefined : addressKey(recipient)
  }
}
