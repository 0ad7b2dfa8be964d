/**
 * VRFY and EXPN (RFC 5321 §3.5, §7.3). As shipped VRFY tells nobody who has a mailbox; 252 is what the RFC gives for that. With
 * `smtp.vrfy: local` it asks the hooks that RCPT would ask, for our own domains, and says what they say.
 */
import type { Address, Envelope } from '../../api/index.js'
import { formatAddress, isAscii, parseAddress, Reader } from '../../text/index.js'
import type { Conversation } from '../conversation.js'
import { type Answer, REPLY, verified } from '../replies.js'
import { bind } from './command.js'

const SOMETHING = /[^\x00-\x1f\x7f]+/y
/** RFC 6531 §3.7.4.2: the client reads UTF-8. */
const UTF8_WELCOME = / +SMTPUTF8$/i

export interface VrfyArguments {
  readonly text: string
}

export function readVrfy(argument: string): VrfyArguments {
  return { text: new Reader(argument).need(SOMETHING, 'a user name or address').replace(UTF8_WELCOME, '') }
}

function turn({ listener, session }: Conversation) {
  return listener.auth === 'required' && session.account === undefined ? REPLY.loginRequired : undefined
}

async function run(talk: Conversation, { text }: VrfyArguments): Promise<Answer> {
  const { deps, session, scope } = talk
  const address = ours(text, deps.server.domains)
  if (deps.smtp.vrfy === 'never' || address === undefined) return REPLY.cannotVerify
  if (!isAscii(address)) return REPLY.cannotShow
  const recipient = { address, dsn: { notify: [] } }
  const envelope: Envelope = {
    id: session.id,
    sender: null,
    recipients: [],
    parameters: new Map(),
    utf8: false,
    body: '7BIT',
  }
  const answer = await deps.intake.route(session, new Set(session.labels), envelope, recipient, scope)
  if (!('kind' in answer)) return verified(formatAddress(address))
  // RFC 5321 §3.5.3: "not now" is neither yes nor no.
  return answer.kind === 'reject' ? answer : REPLY.cannotVerify
}

/** RFC 5321 §3.5.1: a mailbox, or a user name, which is one of our first domain. Others' mailboxes are for others to tell. */
function ours(text: string, domains: ReadonlySet<string>): Address | undefined {
  const name = text.trim().replace(/^<(.*)>$/, '$1')
  const [first] = domains
  const address = parseAddress(name.includes('@') || first === undefined ? name : `${name}@${first}`)
  return address !== undefined && domains.has(address.domain) ? address : undefined
}

export const vrfy = bind<VrfyArguments>({ verb: 'VRFY', usage: 'VRFY address', turn, read: readVrfy, run })

/** RFC 5321 §7.3: who is on a list is nobody's business; where VRFY tells nothing, EXPN is not there at all. */
export const expn = bind<VrfyArguments>({
  verb: 'EXPN',
  usage: 'EXPN list',
  turn: talk => (talk.deps.smtp.vrfy === 'never' ? REPLY.notOffered : turn(talk)),
  read: readVrfy,
  run: () => REPLY.listsNotTold,
})
