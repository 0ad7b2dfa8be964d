/** What mail that is filed out of the queue leads to: new recipients of it and answers, for the step that settles it. */
import type { Claimed, Store } from '../api/index.js'
import type { AskScope } from '../pipeline/intake-types.js'
import {
  type Answered,
  heldOnward,
  type OnwardRow,
  onwardRows,
  owedAnswers,
  plannedAnswers,
} from '../pipeline/onward.js'
import type { AttemptParts } from './attempt.js'
import type { Fate } from './judgement.js'
import { lifeOf, senderClass } from './lane-rules.js'

/** Where no time is set, as in tests. */
const EXPIRE_MS = 5 * 86_400_000
const NOTHING = { rows: [], follow: [], sent: new Set<string>() } as const
/** For routing answers. */
const PLAN_MS = 60_000

type Parts = Pick<AttemptParts, 'targets' | 'schedule' | 'notices'> & {
  readonly store: { readonly queue: Pick<Store['queue'], 'holdRules'> }
}

/** Throws when it cannot go on now: nothing is settled then, and it is tried again. */
export async function onwardOf(
  { targets, schedule, notices, store }: Parts,
  message: Claimed['message'],
  fates: readonly Fate[],
  now: number,
  scope: AskScope,
): Promise<Answered & { readonly rows: readonly OnwardRow[] }> {
  const filed = fates.filter(fate => fate.kind === 'filed')
  const answers = filed.flatMap(({ row, outcome }) => owedAnswers(outcome, row))
  if (answers.length === 0 && filed.every(({ outcome }) => outcome.forwards === undefined)) return NOTHING
  const rules = { ...schedule, expireMs: schedule.expireMs ?? EXPIRE_MS }
  const lifeMs = (row: Pick<OnwardRow, 'target' | 'lane' | 'sender'>) =>
    lifeOf(rules, senderClass(message, row.sender), row)
  const rows = filed.flatMap(({ row, outcome }) => onwardRows(message, row, outcome, { targets, lifeMs, now }))
  const holds = rows.length === 0 ? [] : await store.queue.holdRules()
  // Not the attempt's signal: what was filed is settled with what it leads to even while the server stops.
  const planning = { ...scope, signal: AbortSignal.timeout(PLAN_MS) }
  const answered = await plannedAnswers(notices.plan, answers, now, planning)
  return { ...answered, rows: heldOnward(holds, message, message.bodySize, rows, now) }
}
