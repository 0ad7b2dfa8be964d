/**
 * BDAT (RFC 3030 §2): one chunk of a message, its octets counted. Whatever we think of the command, the announced octets are read before
 * it is answered, since what stands in them is never a command; when the count itself cannot be read, the session ends.
 */
import type { SmtpReply } from '../../api/index.js'
import { ReadError, Reader } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { Reception } from '../reception.js'
import { type Answer, chunkTaken, REPLY, syntaxError } from '../replies.js'
import type { DataTaker } from '../stream.js'
import type { Transaction } from '../transaction.js'
import type { Bound } from './command.js'
import { conclude, note } from './conclude.js'
import { needsEnvelope } from './data.js'

const USAGE = 'BDAT octets [LAST]'
/** RFC 3030 §2: chunk-size is 1*DIGIT; more than these are no size of a mail. */
const OCTETS = /[0-9]{1,15}/y
const LAST = / +LAST/iy

export interface BdatArguments {
  readonly octets: number
  readonly last: boolean
}

export function readBdat(argument: string): BdatArguments {
  const input = new Reader(argument)
  const octets = Number(input.need(OCTETS, 'a number of octets'))
  const last = input.take(LAST) !== undefined
  input.end()
  return { octets, last }
}

function execute(talk: Conversation, argument: string): Answer | Promise<Answer> {
  let args: BdatArguments
  try {
    args = readBdat(argument)
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    talk.end ??= 'chunk'
    return [syntaxError(USAGE, error.expected, error.column), REPLY.chunkLost]
  }
  return run(talk, args)
}

async function run(talk: Conversation, { octets, last }: BdatArguments): Promise<Answer> {
  const objection = objectionTo(talk)
  if (objection !== undefined) {
    await receive(talk, octets)
    return last ? repliesToLast(talk, objection) : objection
  }
  const transaction = talk.transaction!
  const now = talk.deps.clock.now()
  transaction.chunks ??= { reception: receptionFor(talk, transaction), begun: now, failed: false }
  const { chunks } = transaction
  const { reception } = chunks
  transaction.coming = reception
  try {
    // RFC 1870 §6.1 for what is announced, §6.3 for what comes.
    reception.expect(octets)
    await receive(talk, octets, chunks)
    if (!last) return between(talk, transaction, chunks, octets)
    await reception.close()
    return await conclude(talk, transaction, reception)
  } catch (error) {
    await reception.abandon()
    throw error
  } finally {
    if (last) talk.reset()
  }
}

/**
 * RFC 2033 §4.3: over LMTP as many replies as recipients were accepted, and so none at all without one: a client that has sent everything
 * at once counts on it.
 */
function repliesToLast(talk: Conversation, objection: SmtpReply): Answer {
  const { session, transaction } = talk
  if (session.protocol !== 'lmtp' || transaction === undefined) return objection
  const replies = transaction.replies.map(() => objection)
  if (replies.length === 0) talk.reset()
  return replies
}

function objectionTo(talk: Conversation): SmtpReply | undefined {
  if (!talk.extensions.has('CHUNKING')) return REPLY.notOffered
  return talk.transaction?.chunks?.failed === true ? REPLY.chunkFailed : needsEnvelope(talk)
}

/** RFC 3030 §2: after a refused chunk the rest is thrown away, until RSET. */
function between(
  talk: Conversation,
  transaction: Transaction,
  chunks: NonNullable<Transaction['chunks']>,
  octets: number,
): SmtpReply {
  const { fault } = chunks.reception
  if (fault === undefined) return chunkTaken(octets)
  chunks.failed = true
  note(talk, transaction, chunks.reception, [fault])
  return fault
}

function receptionFor({ deps }: Conversation, { envelope }: Transaction): Reception {
  const framing = envelope.body === 'BINARYMIME' ? 'counted-binary' : 'counted'
  return new Reception(deps.spool(), deps.limits, deps.smtp.policies, framing)
}

async function receive(talk: Conversation, octets: number, into?: Transaction['chunks']): Promise<void> {
  // The time for a whole message is for all its chunks together.
  if (octets > 0) await talk.wire.receive(taker(octets, into?.reception), into?.begun)
}

/** Exactly so many octets, wherever the pieces are cut. */
function taker(octets: number, into: Reception | undefined): DataTaker {
  let left = octets
  return chunk => {
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk
    left -= part.length
    const end = left === 0 ? part.length : -1
    const wait = into?.take(part)
    return wait instanceof Promise ? wait.then(() => end) : end
  }
}

export const bdat: Bound = { verb: 'BDAT', usage: USAGE, execute }
