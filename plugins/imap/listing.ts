/**
 * Which names LIST and LSUB tell, and with which attributes. Pure: mailboxes and patterns in, names out.
 * RFC 3501 §6.3.8, RFC 5258 (options, children), RFC 6154 (special use).
 */

import type { MailboxInfo } from 'posthouse/api'
import { encodeUtf7 } from 'posthouse/text'
import { type Features, speaksUtf8 } from './wire/features.js'
import type { ListArgs, Patterns } from './wire/list-args.js'
import { canonicalName, DELIMITER, matchesPattern } from './wire/mailbox.js'
import { utf8 } from './wire/reader.js'

export interface Listed {
  readonly name: string
  readonly attributes: readonly string[]
  /** RFC 5258 §3.5: something below it is what was asked for. */
  readonly childInfo: boolean
  /** It is itself what was asked for, and there: STATUS may be told of it (RFC 5819 §2). */
  readonly selected: boolean
}

type Known = Pick<MailboxInfo, 'name' | 'specialUse'>
type Wish = Pick<ListArgs<unknown>, 'reference' | 'patterns' | 'extended' | 'select' | 'returns'>

export function listNames(
  mailboxes: readonly Known[],
  subscriptions: readonly string[],
  wish: Wish,
  features: Features,
): Listed[] {
  const { extended, select } = wish
  const matches = matcher(wish, features)
  const known = new Map(mailboxes.map(mailbox => [mailbox.name, mailbox]))
  const subscribed = new Set(subscriptions)
  const parents = parentsOfAll(known.keys())
  // A deleted mailbox whose inferiors stay is a name still, but for those who ask for something certain.
  const wanted = select.has('SUBSCRIBED') ? subscribed : new Set([...known.keys(), ...parents])
  const meets = (name: string) =>
    wanted.has(name) && (!select.has('SPECIAL-USE') || known.get(name)?.specialUse !== undefined)
  const { all: above, hidden } = aboveOf([...wanted].filter(meets), matches, select.has('RECURSIVEMATCH'))
  const attributesOf = (name: string) => {
    const mailbox = known.get(name)
    const missing = mailbox ? [] : extended ? ['\\NonExistent'] : ['\\Noselect', '\\NonExistent']
    const children = features.can('CHILDREN') ? [parents.has(name) ? '\\HasChildren' : '\\HasNoChildren'] : []
    const use = features.can('SPECIAL-USE') && mailbox?.specialUse ? [`\\${mailbox.specialUse}`] : []
    const asked = select.has('SUBSCRIBED') || wish.returns.has('SUBSCRIBED')
    return [...missing, ...children, ...use, ...(asked && subscribed.has(name) ? ['\\Subscribed'] : [])]
  }
  return [...new Set([...wanted, ...above])]
    .filter(name => matches(name) && (meets(name) || hidden.has(name)))
    .sort(inboxFirst)
    .map(name => ({
      name,
      attributes: attributesOf(name),
      childInfo: above.has(name),
      selected: meets(name) && known.has(name),
    }))
}

/**
 * Names above what was asked for, and of them those with something below that the patterns leave out: only these are told although they are not
 * what was asked for themselves (RFC 5258 §3.3, §3.5).
 */
function aboveOf(names: readonly string[], matches: (name: string) => boolean, asked: boolean) {
  const all = asked ? parentsOfAll(names) : new Set<string>()
  const hidden = asked ? parentsOfAll(names.filter(name => !matches(name))) : new Set<string>()
  return { all, hidden }
}

/** RFC 3501 §6.3.9: `%` also tells the parents of subscribed names it does not reach, as \Noselect. */
export function listSubscribed(subscriptions: readonly string[], wish: Patterns, features: Features): Listed[] {
  const matches = matcher({ ...wish, extended: false }, features)
  const subscribed = new Set(subscriptions)
  const told = new Map<string, readonly string[]>()
  for (const name of subscriptions) {
    if (matches(name)) told.set(name, [])
    else if (wish.patterns.some(pattern => pattern.endsWith('%'))) {
      const parent = parentsOf(name).find(matches)
      if (parent !== undefined && !subscribed.has(parent)) told.set(parent, ['\\Noselect'])
    }
  }
  return [...told]
    .map(([name, attributes]) => ({ name, attributes, childInfo: false, selected: false }))
    .sort((a, b) => inboxFirst(a.name, b.name))
}

/** Of one mailbox that exists. */
export function attributesOf(mailboxes: readonly Known[], name: string, features: Features): readonly string[] {
  const near = mailboxes.filter(one => one.name === name || one.name.startsWith(name + DELIMITER))
  return listNames(near, [], ALL, features).find(one => one.name === name)?.attributes ?? []
}

const ALL: Wish = { reference: '', patterns: ['*'], extended: false, select: new Set(), returns: new Set() }

/** `a/b/c` has parents `a` and `a/b`. */
function parentsOf(name: string): string[] {
  const parents: string[] = []
  for (let at = name.indexOf(DELIMITER); at > 0; at = name.indexOf(DELIMITER, at + 1)) parents.push(name.slice(0, at))
  return parents
}

function parentsOfAll(names: Iterable<string>): Set<string> {
  const parents = new Set<string>()
  for (const name of names) for (const parent of parentsOf(name)) parents.add(parent)
  return parents
}

/** Whether a name is one of those the patterns mean. Reference and pattern are simply put together, as most servers do. */
function matcher(
  { reference, patterns, extended }: Patterns & { extended: boolean },
  features: Features,
): (name: string) => boolean {
  // A wildcard may stand in place of half a name, so names are compared as the client writes them.
  const plain = speaksUtf8(features)
  const read = (pattern: string) => canonicalName(plain ? utf8(pattern).normalize('NFC') : pattern)
  // RFC 5258 §3: an empty pattern is passed over.
  const full = patterns.filter(one => !extended || one !== '').map(one => read(reference + one))
  const known = new Map<string, boolean>()
  return name => {
    const matches = known.get(name) ?? full.some(pattern => matchesOne(pattern, plain ? name : encodeUtf7(name)))
    known.set(name, matches)
    return matches
  }
}

/** RFC 3501 §6.3.8: INBOX matches in any case; in the names of its inferiors it is the same INBOX (§5.1). */
function matchesOne(pattern: string, name: string): boolean {
  if (matchesPattern(pattern, name)) return true
  if (name === 'INBOX') return matchesPattern(pattern.toUpperCase(), name)
  const anyCase = pattern.replace(/^[^*%/]+/, start => start.toUpperCase())
  return name.startsWith('INBOX/') && matchesPattern(anyCase, name)
}

function inboxFirst(a: string, b: string): number {
  if (a === b) return 0
  if (a === 'INBOX' || b === 'INBOX') return a === 'INBOX' ? -1 : 1
  return a < b ? -1 : 1
}
