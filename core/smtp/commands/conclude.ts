/**
 * The end of a message, however its octets came (DATA or BDAT): the intake judges it, and the client hears of it. 250 is said when the
 * intake has made the message durable. Over LMTP every accepted recipient gets a reply of its own (RFC 2033 §4.2).
 */
import { MailError, type SmtpReply } from '../../api/index.js'
import type { Received, RecipientAnswer } from '../../pipeline/intake-types.js'
import { formatAddress, MAX_FIELDS } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import type { Reception } from '../reception.js'
import { type Answer, accepted, REPLY } from '../replies.js'
import type { Transaction } from '../transaction.js'

/** Everything has been received. */
export async function conclude(talk: Conversation, transaction: Transaction, reception: Reception): Promise<Answer> {
  const answers = reception.fault === undefined ? await judge(talk, transaction, reception.finish()) : [reception.fault]
  note(talk, transaction, reception, answers)
  // Nobody wants it: a large body need not lie in the store until drafts are swept.
  if (answers.every(one => one.code >= 300)) await reception.abandon()
  return talk.session.protocol === 'lmtp' ? transaction.replies.map(at => answers[at] ?? answers[0]!) : answers[0]
}

type Finished = ReturnType<Reception['finish']>

/** One reply per routed recipient, or one for all. */
async function judge(talk: Conversation, transaction: Transaction, finishing: Finished): Promise<readonly SmtpReply[]> {
  const { deps, session, scope } = talk
  const { envelope, routed } = transaction
  try {
    const { body, message, fields } = await finishing
    // What stands behind the last field that was looked at would pass for something nobody has seen.
    if (fields.length >= MAX_FIELDS) return [REPLY.headerTooBig]
    // RFC 5321 §6.3: a count of Received fields is the only sure sign of a loop.
    const hops = fields.reduce((count, field) => count + (field.name.toLowerCase() === 'received' ? 1 : 0), 0)
    if (hops > deps.limits.hops) return [REPLY.mailLoop]
    const { turnedAway } = transaction
    const known = { session, envelope, routed, message, body, received: deps.clock.now() }
    const received: Received = turnedAway === undefined ? known : { ...known, turnedAway }
    const receipt = await deps.intake.receive(received, scope)
    transaction.told = true
    return receipt.answers.map(answer => asReply(answer, receipt.id))
  } catch (error) {
    scope.log.error({ transaction: envelope.id, err: error }, 'message could not be taken')
    deps.metrics.count('smtp.failures')
    return [error instanceof MailError ? error.reply : REPLY.internal]
  }
}

function asReply(answer: RecipientAnswer, id: string): SmtpReply {
  return answer.kind === 'accepted' ? accepted(answer.text, id) : answer
}

/** One line per message, whatever became of it. */
export function note(
  talk: Conversation,
  transaction: Transaction,
  reception: Reception,
  answers: readonly SmtpReply[],
): void {
  const { session, scope, deps } = talk
  const { envelope, routed } = transaction
  const reply = answers.find(one => one.code < 300) ?? answers[0] ?? REPLY.internal
  const facts: Record<string, unknown> = {
    transaction: envelope.id,
    remote: session.remote.address,
    helo: session.helo,
    sender: formatAddress(envelope.sender),
    recipients: routed.length,
    size: reception.size,
  }
  // RFC 6710 §4.1: as it was asked for.
  if (envelope.priority !== undefined) facts.priority = Number(envelope.parameters.get('MT-PRIORITY'))
  if (talk.forwarded.size > 0) facts.forwarded = Object.fromEntries(talk.forwarded)
  facts.code = reply.code
  if (reply.code < 300) {
    talk.messages += 1
    talk.recipients += routed.length
    talk.bytes += reception.size
    deps.metrics.count('smtp.messages.accepted')
    deps.metrics.observe('smtp.messages.sizeBytes', reception.size)
    scope.log.info(facts, 'message accepted')
  } else {
    deps.metrics.count('smtp.messages.refused')
    if (!transaction.told) tellRefusal(talk, transaction, reception.size, reply)
    scope.log.info({ ...facts, status: reply.status, text: reply.text, err: reception.error }, 'message refused')
  }
}

/** The intake has not seen it. */
function tellRefusal({ session, deps }: Conversation, transaction: Transaction, size: number, reply: SmtpReply): void {
  const { envelope, turnedAway } = transaction
  transaction.told = true
  const said = { ...reply, text: [reply.text].flat().join(' ') }
  deps.refusals.note({ stage: 'data', session, envelope, said, size, ...(turnedAway && { turnedAway }) })
}
