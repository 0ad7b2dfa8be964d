/**
 * HELO, EHLO and LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1): the greeting, which also ends any transaction.
 * The name may be anything printable: real clients send machine names and bare addresses. Judging it is a plugin's matter.
 */
import type { SmtpReply } from '../../api/index.js'
import { printable, Reader } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import type { Answer } from '../replies.js'
import { bind, type Command } from './command.js'

/** RFC 5321 §4.5.3.1.2: 255 octets. */
const NAME = /[!-~\u{a0}-\u{10ffff}]{1,255}/uy

export interface HeloArguments {
  readonly name: string
}

export function readHelo(argument: string): HeloArguments {
  const input = new Reader(argument)
  input.take(/ */y)
  const name = input.need(NAME, 'your host name')
  input.end()
  return { name: printable(name, 255) }
}

function greeting(verb: 'HELO' | 'EHLO' | 'LHLO', extended: boolean): Command<HeloArguments> {
  return {
    verb,
    usage: `${verb} hostname`,
    protocol: verb === 'LHLO' ? 'lmtp' : 'smtp',
    read: readHelo,
    run: (talk, { name }) => run(talk, name, extended),
  }
}

async function run(talk: Conversation, name: string, extended: boolean): Promise<Answer> {
  const { session, deps, scope } = talk
  const labels = session.labelsBeforeGreeting()
  const objection = await deps.pipeline.ask('helo', { session, name }, labels, scope)
  // RFC 5321 §4.1.4: a greeting that fails leaves everything as it was.
  if (objection !== undefined) {
    deps.refusals.note({ stage: 'greeting', session, said: objection })
    scope.log.info({ remote: session.remote.address, helo: name, ...logged(objection) }, 'greeting refused')
    return objection
  }
  talk.reset()
  session.greeted(name, extended, labels)
  // RFC 2034 §4: no enhanced codes here, as the client has not heard of them yet.
  return extended
    ? { code: 250, text: [deps.server.name, ...talk.extensions.announced()] }
    : { code: 250, text: deps.server.name }
}

function logged({ code, status, text }: SmtpReply): object {
  return { code, status, text }
}

export const helo = bind(greeting('HELO', false))
export const ehlo = bind(greeting('EHLO', true))
export const lhlo = bind(greeting('LHLO', true))
