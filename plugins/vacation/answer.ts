/** Writes the answer: RFC 3834 §3 and RFC 5230 §5 say what stands in it. Pure. */
import type { Account, Address, Answer, ArrivedMail, VacationWish } from 'posthouse/api'
import {
  type AddressParts,
  addressKey,
  addressOfKey,
  decodeWords,
  encodePhrase,
  encodeWords,
  foldField,
  formatAddress,
  formatDate,
  parseAddressList,
  printable,
  toAsciiDomain,
  transferEncoder,
} from 'posthouse/text'
import { untagged } from './whom.js'

type Fields = Awaited<ReturnType<ArrivedMail['header']>>

export interface AnswerFacts {
  /** Queue id. */
  readonly id: string
  /** Our name. */
  readonly server: string
  readonly now: number
  readonly account: Account
  readonly mail: ArrivedMail
  readonly sender: Address
  readonly fields: Fields
  readonly wish: VacationWish
}

const MAX_SUBJECT = 200
const MESSAGE_ID = /<[!-;=?-~]{1,250}>/g
/** RFC 5322 §3.6.4 sets no bound; the first and the last ones are what programs sort by. */
const MOST_REFERENCES = 20

export function writeAnswer(facts: AnswerFacts): Answer {
  const { id, server, now, account, mail, sender, fields, wish } = facts
  const value = (name: string) => fields.find(field => field.name.toLowerCase() === name)?.raw
  const parent = value('message-id')?.match(MESSAGE_ID)?.[0]
  const own = ownAddress(account, mail)
  const header = [
    foldField('From', mailboxIn(wish.from) ?? own),
    foldField('To', formatAddress(sender)),
    foldField('Subject', encodeWords(wish.subject ?? subjectFor(value('subject')))),
    foldField('Date', formatDate(now)),
    foldField('Message-ID', `<${id}@${server}>`),
    // RFC 5230 §5.8
    ...(parent === undefined ? [] : [foldField('In-Reply-To', parent)]),
    ...(parent === undefined
      ? []
      : [foldField('References', referencesOf(value('references') ?? value('in-reply-to'), parent))]),
    // RFC 3834 §3.1.7, RFC 5230 §5.6
    foldField('Auto-Submitted', 'auto-replied (vacation)'),
    // What Exchange asks, as many answer what says only the above.
    foldField('X-Auto-Response-Suppress', 'All'),
    foldField('MIME-Version', '1.0'),
    foldField('Content-Type', 'text/plain; charset=utf-8'),
    foldField('Content-Transfer-Encoding', 'quoted-printable'),
  ].join('')
  const bytes = Buffer.concat([Buffer.from(`${header}\r\n`), bodyOf(wish.text)])
  // RFC 5230 §5.1: the null sender, so that nothing comes back.
  return { id, sender: null, to: sender, bytes, reason: `vacation answer of ${own} to ${mail.id}` }
}

/** RFC 5230 §5.4: the owner's; the one the mail came for where that is known to be theirs. */
export function ownAddress({ addresses, login }: Account, { recipient, tag }: ArrivedMail): string {
  const plain =
    tag === undefined ? recipient : { ...recipient, local: untagged(recipient.local, tag) ?? recipient.local }
  if (addresses.includes(addressKey(plain))) return written(plain)
  const [first = login] = addresses
  const known = addressOfKey(first)
  return known === undefined ? first : written(known)
}

/** RFC 2047 §5: encoded words are for the name alone; in an address they would make it nobody's. Nothing: it holds no address. */
function mailboxIn(from: string | undefined): string | undefined {
  const [item] = from === undefined ? [] : parseAddressList(from)
  if (item?.kind !== 'mailbox' || item.domain === '') return undefined
  return item.name === '' ? written(item) : `${encodePhrase(item.name)} <${written(item)}>`
}

/** As far as it can be in ASCII: who has answered shall be heard where SMTPUTF8 is not known. */
function written({ local, domain }: AddressParts): string {
  return formatAddress({ local, domain: toAsciiDomain(domain) ?? domain })
}

/** RFC 5230 §5.3 */
function subjectFor(raw: string | undefined): string {
  const subject = raw === undefined ? '' : printable(decodeWords(raw).trim(), MAX_SUBJECT)
  return subject === '' ? 'Automated reply' : `Auto: ${subject}`
}

function referencesOf(raw: string | undefined, parent: string): string {
  const before = (raw?.match(MESSAGE_ID) ?? []).filter(id => id !== parent)
  const kept = before.length < MOST_REFERENCES ? before : [before[0]!, ...before.slice(2 - MOST_REFERENCES)]
  return [...kept, parent].join(' ')
}

function bodyOf(text: string): Buffer {
  const encoder = transferEncoder('quoted-printable')
  const lines = `${text.replace(/\r\n?|\n/g, '\n').trimEnd()}\n`.replaceAll('\n', '\r\n')
  return Buffer.concat([encoder.push(Buffer.from(lines)), encoder.end()])
}
