/**
 * XFORWARD (Postfix's XFORWARD_README): a filter named in `xforward` of server.yaml tells where the next message came from. For the log
 * alone: nothing is decided by it. What was told ends with the transaction.
 */
import type { SmtpReply } from '../../api/index.js'
import type { Conversation } from '../conversation.js'
import { XFORWARD_ATTRIBUTES } from '../extensions.js'
import { REPLY } from '../replies.js'
import { readAttributes } from './attributes.js'
import { bind } from './command.js'

function turn({ extensions, transaction }: Conversation): SmtpReply | undefined {
  if (!extensions.has('XFORWARD')) return REPLY.notOffered
  return transaction === undefined ? undefined : REPLY.notInTransaction
}

export const xforward = bind<ReadonlyMap<string, string | undefined>>({
  verb: 'XFORWARD',
  usage: 'XFORWARD attribute=value …',
  protocol: 'smtp',
  turn,
  read: argument => readAttributes(argument, XFORWARD_ATTRIBUTES),
  run(talk, given): SmtpReply {
    // Several commands add up; an attribute told again replaces the earlier one.
    for (const [name, value] of given) {
      if (value === undefined) talk.forwarded.delete(name)
      else talk.forwarded.set(name, value)
    }
    return REPLY.ok
  },
})
