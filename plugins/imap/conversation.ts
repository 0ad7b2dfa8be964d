/**
 * Runs the conversation: greeting, commands strictly in the order they came (RFC 3501 §5.5), good-bye. Every end that the client can still
 * hear is told with BYE; what a command throws is caught here and nowhere else.
 */
import { printable } from 'posthouse/text'
import { bad, type Done, no } from './answer.js'
import type { AnyCommand } from './command.js'
import { find, suggestion } from './commands/index.js'
import { ConversationOver, type OverReason } from './input.js'
import { type Head, type Received, receive } from './receive.js'
import type { Session } from './session.js'
import { NameError } from './wire/mailbox.js'
import { ReadError, type Reader } from './wire/reader.js'
import { capitalise, writeText } from './wire/write.js'

/** Resolves when the session is over; the socket is ended then. */
export async function converse(session: Session): Promise<void> {
  const started = session.deps.clock.now()
  const tally: Tally = { commands: 0, badInARow: 0 }
  let reason: OverReason = 'bug'
  try {
    session.deps.metrics.count('imapSessions')
    await session.sayNow(`* OK [CAPABILITY ${session.capabilities.join(' ')}] ${session.deps.server.name} IMAP ready`)
    for (;;) await serveOne(session, tally)
  } catch (error) {
    reason = error instanceof ConversationOver ? error.reason : 'bug'
    if (reason === 'bug') session.log.error({ err: error }, 'an IMAP session failed by a bug')
    await sayBye(session, reason)
  } finally {
    session.unselect()
    session.input.detach()
    endSocket(session, reason)
    session.output.compress(false)
    session.log.info(
      {
        reason,
        remote: session.connection.peer.remote.address,
        ...(session.account && { login: session.account.login }),
        commands: tally.commands,
        bytesIn: session.input.octets,
        bytesOut: session.output.octets,
        durationMs: session.deps.clock.now() - started,
      },
      'IMAP session ended',
    )
  }
}

interface Tally {
  commands: number
  badInARow: number
}

async function serveOne(session: Session, tally: Tally): Promise<void> {
  if (session.connection.signal.aborted) throw new ConversationOver('drain')
  const received = await receive(session)
  tally.commands += 1
  const answered =
    received.kind === 'command' ? await execute(session, received) : { tag: received.tag, done: received.done }
  tally.badInARow = answered.done.kind === 'BAD' ? tally.badInARow + 1 : 0
  session.say(writeDone(answered.tag, answered.done))
  await session.output.flush()
  // Commands that came in one piece would be served in one go.
  await session.output.room()
  await answered.done.after?.()
  if (tally.badInARow >= session.deps.settings.maxBadCommands) throw new ConversationOver('errors')
}

function writeDone(tag: string, done: Done): string {
  return `${tag} ${done.kind} ${done.code === undefined ? '' : `[${done.code}] `}${writeText(done.text)}`
}

type Command = Extract<Received, { kind: 'command' }>

async function execute(session: Session, { head, input, drop }: Command): Promise<{ tag: string; done: Done }> {
  session.tag = head.tag
  const command = find(head.name, session.features)
  const done = refusal(session, head, command) ?? (await session.guard(() => run(session, command!, head, input)))
  if (done.kind !== 'OK') await drop()
  const expunge = command?.expunge === 'yes' || (command?.expunge === 'uid' && head.uid)
  if (command && session.selected) await session.tellUpdates(expunge && !done.removalsWait)
  return { tag: head.tag, done }
}

function refusal(session: Session, head: Head, command: AnyCommand | undefined): Done | undefined {
  if (!command) {
    const meant = suggestion(head.name, session.features)
    return bad(`Unknown command ${printable(head.name, 40)}${meant === undefined ? '' : `, did you mean ${meant}?`}`)
  }
  if (head.uid && !command.uid) return bad(`${command.name} has no UID form`)
  if (command.states.includes(session.state)) return undefined
  if (session.state === 'not-authenticated') return bad(`${command.name} needs a login first`)
  if (!command.states.includes('authenticated')) {
    return command.states.includes('selected')
      ? bad(`${command.name} needs a mailbox, SELECT one first`)
      : bad(`${command.name} is possible before the login only`)
  }
  return bad(`${command.name} is not possible while a mailbox is selected`)
}

async function run(session: Session, command: AnyCommand, head: Head, input: Reader): Promise<Done> {
  let args: unknown
  try {
    args = command.read(input)
    input.end()
  } catch (error) {
    if (error instanceof NameError) return no(capitalise(error.message), 'CANNOT')
    if (error instanceof ReadError) return bad(capitalise(error.message))
    throw error
  }
  return command.run(session, args, head.uid)
}

const BYES: Readonly<Partial<Record<OverReason, string>>> = {
  // The client has ended its side only, and may hear it yet.
  closed: 'Nothing more came',
  timeout: 'Silent for too long',
  drain: 'The server is shutting down',
  'line-too-long': 'The line is too long',
  'literal-too-large': '[TOOBIG] The literal is too large',
  compression: 'What came is no DEFLATE',
  errors: 'Too many commands that make no sense',
  'mailbox-gone': 'The selected mailbox has been deleted',
  logins: 'Too many wrong passwords',
  bug: '[SERVERBUG] Internal error',
}

async function sayBye(session: Session, reason: OverReason): Promise<void> {
  const text = BYES[reason]
  if (text === undefined) return
  try {
    if (reason === 'line-too-long') session.say('* BAD The line is too long')
    await session.sayNow(`* BYE ${text}`)
  } catch (error) {
    // The client is gone already: then there is nobody to tell.
    if (!(error instanceof ConversationOver)) throw error
  }
}

function endSocket(session: Session, reason: OverReason): void {
  const { socket } = session.connection
  // In the middle of a literal nothing but the end of the connection can be understood; a client that does not read hears nothing.
  if (reason === 'torn' || reason === 'stalled' || reason === 'handshake') socket.destroy()
  else socket.end()
}
