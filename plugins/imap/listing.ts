/**
 * Which names LIST and LSUB tell, and with which attributes. Pure: mailboxes and a pattern in, lines out.
 * RFC 3501 §6.3.8, RFC 3348 (children), RFC 6154 (special use).
 */
import type { MailboxInfo } from 'posthouse/api'
import { EVERY_FEATURE, type Features } from './wire/features.js'
import { canonicalName, DELIMITER, matchesPattern } from './wire/mailbox.js'
import { encodeUtf7 } from './wire/utf7.js'

export interface Listed {
  readonly name: string
  readonly attributes: readonly string[]
}

/** As they are on the wire, in modified UTF-7. */
export interface ListArgs {
  readonly reference: string
  readonly pattern: string
}

/** How reference and pattern make one pattern: simply put together, as most servers do. */
function fullPattern({ reference, pattern }: ListArgs): string {
  return canonicalName(reference + pattern)
}

export function listNames(
  mailboxes: readonly Pick<MailboxInfo, 'name' | 'specialUse'>[],
  args: ListArgs,
  features: Features = EVERY_FEATURE,
): Listed[] {
  const pattern = fullPattern(args)
  const byName = new Map(mailboxes.map(mailbox => [mailbox.name, mailbox]))
  const parents = new Set(mailboxes.flatMap(mailbox => parentsOf(mailbox.name)))
  // A deleted mailbox whose inferiors stay is a name still.
  const names = [...new Set([...byName.keys(), ...parents])].sort(inboxFirst)
  return names
    .filter(name => matches(pattern, name))
    .map(name => {
      const mailbox = byName.get(name)
      // RFC 5258 §3: \NonExistent implies \Noselect, but clients of this protocol know only the latter.
      const missing = mailbox ? [] : ['\\Noselect', '\\NonExistent']
      const children = features.can('CHILDREN') ? [parents.has(name) ? '\\HasChildren' : '\\HasNoChildren'] : []
      const use = features.can('SPECIAL-USE') && mailbox?.specialUse ? [`\\${mailbox.specialUse}`] : []
      return { name, attributes: [...missing, ...children, ...use] }
    })
}

/** RFC 3501 §6.3.9: `%` also tells the parents of subscribed names it does not reach, as \Noselect. */
export function listSubscribed(subscriptions: readonly string[], args: ListArgs): Listed[] {
  const pattern = fullPattern(args)
  const subscribed = new Set(subscriptions)
  const told = new Map<string, Listed>()
  for (const name of subscriptions) {
    if (matches(pattern, name)) told.set(name, { name, attributes: [] })
    else if (pattern.endsWith('%')) {
      const parent = parentsOf(name).find(one => matches(pattern, one))
      if (parent !== undefined && !subscribed.has(parent))
        told.set(parent, { name: parent, attributes: ['\\Noselect'] })
    }
  }
  return [...told.values()].sort((a, b) => inboxFirst(a.name, b.name))
}

/** `a/b/c` has parents `a` and `a/b`. */
function parentsOf(name: string): string[] {
  const parents: string[] = []
  for (let at = name.indexOf(DELIMITER); at > 0; at = name.indexOf(DELIMITER, at + 1)) parents.push(name.slice(0, at))
  return parents
}

/** RFC 3501 §6.3.8: INBOX matches in any case; in the names of its inferiors it is the same INBOX (§5.1). */
function matches(pattern: string, name: string): boolean {
  if (matchesPattern(pattern, encodeUtf7(name))) return true
  if (name === 'INBOX') return matchesPattern(pattern.toUpperCase(), name)
  const anyCase = pattern.replace(/^[^*%/]+/, start => start.toUpperCase())
  return name.startsWith('INBOX/') && matchesPattern(anyCase, encodeUtf7(name))
}

function inboxFirst(a: string, b: string): number {
  if (a === b) return 0
  if (a === 'INBOX' || b === 'INBOX') return a === 'INBOX' ? -1 : 1
  return a < b ? -1 : 1
}
