/**
 * What is told of an objection: to the peer its text with an id, to the admin one log line under that id that names the plugin, the
 * rule, the evidence and how to make an exception. So whoever is refused can ask, and whoever is asked can answer.
 */
import type { Asked, Because, Defer, Discard, Hold, Log, MomentName, Peer, Quarantine, Reject } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'

type Objection = Reject | Defer | Discard | Quarantine | Hold

const KINDS: ReadonlySet<string> = new Set(['reject', 'defer', 'discard', 'quarantine', 'hold'])
/** Log-ins have words of their own that say the same whatever is wrong. */
const UNSIGNED: ReadonlySet<MomentName> = new Set(['auth'])

export function isObjection(answer: unknown): answer is Objection {
  return KINDS.has((answer as { kind?: string } | undefined)?.kind ?? '')
}

/** The same with the id behind its text, so that a person can quote it, and with whose answer it is. */
export function signed<A extends Objection>(moment: MomentName, asked: unknown, answer: A, plugin: string): A {
  const id = idOf(asked)
  if (UNSIGNED.has(moment) || id === undefined || (answer.kind !== 'reject' && answer.kind !== 'defer')) return answer
  return { ...answer, text: `${answer.text} [${id}]`, plugin }
}

export interface Objector {
  readonly plugin: string
  readonly hook: MomentName
  readonly observed: boolean
}

export function tellObjection(
  log: Log,
  { plugin, hook, observed }: Objector,
  asked: Asked[MomentName],
  answer: Objection,
): void {
  if (UNSIGNED.has(hook)) return
  const because: Because | undefined = 'because' in answer ? answer.because : undefined
  const facts = {
    ref: idOf(asked),
    plugin,
    hook,
    answer: answer.kind,
    ...('code' in answer && { code: answer.code, status: answer.status }),
    text: answer.text,
    ...(because && {
      rule: because.rule,
      evidence: printable(because.evidence, 500),
      ...(because.exception && { exception: because.exception }),
    }),
    ...factsOf(asked),
  }
  if (observed) log.info(facts, 'policy would have objected')
  else log.info(facts, 'policy objected')
}

function idOf(asked: unknown): string | undefined {
  const { envelope, session, peer } = asked as {
    readonly envelope?: { readonly id: string }
    readonly session?: Peer
    readonly peer?: Peer
  }
  return envelope?.id ?? session?.id ?? peer?.id
}

function factsOf(asked: Asked[MomentName]): object {
  return {
    ...('session' in asked && { remote: asked.session.remote.address, helo: asked.session.helo }),
    ...('session' in asked && asked.session.account && { account: printable(asked.session.account.login) }),
    ...('peer' in asked && { remote: asked.peer.remote.address }),
    ...('envelope' in asked && { sender: formatAddress(asked.envelope.sender) }),
    ...('recipient' in asked && { recipient: formatAddress(asked.recipient.address) }),
  }
}
