/**
 * Whom our users write to. Taught by mail of people who logged in, once it is accepted, and by nothing of strangers: recipients become known,
 * and the Message-ID is kept as a digest, so that an answer is recognised. One account makes only so many known in a day, and counts as one for everybody else.
 */
import type { Account, Asked, Clock, Message, State } from 'posthouse/api'
import type { Terms } from './config.js'
import { type Author, plainAuthor } from './identity.js'
import { digest, knownKey, pairKey, sentKey } from './keys.js'
import type { Amounts, Ledger } from './ledger.js'
import { nameOf } from './standing.js'

export interface WrittenParts {
  readonly ledger: Ledger
  readonly state: State
  readonly clock: Clock
  readonly terms: Terms
  readonly isOurs: (domain: string) => boolean
}

/** Who writes to more at once writes to nobody in particular. */
const MOST_AT_ONCE = 30
const DAY_MS = 86_400_000
const MOST_REFERENCES = 8
const LONGEST_FIELD = 4000
const MESSAGE_ID = /<[^<>\s]{3,250}>/g
/** Octets of names in the note of a sent mail, of which there are at most sixty: nobody passes for an addressee by chance. */
const SHORT = 6

/** A person wrote it, to people. */
export function isPersonal(message: Pick<Message, 'field'>): boolean {
  // RFC 3834 §5: answers of machines say what they are.
  const automatic = message.field('auto-submitted') ?? 'no'
  return (
    /^\s*no\b/i.test(automatic) &&
    message.field('list-id') === undefined &&
    // RFC 8098 §3: that somebody has seen a mail, which programs say unasked.
    !/^\s*multipart\/report\b/i.test(message.field('content-type') ?? '') &&
    !/^\s*(bulk|junk|list)\b/i.test(message.field('precedence') ?? '')
  )
}

export async function learnWritten(
  { ledger, state, clock, terms, isOurs }: WrittenParts,
  { envelope, message, results }: Asked['decided'],
  account: Account,
): Promise<void> {
  const sent = results.filter(({ kind }) => kind === 'accepted').map(({ recipient }) => recipient.address)
  const outside = sent.flatMap(({ local, domain }) => {
    const author = plainAuthor({ local, domain })
    return author === undefined || isOurs(domain) ? [] : [author]
  })
  if (outside.length === 0 || sent.length > MOST_AT_ONCE || envelope.sender === null || !isPersonal(message)) return
  const now = clock.now()
  const budget = { limit: terms.recipientsPerDay, windowMs: DAY_MS }
  const { granted } = await state.spend(`new/${account.id}`, outside.length, budget, now)
  if (!granted) return
  const answers = answeredIds(message).length > 0
  const amounts: Amounts = answers ? { written: 1, replied: 1 } : { written: 1 }
  for (const author of outside) {
    ledger.count(pairKey(author, account.id), amounts, terms.correspondents)
    ledger.count(knownKey(author), amounts, terms.correspondents)
  }
  const [id] = message.field('message-id')?.slice(0, LONGEST_FIELD).match(MESSAGE_ID) ?? []
  if (id === undefined || terms.rememberSentMs === 0) return
  const names = new Set(outside.flatMap(author => [nameOf(author), author.domain]))
  const note = [...names].map(name => digest(name, SHORT)).join(' ')
  await state.put(sentKey(id), note, now + terms.rememberSentMs)
}

/** Whether it answers a mail of ours that went to whom From names, or to somebody of the same domain. */
export async function answersOurs(
  state: State,
  message: Message,
  author: Author | undefined,
  now: number,
): Promise<boolean> {
  if (author === undefined) return false
  const ids = answeredIds(message)
  const notes = await Promise.all(ids.map(id => state.get(sentKey(id), now)))
  const names = [nameOf(author), author.domain].map(name => digest(name, SHORT))
  return notes.some(note => note?.split(' ').some(name => names.includes(name)) ?? false)
}

/** RFC 5322 §3.6.4: the nearest ones, the last of References first. */
function answeredIds(message: Pick<Message, 'field'>): readonly string[] {
  const idsOf = (field: string) => message.field(field)?.slice(-LONGEST_FIELD).match(MESSAGE_ID) ?? []
  return [...new Set([...idsOf('in-reply-to'), ...idsOf('references').toReversed()])].slice(0, MOST_REFERENCES)
}
