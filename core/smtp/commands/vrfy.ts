/**
 * VRFY (RFC 5321 §3.5, §7.3): never tells who has a mailbox; 252 is what the RFC gives for that. EXPN is not there at all.
 */
import { Reader } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { REPLY } from '../replies.js'
import { bind } from './command.js'

const SOMETHING = /[^\x00-\x1f\x7f]+/y

export interface VrfyArguments {
  readonly text: string
}

export function readVrfy(argument: string): VrfyArguments {
  return { text: new Reader(argument).need(SOMETHING, 'a user name or address') }
}

function turn({ listener, session }: Conversation) {
  return listener.auth === 'required' && session.account === undefined ? REPLY.loginRequired : undefined
}

export const vrfy = bind<VrfyArguments>({
  verb: 'VRFY',
  usage: 'VRFY address',
  turn,
  read: readVrfy,
  run: () => REPLY.cannotVerify,
})

export const expn = bind({ verb: 'EXPN', usage: 'EXPN list', read: () => ({}), run: () => REPLY.notOffered })
