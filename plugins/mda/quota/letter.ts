/** What people read of a mailbox that fills up: how full it is, what follows, where the most lies, and what to do. Pure. */
import type { Account, MailboxInfo } from 'posthouse/api'
import { formatDate, formatSize, printable } from 'posthouse/text'
import { type Amount, amountOf, shareOf } from './room.js'

export interface LetterFacts {
  readonly account: Account
  readonly used: Amount
  readonly full: 'defer' | 'refuse'
  /** Beyond the quota. */
  readonly over: boolean
  /** Mail has been turned away. */
  readonly turnedAway: boolean
  /** Mail goes in until then although it is over. */
  readonly until?: number
  readonly folders: readonly Pick<MailboxInfo, 'name' | 'bytes' | 'messages'>[]
  readonly contact?: string
}

const MOST_FOLDERS = 5

export function letterOf(facts: LetterFacts): { readonly subject: string; readonly text: string } {
  const { account, used, turnedAway } = facts
  const percent = Math.floor(shareOf(account, used))
  const subject = turnedAway ? 'Your mailbox is full' : `Your mailbox is ${percent}% full`
  const paragraphs = [
    `Hello ${account.login},`,
    `your mailbox holds ${amountOf(account, used)}, which is ${percent}% of what it may hold.`,
    followsOf(facts),
    whereOf(facts.folders),
    'You make room by deleting mail you do not need any more and then emptying the folder Trash.',
    ...(facts.contact === undefined ? [] : [`If you need more room, please ask ${facts.contact}.`]),
  ]
  return { subject, text: `${paragraphs.filter(one => one !== '').join('\n\n')}\n` }
}

function followsOf({ full, over, turnedAway, until }: LetterFacts): string {
  const waits = full === 'defer' ? 'waits at its senders, who get it back after some days' : 'goes back to its senders'
  if (turnedAway) return `A message for you found no room. Until you have made some, new mail ${waits}.`
  if (over && until !== undefined)
    return `A little new mail is still taken until ${formatDate(until)}. After that, or when there is too much of it, new mail ${waits}.`
  return `When it is full, new mail ${waits}.`
}

/** The largest first. */
function whereOf(folders: LetterFacts['folders']): string {
  const largest = [...folders]
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MOST_FOLDERS)
  if (largest.length === 0) return ''
  const lines = largest.map(
    ({ name, bytes, messages }) => `  ${printable(name, 60)}: ${formatSize(bytes)}, ${messages} messages`,
  )
  return ['Most of it lies in:', ...lines].join('\n')
}
