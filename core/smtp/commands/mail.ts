/**
 * MAIL FROM (RFC 5321 §4.1.1.2): opens a transaction. `mail` hooks may object; the size is checked before anything is sent (RFC 1870 §6.1).
 */
import type { Address, Session, SmtpReply } from '../../api/index.js'
import {
  addressKey,
  explainPath,
  formatAddress,
  isAscii,
  parseAddress,
  Reader,
  readPath,
  unXtext,
} from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { checkMail, type MailTerms, type Offers, readParameters } from '../parameters.js'
import { type Answer, badPathSyntax, priorityChanged, REPLY } from '../replies.js'
import { Transaction } from '../transaction.js'
import { bind, isReply } from './command.js'

const FROM = /FROM:/iy
/** RFC 5321 §3.3 allows no space here; too many clients send one to be strict about it. */
const SPACES = / {0,10}/y
const USAGE = 'MAIL FROM:<address> [parameters]'

export interface MailArguments {
  readonly sender: Address | null
  readonly parameters: ReadonlyMap<string, string>
  readonly terms: MailTerms
}

export function readMail(argument: string, offers: Offers): MailArguments | SmtpReply {
  const input = new Reader(argument)
  input.need(FROM, 'FROM:')
  input.take(SPACES)
  const path = readPath(input.rest)
  if (path === undefined) return badPath(input, '5.1.7', USAGE)
  const sender = path.address
  // Only a recipient may be postmaster of nowhere (RFC 5321 §4.1.1.3).
  if (sender !== null && sender.domain === '') return REPLY.badSender
  const parameters = readParameters(new Reader(argument, argument.length - path.rest.length))
  const terms = checkMail(parameters, offers)
  if (isReply(terms)) return terms
  return sender !== null && !terms.utf8 && !isAscii(sender) ? REPLY.senderNeedsUtf8 : { sender, parameters, terms }
}

/** RFC 5321 §4.2.3: 501, with what was expected where; 553 is for addresses that can be read and are not allowed. */
export function badPath(input: Reader, status: '5.1.7' | '5.1.3', usage: string): SmtpReply {
  const { column, expected } = explainPath(input.rest)
  return badPathSyntax(status, usage, expected, input.column - 1 + column)
}

function turn({ session, transaction, transactions, listener, extensions, deps }: Conversation): SmtpReply | undefined {
  if (session.helo === undefined) return session.protocol === 'lmtp' ? REPLY.needLhlo : REPLY.needHello
  if (listener.auth === 'required' && session.account === undefined) {
    return extensions.loginNow ? REPLY.loginRequired : REPLY.tlsRequired
  }
  if (transaction !== undefined) return REPLY.nestedMail
  return transactions >= (deps.limits.messages ?? Number.POSITIVE_INFINITY) ? REPLY.tooManyMessages : undefined
}

async function run(talk: Conversation, { sender, parameters, terms }: MailArguments): Promise<Answer> {
  const { session, deps, scope } = talk
  talk.transactions += 1
  const auth = submitter(session, parameters.get('AUTH'))
  const transaction = new Transaction(`${session.id}.${talk.transactions}`, sender, parameters, terms, auth)
  const { envelope } = transaction
  const objection = await deps.pipeline.ask('mail', { session, envelope }, session.labels, scope)
  if (objection !== undefined) {
    session.endTransaction()
    deps.refusals.note({ stage: 'mail', session, envelope, said: objection })
    const { code, status, text } = objection
    scope.log.info(
      { remote: session.remote.address, sender: formatAddress(sender), code, status, text },
      'sender refused',
    )
    return objection
  }
  talk.transaction = transaction
  const { priority } = terms
  return priority === undefined || Number(parameters.get('MT-PRIORITY')) === priority
    ? REPLY.senderOk
    : priorityChanged(priority)
}

/**
 * RFC 4954 §5: what AUTH= says is believed of `trusted` networks, and of people who name an address of theirs; of everybody else it is
 * taken for AUTH=<>. It is not sent on: we log in nowhere, so nobody has reason to believe us.
 */
export function submitter({ account, trusted }: Session, value: string | undefined): Address | null {
  if (value === undefined || value === '<>') return null
  const address = parseAddress(unXtext(value))
  if (address === undefined) return null
  return trusted || account?.addresses.includes(addressKey(address)) === true ? address : null
}

export const mail = bind<MailArguments>({
  verb: 'MAIL',
  usage: USAGE,
  turn,
  read: readMail,
  run,
})
