/**
 * For whom a rule is: listeners, domains and addresses of recipients. There is one judgement for all recipients of a message, so a rule holds only
 * where it is right for each of them: nobody is judged by a rule that is not theirs.
 */
import type { Envelope, Recipient, Session } from 'posthouse/api'
import { formatAddress } from 'posthouse/text'

export interface Scope {
  readonly only?: Whose
  readonly except?: Whose
}

/** All in lower case. */
export interface Whose {
  readonly listeners: ReadonlySet<string>
  readonly domains: ReadonlySet<string>
  readonly users: ReadonlySet<string>
}

export interface RawWhose {
  readonly listeners?: readonly string[]
  readonly domains?: readonly string[]
  readonly users?: readonly string[]
}

export function whoseOf({ listeners, domains, users }: RawWhose): Whose {
  return { listeners: lower(listeners), domains: lower(domains), users: lower(users) }
}

export function isFor({ only, except }: Scope, session: Session, { recipients }: Envelope): boolean {
  if (except !== undefined && (isOf(except.listeners, session) || recipients.some(one => isAmong(one, except))))
    return false
  if (only === undefined) return true
  if (only.listeners.size > 0 && !isOf(only.listeners, session)) return false
  if (only.domains.size === 0 && only.users.size === 0) return true
  return recipients.length > 0 && recipients.every(one => isAmong(one, only))
}

function isOf(listeners: ReadonlySet<string>, { listener }: Session): boolean {
  return listeners.has(listener.toLowerCase())
}

function isAmong({ address }: Recipient, { domains, users }: Whose): boolean {
  return domains.has(address.domain.toLowerCase()) || users.has(formatAddress(address).toLowerCase())
}

function lower(names: readonly string[] = []): ReadonlySet<string> {
  return new Set(names.map(name => name.toLowerCase()))
}
