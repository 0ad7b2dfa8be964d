/**
 * Runs the conversation: greeting, commands strictly in the order they came, good-bye.
 * Deletions happen in QUIT and nowhere else, so however else a conversation ends, nothing is lost.
 */
import { isUtf8 } from 'node:buffer'
import { MailError } from 'posthouse/api'
import { DataEncoder, printable, ReadError } from 'posthouse/text'
import { type Answer, no, type ResponseCode, senseless } from './answer.js'
import { readName } from './command.js'
import { find, meant } from './commands/index.js'
import { ConversationOver, type OverReason } from './over.js'
import type { Session } from './session.js'
import { EndlessRawHeader } from './surrogate.js'
import type { Texts } from './texts/index.js'

/** Resolves when the session is over; the socket is ended then. */
export async function converse(session: Session): Promise<void> {
  const { connection, deps } = session
  const started = deps.clock.now()
  const tally: Tally = { commands: 0, senselessInARow: 0 }
  let reason: OverReason = 'bug'
  try {
    deps.metrics.count('pop3Sessions')
    session.output.line(`+OK ${session.texts.ready(deps.server.name)}`)
    await session.output.flush()
    for (;;) await serveOne(session, tally)
  } catch (error) {
    reason = error instanceof ConversationOver ? error.reason : 'bug'
    if (reason === 'bug') connection.log.error({ err: error }, 'a POP3 session failed by a bug')
    await sayBye(session, reason)
  } finally {
    session.input.detach()
    endSocket(session, reason)
    connection.log.info(
      {
        reason,
        remote: connection.peer.remote.address,
        ...(session.account && { login: session.account.login }),
        ...(connection.peer.tls && { tls: connection.peer.tls.protocol }),
        commands: tally.commands,
        retrieved: session.retrieved,
        deleted: session.deleted,
        bytesIn: session.input.octets,
        bytesOut: session.output.octets,
        durationMs: deps.clock.now() - started,
      },
      'POP3 session ended',
    )
  }
}

interface Tally {
  commands: number
  senselessInARow: number
}

async function serveOne(session: Session, tally: Tally): Promise<void> {
  const line = await session.commandLine()
  tally.commands += 1
  const answer = line === undefined ? senseless(session.texts.lineTooLong) : await execute(session, line)
  const isSenseless = answer.kind === 'no' && answer.senseless === true
  tally.senselessInARow = isSenseless ? tally.senselessInARow + 1 : 0
  await write(session, answer)
  // RFC 2449 §6.6: answers to pipelined commands may go out together.
  if (!session.input.hasLine) await session.output.flush()
  await session.output.room()
  if (tally.senselessInARow >= session.deps.settings.maxBadCommands) throw new ConversationOver('bad-commands')
}

async function execute(session: Session, line: Buffer): Promise<Answer> {
  const { texts } = session
  // RFC 6856 §2.2
  if (!isUtf8(line)) return senseless(texts.notUtf8)
  const head = readName(line.toString())
  const command = head === undefined ? undefined : find(head.name)
  if (head === undefined || command === undefined) return unknown(texts, line)
  if (!command.states.includes(session.state)) {
    return senseless((session.state === 'transaction' ? texts.beforeLoginOnly : texts.afterLoginOnly)(command.name))
  }
  // RFC 1939 §7: PASS counts only right after USER.
  const user = session.user
  session.user = undefined
  try {
    const args = command.read(head.input)
    session.user = command.name === 'PASS' ? user : undefined
    return await command.run(session, args)
  } catch (error) {
    return explain(session, error)
  }
}

function unknown(texts: Texts, line: Buffer): Answer {
  const word = line.toString('latin1').split(' ', 1)[0]!
  const guess = meant(word)
  const shown = printable(word, 20)
  return senseless(guess === undefined ? texts.unknownCommand(shown) : texts.unknownCommandMeant(shown, guess))
}

/** Trouble and bugs become answers here; what ends the conversation goes on. */
function explain(session: Session, error: unknown): Answer {
  const { texts } = session
  const { log } = session.connection
  if (error instanceof ReadError)
    return senseless(texts.expected(texts.wishes[error.expected] ?? error.expected, error.column))
  if (error instanceof EndlessRawHeader) return no(texts.needsUtf8, 'UTF8')
  if (error instanceof ConversationOver) throw error
  if (error instanceof MailError) {
    log.warn({ code: error.errorCode, error: error.message }, 'a command failed')
    if (error.errorCode === 'message-gone') return no(texts.messageGone)
    return no(error.reply.text, error.temporary ? 'SYS/TEMP' : 'SYS/PERM')
  }
  log.error({ err: error }, 'a command failed by a bug')
  session.deps.metrics.count('pop3Bugs')
  return no(texts.internalError, 'SYS/TEMP')
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function write(session: Session, answer: Answer): Promise<void> {
  const { output } = session
  switch (answer.kind) {
    case 'ok':
      return output.line(`+OK ${answer.text}`)
    case 'no':
      return output.line(refusal(answer))
    case 'list':
      return writeList(session, answer.text, answer.lines)
    case 'message':
      return writeMessage(session, answer.text, answer.chunks)
    case 'start-tls':
      return startTls(session)
    case 'bye':
      output.line(answer.good ? `+OK ${answer.text}` : refusal(answer))
      await output.flush()
      throw new ConversationOver(answer.reason)
  }
}

function refusal({ code, text }: { readonly code?: ResponseCode; readonly text: string }): string {
  return `-ERR ${code === undefined ? '' : `[${code}] `}${text}`
}

async function writeList({ output }: Session, text: string, lines: Iterable<string>): Promise<void> {
  output.line(`+OK ${text}`)
  for (const line of lines) {
    output.line(line)
    await output.room()
  }
  output.line('.')
}

/** The first piece is read before we say OK; what fails later can only end the connection, or the client would keep half a mail. */
async function writeMessage(session: Session, text: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { output } = session
  const pieces = chunks[Symbol.asyncIterator]()
  let piece: IteratorResult<Buffer>
  try {
    piece = await pieces.next()
  } catch (error) {
    return write(session, explain(session, error))
  }
  output.line(`+OK ${text}`)
  const encoder = new DataEncoder()
  try {
    for (; piece.done !== true; piece = await pieces.next()) {
      output.write(encoder.push(piece.value))
      await output.room()
    }
  } catch (error) {
    if (error instanceof ConversationOver) throw error
    session.connection.log.error({ err: error }, 'a message could not be sent to its end')
    throw new ConversationOver('torn')
  }
  output.write(encoder.end())
  session.retrieved += 1
}

async function startTls(session: Session): Promise<void> {
  session.output.line(`+OK ${session.texts.beginTls}`)
  await session.output.flush()
  try {
    await session.startTls()
  } catch (error) {
    session.connection.log.info(
      { error: error instanceof Error ? error.message : String(error) },
      'TLS handshake failed',
    )
    throw new ConversationOver('handshake')
  }
}

// ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** RFC 1939 §3: after a timeout the connection is closed without a word. */
function byeFor(texts: Texts, reason: OverReason): string | undefined {
  switch (reason) {
    case 'drain':
      return refusal({ code: 'SYS/TEMP', text: texts.shuttingDown })
    case 'line-too-long':
      return refusal({ text: texts.lineTooLong })
    case 'bad-commands':
      return refusal({ text: texts.tooManySenseless })
    case 'bug':
      return refusal({ code: 'SYS/TEMP', text: texts.internalError })
    default:
      return undefined
  }
}

async function sayBye({ output, texts }: Session, reason: OverReason): Promise<void> {
  const line = byeFor(texts, reason)
  if (line === undefined) return
  try {
    output.line(line)
    await output.flush()
  } catch (error) {
    // The client is gone already: then there is nobody to tell.
    if (!(error instanceof ConversationOver)) throw error
  }
}

function endSocket({ connection: { socket } }: Session, reason: OverReason): void {
  // In the middle of a message nothing but the end of the connection can be understood; who does not read hears nothing.
  if (reason === 'torn' || reason === 'stalled' || reason === 'handshake') socket.destroy()
  else socket.end()
}
