/**
 * The question, at RCPT or when a message is suspicious: is this the first time somebody comes with this sender for this recipient? Then they
 * are asked to come again, which mail servers do and most spam programs do not (RFC 6647). No write for those who may pass.
 */
import { type Asked, type Defer, defer, type GreylistAnswer, type State } from 'posthouse/api'
import { formatAddress, formatDuration, networkAround } from 'posthouse/text'
import { attemptKey, poolOf } from './keys.js'
import { isProven, standingOf, type Terms } from './standing.js'

export interface AskParts extends Terms {
  readonly state: State
  /** From when on a second try counts. */
  readonly delayMs: number
  /** Until when. */
  readonly windowMs: number
  readonly count: (name: 'deferred' | 'waited' | 'proven') => void
}

export async function greylisted(
  { session, envelope, recipient }: Asked['rcpt'],
  parts: AskParts,
  now: number,
): Promise<GreylistAnswer> {
  const { state, count } = parts
  const network = networkAround(session.remote.address)
  if (network === undefined) return { kind: 'pass', why: 'spared' }
  if (isProven(await standingOf(state, network, now), parts)) return pass('proven')
  const byNetwork = attemptKey(network, envelope.sender, recipient.address)
  const known = await state.get(byNetwork, now)
  if (known !== undefined) return judge(Number(known))
  // The name service is asked only when the network alone does not help.
  const reverse = await session.reverse()
  const pool = reverse.kind === 'confirmed' ? poolOf(reverse.name) : undefined
  const byPool = pool === undefined ? undefined : attemptKey(pool, envelope.sender, recipient.address)
  const elsewhere = byPool === undefined ? undefined : await state.get(byPool, now)
  // RFC 6647 §5, 2: a try after the end of the window is a new first one; by then the state has forgotten the old one.
  if (elsewhere === undefined) {
    const expires = now + parts.windowMs
    await state.put(byNetwork, String(now), expires)
    if (byPool !== undefined) await state.put(byPool, String(now), expires)
  }
  return judge(Number(elsewhere ?? now))

  function pass(why: 'waited' | 'proven'): GreylistAnswer {
    count(why)
    return { kind: 'pass', why }
  }

  function judge(first: number): GreylistAnswer {
    const left = first + parts.delayMs - now
    if (left <= 0) return pass('waited')
    count('deferred')
    return { kind: 'wait', defer: comeAgain(first, left) }
  }

  function comeAgain(first: number, left: number): Defer {
    // RFC 6647 §5 leaves the code open; 451 is what senders know from other greylists.
    return defer(`Greylisted, please come again in ${inWords(left)}`, {
      code: 451,
      status: '4.7.1',
      because: {
        rule: first === now ? 'first-try' : 'too-early',
        evidence: `${network} with <${formatAddress(envelope.sender)}> for <${formatAddress(recipient.address)}>, first seen ${inWords(now - first)} ago`,
        exception: `posthouse greylist allow ${network}`,
      },
    })
  }
}

/** Whole seconds, rounded up: who waits that long is not too early. */
function inWords(ms: number): string {
  return formatDuration(Math.ceil(ms / 1000) * 1000)
}
