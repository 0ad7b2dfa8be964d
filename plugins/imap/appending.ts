/**
 * What APPEND and REPLACE have in common (RFC 3501 §6.3.11, RFC 8508): reading messages with their flags and dates, refusing what cannot come before
 * it is sent, and making them ready for the store. Extensions of the message argument (RFC 3516 literal8, RFC 6855 UTF8) are read here only.
 */
import type { NewBody, NewMail } from 'posthouse/api'
import { type Done, no } from './answer.js'
import { withoutNul } from './binary.js'
import { type Growth, overQuota } from './quota.js'
import type { Session } from './session.js'
import { readDateTime } from './wire/date.js'
import { readFlagList } from './wire/flags.js'
import type { Literal, Reader } from './wire/reader.js'

export interface MessageHead {
  readonly flags: readonly string[]
  readonly date?: number
}

export interface Message extends MessageHead {
  readonly literal: Literal
  /** It came as a literal8. */
  readonly binary: boolean
}

/** `coming`: the reader stands at a literal that has not been sent yet. */
export type Messages =
  | { readonly kind: 'all'; readonly messages: readonly Message[] }
  | { readonly kind: 'coming'; readonly messages: readonly Message[] }

/** From the space before the first message on. Several of them: RFC 3502. */
export function readMessages(input: Reader, several: boolean): Messages {
  const messages: Message[] = []
  do {
    input.space()
    const head = readMessageHead(input)
    const found = readMessage(input)
    if (found === 'coming') return { kind: 'coming', messages }
    messages.push({ ...head, ...found })
  } while (several && input.peek(' '))
  return { kind: 'all', messages }
}

function readMessageHead(input: Reader): MessageHead {
  const flags = input.peek('(') ? followed(input, readFlagList(input)) : []
  return input.peek('"') ? { flags, date: followed(input, readDateTime(input)) } : { flags }
}

function followed<T>(input: Reader, value: T): T {
  input.space()
  return value
}

function readMessage(input: Reader): Pick<Message, 'literal' | 'binary'> | 'coming' {
  // RFC 6855 §4: the client says that there is UTF-8 in the header.
  if (input.enabled('UTF8=ACCEPT') && input.take(/UTF8 \(/iy) !== undefined) {
    const found = readLiteral8(input)
    if (found !== 'coming') input.need(')', ')')
    return found
  }
  if (input.can('BINARY') && input.peek('~')) return readLiteral8(input)
  if (!input.peek('{') || !input.atLiteral) input.refuse('a literal with the message')
  const literal = input.takeLiteral()
  return literal ? { literal, binary: false } : 'coming'
}

function readLiteral8(input: Reader): Pick<Message, 'literal' | 'binary'> | 'coming' {
  if (!input.peek('~{') || !input.atLiteral) input.refuse('a literal like ~{10} with the message')
  const literal = input.takeLiteral8()
  return literal ? { literal, binary: true } : 'coming'
}

/** Octets of all of them. */
function sizeOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { literal }) => sum + (literal.kind === 'body' ? literal.size : literal.bytes.length), 0)
}

/** What the mailboxes grow by, less a message that goes. */
export function growthOf(messages: readonly Message[], replaced?: { readonly size: number }): Growth {
  return { bytes: sizeOf(messages) - (replaced?.size ?? 0), messages: messages.length - (replaced ? 1 : 0) }
}

/** What a message that is about to be sent may have at most, or why it may not come. Nothing is asked of the store that `run` will not ask again. */
export async function roomFor(
  session: Session,
  before: readonly Message[],
  size: number,
  replaced?: { readonly size: number },
): Promise<number | Done> {
  const { bytes, messages } = growthOf(before, replaced)
  const full = await overQuota(session, { bytes: bytes + size, messages: messages + 1 })
  return full ?? session.deps.settings.maxMessageBytes
}

/** The messages as the store takes them; one of them that cannot be taken refuses all. */
export async function readyMails(session: Session, messages: readonly Message[]): Promise<readonly NewMail[] | Done> {
  const now = session.deps.clock.now()
  const mails: NewMail[] = []
  for (const { literal, binary, flags, date } of messages) {
    // RFC 3502 §6.3.11: an empty message is an error, and the way to cancel.
    const body = bodyOf(literal)
    if (!body) return no('An empty message cannot be kept', 'CANNOT')
    const ready = binary ? await readable(session, body) : body
    // What was encoded anew is not needed as it came.
    if (ready !== body && literal.kind === 'body') await literal.drop()
    if (!ready) return no('There are NUL octets where no encoding can take them', 'UNKNOWN-CTE')
    mails.push({ body: ready, flags, date: date ?? now })
  }
  return mails
}

function bodyOf(literal: Literal): NewBody | undefined {
  if (literal.kind === 'body') return literal.body
  return literal.bytes.length > 0 ? { kind: 'memory', bytes: literal.bytes } : undefined
}

/** RFC 3516 §4.4, §6: NUL cannot be sent in BODY[…], so parts that have some are encoded; all else stays as it came. */
async function readable({ deps }: Session, body: NewBody): Promise<NewBody | undefined> {
  return deps.gate.pass(async () => {
    const bytes = body.kind === 'memory' ? body.bytes : await deps.store.blobs.read(body.id)
    if (!bytes.includes(0)) return body
    const encoded = withoutNul(bytes)
    if (encoded === undefined) return undefined
    const draft = deps.store.blobs.draft()
    await draft.write(encoded)
    return draft.finish()
  })
}
