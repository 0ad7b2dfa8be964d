/**
 * Receives one command: its line, and its literals with the `+` each waits for (RFC 3501 §7.5) or does not (RFC 7888). What is too large is
 * refused before it is sent where the client asks, and read past where it does not; a message for APPEND goes to the store as it comes.
 */
import { bad, type Done, no } from './answer.js'
import type { Capability } from './capability.js'
import type { AnyCommand } from './command.js'
import { find } from './commands/index.js'
import { ConversationOver } from './input.js'
import type { Session } from './session.js'
import { type Frame, type Literal, type LiteralMark, literalMark, ReadError, Reader } from './wire/reader.js'
import { capitalise } from './wire/write.js'

/** RFC 7888 §5: one of the two, as the config says. */
export const LITERALS: readonly Capability[] = [
  { name: 'LITERAL+', when: ({ settings }) => settings.literals === 'LITERAL+' },
  { name: 'LITERAL-', when: ({ settings }) => settings.literals === 'LITERAL-' },
]

/** RFC 7888 §5: what LITERAL- lets a client send without asking. */
const SHORT_BYTES = 4096
/** Literals up to here stay in memory … */
export const MEMORY_BYTES = 64 * 1024
/** … and this many of them in one command. */
const MOST_LITERALS = 200

export interface Head {
  readonly tag: string
  /** Upper case. */
  readonly name: string
  readonly uid: boolean
}

export type Received =
  | {
      readonly kind: 'command'
      readonly head: Head
      readonly input: Reader
      /** Takes away what is with the store and was not made use of. */
      drop(): Promise<void>
    }
  | { readonly kind: 'refused'; readonly tag: string; readonly done: Done }

/** Reads tag and name; the reader stands behind them then. */
export function readHead(input: Reader): Head {
  const tag = input.tag()
  input.space()
  const first = input.atom('a command').toUpperCase()
  if (first !== 'UID') return { tag, name: first, uid: false }
  input.space()
  return { tag, name: input.atom('a command').toUpperCase(), uid: true }
}

/** The tag, or `*` where there is none to be read. */
export function tagOf(line: string): string {
  try {
    return new Reader({ lines: [line], literals: [] }).tag()
  } catch (error) {
    if (error instanceof ReadError) return '*'
    throw error
  }
}

interface Receiving extends Frame {
  readonly lines: string[]
  readonly literals: Literal[]
}

export async function receive(session: Session): Promise<Received> {
  const line = await session.line()
  const tag = tagOf(line)
  const frame: Receiving = { lines: [line], literals: [] }
  let refused: Done | undefined
  try {
    refused = await receiveLiterals(session, frame)
  } catch (error) {
    await drop(frame)
    throw error
  }
  const received: Received = refused ? { kind: 'refused', tag, done: refused } : opened(session, tag, frame)
  if (received.kind === 'refused') await drop(frame)
  return received
}

/** Until the line that announces no more; what refuses the command, if anything does. */
async function receiveLiterals(session: Session, frame: Receiving): Promise<Done | undefined> {
  let refused: Done | undefined
  for (let mark = literalMark(frame.lines[0]!); mark; mark = literalMark(frame.lines.at(-1)!)) {
    const place = refused ?? (await placeFor(session, frame, mark))
    if (typeof place === 'object') {
      refused = place
      // RFC 7888 §4: a client that did not ask has sent it already.
      if (!mark.pushed) return refused
      await discard(session, mark.size)
      // Of what is refused nothing is kept, however much of it comes.
      frame.lines[frame.lines.length - 1] = await session.line()
      continue
    }
    if (!mark.pushed) await session.sayNow(`+ Ready for ${mark.size} octets`)
    const literal = place === 'memory' ? await keep(session, mark.size) : await store(session, mark.size)
    if (literal.kind === 'NO') refused = literal
    else frame.literals.push(literal)
    frame.lines.push(await session.line())
  }
  return refused
}

function opened(session: Session, tag: string, frame: Frame): Received {
  const input = new Reader(frame, session.features)
  try {
    return { kind: 'command', head: readHead(input), input, drop: () => drop(frame) }
  } catch (error) {
    if (error instanceof ReadError) return { kind: 'refused', tag, done: bad(capitalise(error.message)) }
    throw error
  }
}

async function drop({ literals }: Frame): Promise<void> {
  for (const literal of literals) if (literal.kind === 'body') await literal.drop()
}

type NotStored = Done & { readonly kind: 'NO' }

/** Where a literal goes, or why not. */
async function placeFor(session: Session, frame: Frame, mark: LiteralMark): Promise<'memory' | 'store' | Done> {
  const unasked = mark.pushed ? refusePushed(session, mark.size) : undefined
  if (unasked) return unasked
  if (frame.literals.length >= MOST_LITERALS)
    return no(`There are ${MOST_LITERALS} literals, that is the limit`, 'LIMIT')
  const inLines = frame.lines.reduce((sum, line) => sum + line.length, 0)
  if (inLines > session.maxCommandBytes) return bad('The command is too long', 'TOOBIG')
  const large = await askForLarge(session, frame, mark.size)
  if (large === undefined) {
    const room = session.maxCommandBytes - inLines - literalBytes(frame.literals)
    return mark.size <= room ? 'memory' : no('Literal is too large', 'TOOBIG')
  }
  if (typeof large === 'object') return large
  // RFC 7889 §4: the client learns before it sends.
  if (mark.size > large) return no(`Message is too large, ${large} octets are the limit`, 'TOOBIG')
  return mark.size <= MEMORY_BYTES ? 'memory' : 'store'
}

/** What a client may not send without asking. RFC 7888 §5: BAD, and TOOBIG where it was for APPEND. */
function refusePushed({ features, deps }: Session, size: number): Done | undefined {
  const { literals } = deps.settings
  if (!features.can(literals)) return bad('Literals are to be announced here and then waited for')
  if (literals === 'LITERAL+' || size <= SHORT_BYTES) return undefined
  return bad(`A literal of more than ${SHORT_BYTES} octets must be waited for`, 'TOOBIG')
}

function literalBytes(literals: readonly Literal[]): number {
  return literals.reduce((sum, literal) => sum + (literal.kind === 'bytes' ? literal.bytes.length : 0), 0)
}

/** What the command says of a large literal at this place; `undefined`: it takes none here. */
async function askForLarge(session: Session, frame: Frame, size: number): Promise<number | Done | undefined> {
  const input = new Reader(frame, session.features)
  let command: AnyCommand | undefined
  let head: Head
  try {
    head = readHead(input)
    command = find(head.name, session.features)
  } catch (error) {
    if (error instanceof ReadError) return undefined
    throw error
  }
  if (!command?.largeLiteral || !command.states.includes(session.state)) return undefined
  return session.guard(() => command.largeLiteral!(session, input, { size, uid: head.uid }))
}

async function keep(session: Session, size: number): Promise<Literal> {
  const chunks: Buffer[] = []
  for await (const chunk of session.octets(size)) chunks.push(chunk)
  return { kind: 'bytes', bytes: Buffer.concat(chunks) }
}

/** A store that fails on the way is told after the rest has been read past. */
async function store(session: Session, size: number): Promise<Literal | NotStored> {
  const draft = session.deps.store.blobs.draft()
  let failure: unknown
  let kept = false
  try {
    for await (const chunk of session.octets(size)) {
      if (failure === undefined) await draft.write(chunk).catch(error => (failure = error ?? 'failed'))
    }
    if (failure !== undefined) return { ...session.explain(failure), kind: 'NO' }
    const body = await draft.finish()
    kept = true
    return { kind: 'body', body, size, drop: () => draft.abandon() }
  } finally {
    if (!kept) await draft.abandon()
  }
}

/** Reads past octets nobody wants, up to a limit: no answer could be given before they have passed. */
async function discard(session: Session, size: number): Promise<void> {
  if (size > session.maxDiscardBytes) throw new ConversationOver('literal-too-large')
  for await (const chunk of session.octets(size)) void chunk
}
