/**
 * DATA (RFC 5321 §4.1.1.4): takes the message and answers for it. 250 is said when the intake has made it durable, and whatever else
 * happens the message is read to its true end first. Over LMTP every accepted recipient gets a reply of its own (RFC 2033 §4.2).
 */
import type { SmtpReply } from '../../api/index.js'
import type { Conversation } from '../conversation.js'
import { Reception } from '../reception.js'
import { type Answer, REPLY } from '../replies.js'
import { bind, readNothing } from './command.js'
import { conclude } from './conclude.js'

function turn(talk: Conversation): SmtpReply | undefined {
  const { transaction } = talk
  // RFC 3030 §2: DATA and BDAT do not mix; §3: a binary message comes by BDAT only.
  if (transaction?.chunks !== undefined) return REPLY.chunksBegun
  if (transaction?.envelope.body === 'BINARYMIME') return REPLY.binaryNeedsChunks
  return needsEnvelope(talk)
}

/** The reply when a message cannot come now. */
export function needsEnvelope({ transaction, session }: Conversation): SmtpReply | undefined {
  if (transaction === undefined) return REPLY.needMail
  if (transaction.routed.length > 0) return undefined
  // RFC 2033 §4.2 wants 503; RFC 5321 §4.1.1.4 leaves the choice, and 554 says better that it is not about order.
  return session.protocol === 'smtp' && transaction.turnedAway !== undefined ? REPLY.noRecipients : REPLY.needRecipient
}

async function run(talk: Conversation): Promise<Answer> {
  const { deps, wire } = talk
  const transaction = talk.transaction!
  const reception = new Reception(deps.spool(), deps.limits, deps.smtp.policies)
  transaction.coming = reception
  wire.say(REPLY.sendData)
  try {
    await wire.receive(chunk => reception.take(chunk))
    return await conclude(talk, transaction, reception)
  } catch (error) {
    await reception.abandon()
    throw error
  } finally {
    talk.reset()
  }
}

export const data = bind({ verb: 'DATA', usage: 'DATA', turn, read: readNothing, run })
