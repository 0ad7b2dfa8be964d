/**
 * Which schedule a recipient has: by its destination (the first rule that fits) and by who sent the mail. Pure.
 * What a rule does not say is as for everything else; within a rule, and without one, what is said of the sender's class goes first.
 */
import type { Address, NewMessage, QueueRow, SenderClass } from '../api/index.js'
import { domainKey } from '../text/index.js'
import type { Timing } from './schedule.js'
import type { Rates } from './traffic/rates.js'

/** Where a recipient's mail goes. */
export type Place = Pick<QueueRow, 'target' | 'lane'>

/** How long, and when the sender hears of a delay. */
export interface Patience {
  readonly expireMs?: number
  readonly expireForMs?: Readonly<Partial<Record<SenderClass, number>>>
  readonly warnAfterMs?: readonly number[]
  readonly warnAfterForMs?: Readonly<Partial<Record<SenderClass, readonly number[]>>>
}

export interface LaneRule extends Patience {
  /** Lanes: `example.com`, `*.example` (everything below it), `*`. Lower case, in A-labels. */
  readonly match: readonly string[]
  /** Only lanes of this target. */
  readonly target?: string
  readonly retryMs?: readonly number[]
  /** Attempts at a time in each of its lanes, per worker. */
  readonly perLane?: number
  /** However badly it goes, so many. */
  readonly leastPerLane?: number
  /** Over all workers. */
  readonly rates?: Rates
}

export interface Rules extends Omit<Timing, 'warnAfterMs'>, Patience {
  readonly warnAfterMs: readonly number[]
  readonly lanes?: readonly LaneRule[]
}

/** The first that fits, as with plugins.yaml: what is special stands above what is general. */
export function ruleFor(lanes: readonly LaneRule[] = [], { target, lane }: Place): LaneRule | undefined {
  if (lanes.length === 0) return undefined
  const name = domainKey(lane)
  return lanes.find(
    rule => (rule.target === undefined || rule.target === target) && rule.match.some(pattern => fits(pattern, name)),
  )
}

function fits(pattern: string, lane: string): boolean {
  if (pattern === '*') return true
  return pattern.startsWith('*.') ? lane.endsWith(pattern.slice(1)) : lane === pattern
}

export function timingOf(rules: Rules, from: SenderClass, place: Place): Timing {
  const rule = ruleFor(rules.lanes, place)
  return {
    retryMs: rule?.retryMs ?? rules.retryMs,
    warnAfterMs: from === 'bounces' ? [] : warnings(rules, from, rule),
    ...(rules.jitter === undefined ? {} : { jitter: rules.jitter }),
  }
}

/** Nobody is told of the delay of what nobody has sent. */
function warnings(rules: Rules, from: SenderClass, rule: LaneRule | undefined): readonly number[] {
  return rule?.warnAfterForMs?.[from] ?? rule?.warnAfterMs ?? rules.warnAfterForMs?.[from] ?? rules.warnAfterMs
}

/** How long a recipient may wait in the queue. */
export function lifeOf(
  rules: Pick<Rules, 'expireForMs' | 'lanes'> & { readonly expireMs: number },
  from: SenderClass,
  place: Place,
): number {
  const rule = ruleFor(rules.lanes, place)
  return rule?.expireForMs?.[from] ?? rule?.expireMs ?? rules.expireForMs?.[from] ?? rules.expireMs
}

/** `sender`: of the recipient's row, when the mail goes on under another name. */
export function senderClass(
  message: Pick<NewMessage, 'sender' | 'priority' | 'origin'>,
  sender: Address | null = message.sender,
): SenderClass {
  if (sender === null) return 'bounces'
  if ((message.priority ?? 0) < 0) return 'bulk'
  if (message.origin.login !== undefined) return 'authenticated'
  return message.origin.trusted === undefined ? 'others' : 'trusted'
}
