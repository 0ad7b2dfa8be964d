/**
 * XCLIENT (Postfix's XCLIENT_README): a filter or balancer named in `xclient` of server.yaml says for whom it speaks. The session begins
 * anew as that client's: `connect` hooks are asked again, and greeting, login and trust of the speaker are gone.
 * PROTO, HELO and LOGIN are not announced: the client's own EHLO and AUTH follow, and so no hook is passed by.
 */
import type { SmtpReply } from '../../api/index.js'
import { ReadError } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { XCLIENT_ATTRIBUTES } from '../extensions.js'
import { type Answer, REPLY } from '../replies.js'
import { readAddress, readAttributes, readPort } from './attributes.js'
import { bind } from './command.js'

export interface XclientArguments {
  readonly name?: string
  readonly address?: string
  readonly port?: number
  readonly localAddress?: string
  readonly localPort?: number
}

export function readXclient(argument: string): XclientArguments {
  const given = readAttributes(argument, XCLIENT_ATTRIBUTES)
  const name = given.get('NAME')
  const address = insist(given.get('ADDR'), readAddress, 'an address')
  const port = insist(given.get('PORT'), readPort, 'a port')
  const localAddress = insist(given.get('DESTADDR'), readAddress, 'an address')
  const localPort = insist(given.get('DESTPORT'), readPort, 'a port')
  return {
    ...(name !== undefined && { name }),
    ...(address !== undefined && { address }),
    ...(port !== undefined && { port }),
    ...(localAddress !== undefined && { localAddress }),
    ...(localPort !== undefined && { localPort }),
  }
}

function insist<T>(value: string | undefined, read: (value: string) => T | undefined, wish: string): T | undefined {
  if (value === undefined) return undefined
  const known = read(value)
  if (known === undefined) throw new ReadError(1, wish)
  return known
}

function turn({ extensions, transaction }: Conversation): SmtpReply | undefined {
  if (!extensions.has('XCLIENT')) return REPLY.notOffered
  return transaction === undefined ? undefined : REPLY.notInTransaction
}

async function run(talk: Conversation, given: XclientArguments): Promise<Answer> {
  const { session, deps, scope } = talk
  const remote = { address: given.address ?? session.remote.address, port: given.port ?? session.remote.port }
  const local = { address: given.localAddress ?? session.local.address, port: given.localPort ?? session.local.port }
  scope.log.info({ by: session.remote.address, remote: remote.address, name: given.name }, 'client named by XCLIENT')
  talk.reset()
  talk.unbind()
  session.speaksFor(remote, local, deps.trusted(remote.address))
  return talk.greet(() => false)
}

export const xclient = bind<XclientArguments>({
  verb: 'XCLIENT',
  usage: 'XCLIENT attribute=value …',
  protocol: 'smtp',
  turn,
  read: readXclient,
  run,
})
