/**
 * RCPT TO (RFC 5321 §4.1.1.3): asks the intake who takes the recipient. Only a claim admits one; no claim is 550 5.7.1.
 */
import type { Address, DsnWish, ServerFacts, SmtpReply } from '../../api/index.js'
import { addressKey, formatAddress, isAscii, Reader, readPath } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { checkRcpt, type Offers, readParameters } from '../parameters.js'
import { type Answer, badPathSyntax, REPLY } from '../replies.js'
import { bind, isReply } from './command.js'
import { badPath } from './mail.js'

const USAGE = 'RCPT TO:<address> [parameters]'
const TO = /TO:/iy
const SPACES = / {0,10}/y
/** Results of all recipients of one message, aliases counted by what they lead to. */
const MAX_CLAIMS = 10_000

export interface RcptArguments {
  readonly address: Address
  readonly dsn: DsnWish
}

export function readRcpt(argument: string, offers: Offers): RcptArguments | SmtpReply {
  const input = new Reader(argument)
  input.need(TO, 'TO:')
  input.take(SPACES)
  const path = readPath(input.rest)
  if (path === undefined) return badPath(input, '5.1.3', USAGE)
  // RFC 5321 §4.1.2: only a sender may be null.
  if (path.address === null) return badPathSyntax('5.1.3', USAGE, 'a recipient between < and >', input.column + 1)
  const dsn = checkRcpt(readParameters(new Reader(argument, argument.length - path.rest.length)), offers)
  return isReply(dsn) ? dsn : { address: path.address, dsn }
}

function turn({ transaction }: Conversation): SmtpReply | undefined {
  if (transaction === undefined) return REPLY.needMail
  return transaction.chunks === undefined ? undefined : REPLY.chunksBegun
}

async function run(talk: Conversation, recipient: RcptArguments): Promise<Answer> {
  const { session, deps, scope } = talk
  const transaction = talk.transaction!
  const { envelope } = transaction
  // RFC 6531 §3.5
  if (!envelope.utf8 && !isAscii(recipient.address)) return REPLY.recipientNeedsUtf8
  const key = keyOf(recipient.address, deps.server)
  if (transaction.repeat(key)) return REPLY.recipientOk
  // RFC 5321 §4.5.3.1.10: 452, and the client sends the rest in another transaction.
  if (transaction.routed.length >= deps.limits.recipients) return REPLY.tooManyRecipients
  const routed = await deps.intake.route(session, session.labels, envelope, recipient, scope)
  if (!('kind' in routed)) {
    // A thousand spellings of a list of a hundred are a hundred thousand copies in one commit.
    if (transaction.claims > 0 && transaction.claims + routed.claims.length > MAX_CLAIMS) return REPLY.tooManyRecipients
    transaction.add(routed, key)
    return REPLY.recipientOk
  }
  transaction.turnAway({ address: formatAddress(recipient.address), said: routed })
  const { code, status, text } = routed
  // RFC 3463 §3.2: X.1.1 is a mailbox that does not exist.
  if (status === '5.1.1') session.refused.unknown += 1
  scope.log.info(
    {
      transaction: envelope.id,
      remote: session.remote.address,
      sender: formatAddress(envelope.sender),
      recipient: formatAddress(recipient.address),
      code,
      status,
      text,
    },
    'recipient refused',
  )
  return routed
}

/** RFC 5321 §2.4: elsewhere the case of a local part may mean something; all spellings of one that is ours are one mailbox. */
function keyOf(address: Address, { domains }: Pick<ServerFacts, 'domains'>): string {
  return domains.has(address.domain) ? addressKey(address) : formatAddress(address)
}

export const rcpt = bind<RcptArguments>({
  verb: 'RCPT',
  usage: USAGE,
  turn,
  read: readRcpt,
  run,
})
