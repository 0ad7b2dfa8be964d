/** Mail into a mailbox file (mbox, in its reversible form): the line "From ", the message with LF, an empty line. */
import type { Job, JobRecipient, Outcome } from 'posthouse/api'
import { copyOf } from '../copy.js'
import type { Errand } from '../errand.js'
import type { MboxPlace } from '../place.js'
import { fillPath } from '../placeholders.js'
import { Trouble } from '../trouble.js'
import { appendMessage } from './append.js'

/** Mailbox programs keep their own state in these, so nobody else may write them. */
const STATE_FIELDS: ReadonlySet<string> = new Set([
  'status',
  'x-status',
  'x-keywords',
  'x-uid',
  'x-imap',
  'x-imapbase',
  'content-length',
])

export async function deliverToMbox(place: MboxPlace, errand: Errand): Promise<Outcome> {
  const { job, recipient, values, signal } = errand
  const path = fillPath(place.path, values)
  if (path === undefined) throw new Trouble('4.3.5', 'the name of the mailbox cannot be a file name')
  const copy = copyOf(job, recipient, { quoteFrom: true, without: STATE_FIELDS })
  await appendMessage({ path, user: values.user, place }, separatorOf(job), copy, signal)
  return delivered(recipient, place, path)
}

function delivered({ row }: JobRecipient, { name }: MboxPlace, path: string): Outcome {
  return { kind: 'delivered', row, remote: `mbox ${path} (${name})`, reply: '', final: true }
}

/** `From sender@far.test Sun Nov 22 10:14:11 2026`, as `ctime` writes it, in UTC. */
export function separatorOf({ sender, received }: Pick<Job, 'sender' | 'received'>): string {
  const who = sender === null ? 'MAILER-DAEMON' : `${sender.local}@${sender.domain}`
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(received)
    .toUTCString()
    .replace(',', '')
    .split(' ')
  // A space would end the address, and anything below it the line.
  const clean = who.replace(/[^!-~]/g, '-').slice(0, 320)
  return `From ${clean} ${day} ${month} ${date.replace(/^0/, ' ')} ${time} ${year}`
}
