/**
 * STARTTLS (RFC 3207). Everything received in clear is thrown away with the parser that held it, and all that the client said before
 * is forgotten (§4.2): what an attacker put in front of the handshake never reaches the session behind it.
 */
import type { SmtpReply } from '../../api/index.js'
import type { Conversation } from '../conversation.js'
import { type Answer, REPLY } from '../replies.js'
import { bind, readNothing } from './command.js'

function turn({ session, extensions }: Conversation): SmtpReply | undefined {
  if (session.tls !== undefined) return REPLY.tlsActive
  return extensions.has('STARTTLS') ? undefined : REPLY.notOffered
}

async function run(talk: Conversation): Promise<Answer> {
  const { wire, deps } = talk
  // RFC 3207 §4: STARTTLS is the last command of its group; what stands behind it was put there by someone else, or by a broken client.
  if (wire.pending && deps.smtp.policies.beforeTls === 'refuse') {
    talk.end ??= 'before-tls'
    return REPLY.beforeTls
  }
  talk.secured(await wire.startTls(REPLY.startTls))
  return undefined
}

export const starttls = bind({ verb: 'STARTTLS', usage: 'STARTTLS', turn, read: readNothing, run })
