/**
 * The fields of the queue that people filter and sort by, and what a condition means. One table for the command line, for hold rules and
 * for every backend: they cannot differ. Conditions are data, so that a backend may look them up in an index; `selects` is the truth.
 */
import type { Address } from './address.js'
import type { QueuedMessage, QueueFilter, QueueRow } from './queue.js'

/** What a field holds, and so which words are understood for it. */
export type QueueFieldKind = 'text' | 'address' | 'number' | 'size' | 'age' | 'flag'

type Value = string | number | boolean | undefined
type Of = (message: Omit<QueuedMessage, 'rows'>, row: QueueRow, now: number) => Value

interface FieldOf {
  readonly kind: QueueFieldKind
  /** For help. */
  readonly says: string
  readonly of: Of
}

const origin =
  (name: string): Of =>
  message =>
    message.origin[name]

/** Ages are in milliseconds before now; of what lies ahead they are negative. */
export const QUEUE_FIELDS = {
  id: { kind: 'text', says: 'the message', of: message => message.id },
  sender: { kind: 'address', says: 'who sent it; <> for nobody', of: message => addressText(message.sender) },
  recipient: { kind: 'address', says: 'who shall get it', of: (_, row) => addressText(row.to) },
  original: { kind: 'address', says: 'whom the sender named', of: (_, row) => addressText(row.original) },
  domain: { kind: 'text', says: 'domain of the recipient', of: (_, row) => row.to.domain },
  target: { kind: 'text', says: 'what delivers it, as mx', of: (_, row) => row.target },
  lane: { kind: 'text', says: 'its destination', of: (_, row) => row.lane },
  age: { kind: 'age', says: 'since it was received', of: (message, _, now) => now - message.received },
  due: { kind: 'age', says: 'since it is due; due<0 is in the future', of: (_, row, now) => now - row.due },
  expires: { kind: 'age', says: 'until it is given up', of: (_, row, now) => row.expires - now },
  tries: { kind: 'number', says: 'attempts so far', of: (_, row) => row.tries },
  priority: { kind: 'number', says: '-9 to 9', of: (_, row) => row.priority },
  size: { kind: 'size', says: 'of the message', of: message => message.bodySize },
  held: { kind: 'flag', says: 'whether it is held', of: (_, row) => row.hold !== undefined },
  hold: { kind: 'text', says: 'why it is held', of: (_, row) => row.hold },
  leased: { kind: 'flag', says: 'whether it is under way', of: (_, row) => row.leased },
  warned: { kind: 'flag', says: 'whether its sender was told of the delay', of: (_, row) => row.warned === true },
  status: { kind: 'text', says: 'enhanced code of the last answer', of: (_, row) => (row.wait ?? row.last)?.status },
  text: { kind: 'text', says: 'words of the last answer', of: (_, row) => (row.wait ?? row.last)?.text },
  class: { kind: 'text', says: 'what it meant, as blocked', of: (_, row) => (row.wait ?? row.last)?.class },
  host: { kind: 'text', says: 'who gave the last answer', of: (_, row) => row.last?.remote },
  remote: { kind: 'text', says: 'address it came from', of: origin('remote') },
  helo: { kind: 'text', says: 'what that client called itself', of: origin('helo') },
  login: { kind: 'text', says: 'who had logged in', of: origin('login') },
  listener: { kind: 'text', says: 'door it came in by', of: origin('listener') },
  message: { kind: 'text', says: 'its Message-ID', of: origin('messageId') },
  subject: { kind: 'text', says: 'its subject', of: origin('subject') },
  envid: { kind: 'text', says: 'ENVID of the sender', of: message => message.envid },
} as const satisfies Readonly<Record<string, FieldOf>>

export type QueueField = keyof typeof QUEUE_FIELDS

/**
 * `~`: holds these words. `=` of an address may be `@domain`. Case does not matter, but for `=` and `!=` of `id`, `target` and `lane`: these are
 * names that an index is asked for.
 */
export type QueueComparison = '=' | '!=' | '~' | '!~' | '<' | '<=' | '>' | '>='

export interface QueueCondition {
  readonly field: QueueField
  readonly is: QueueComparison
  /** Milliseconds for ages, octets for sizes. */
  readonly value: string | number | boolean
}

/** The commonest condition. */
export function fieldIs(field: QueueField, value: QueueCondition['value']): QueueCondition {
  return { field, is: '=', value }
}

/** Whether a row fits every condition. A field that is not there fits none but `!=` and `!~`. */
export function selects(
  where: readonly QueueCondition[],
  message: Omit<QueuedMessage, 'rows'>,
  row: QueueRow,
  now: number,
): boolean {
  return where.every(condition => fits(condition, message, row, now))
}

/**
 * How messages are sorted: by the first of the rows they come with; what is not there comes last either way, and ties are in the order of ids.
 */
export function sortedBy(
  { by, descending = false }: NonNullable<QueueFilter['sort']>,
  now: number,
): (one: QueuedMessage, other: QueuedMessage) => number {
  const sortValue = (message: QueuedMessage) => QUEUE_FIELDS[by].of(message, message.rows[0]!, now)
  return (one, other) => {
    const [a, b] = [sortValue(one), sortValue(other)]
    if (a === b) return one.id < other.id ? -1 : 1
    if (a === undefined) return 1
    if (b === undefined) return -1
    return a < b === descending ? 1 : -1
  }
}

const EXACT: ReadonlySet<QueueField> = new Set(['id', 'target', 'lane'])

function fits(
  { field, is, value }: QueueCondition,
  message: Omit<QueuedMessage, 'rows'>,
  row: QueueRow,
  now: number,
): boolean {
  const { kind, of } = QUEUE_FIELDS[field]
  const found: Value = of(message, row, now)
  const negative = is === '!=' || is === '!~'
  if (found === undefined) return negative
  switch (is) {
    case '=':
    case '!=':
      return (EXACT.has(field) ? found === value : equals(kind, found, value)) !== negative
    case '~':
    case '!~':
      return String(found).toLowerCase().includes(String(value).toLowerCase()) !== negative
    case '<':
      return found < value
    case '<=':
      return found <= value
    case '>':
      return found > value
    case '>=':
      return found >= value
  }
}

function equals(kind: QueueFieldKind, found: string | number | boolean, value: string | number | boolean): boolean {
  if (typeof found !== 'string' || typeof value !== 'string') return found === value
  const [have, want] = [found.toLowerCase(), value.toLowerCase()]
  return kind === 'address' && want.startsWith('@') ? have.endsWith(want) : have === want
}

/** Quoting does not matter for finding. */
function addressText(address: Address | null): string {
  return address === null ? '<>' : `${address.local}@${address.domain}`
}
