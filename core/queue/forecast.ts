/**
 * What the schedules come to: the attempts, warnings and the end of mail that nobody takes, as long as nothing changes. Pure; it asks the very
 * functions that the runner asks, with the chance left out.
 */
import type { SenderClass } from '../api/index.js'
import type { Forecast } from '../config/forecast.js'
import { type LaneRule, lifeOf, type Place, type Rules, ruleFor, timingOf } from './lane-rules.js'
import { isTimeToWarn, nextTry } from './schedule.js'

type Queue = Rules & { readonly expireMs: number; readonly greylisted: { readonly retryMs: readonly number[] } }
type Course = Omit<Forecast, 'match' | 'target' | 'senders'>

const CLASSES: readonly SenderClass[] = ['others', 'trusted', 'authenticated', 'bulk', 'bounces']
/** A ladder of seconds with a life of months is told by its beginning. */
const MAX_ATTEMPTS = 10_000
const MIDDLE = 0.5

export const forecasts = {
  all: (queue: Queue, from: number): readonly Forecast[] => [
    ...(queue.lanes ?? []).flatMap(rule =>
      told({ ...queue, lanes: [{ ...rule, match: ['*'] }] }, placeOf(rule), from, rule),
    ),
    ...told({ ...queue, lanes: [] }, { target: '', lane: '' }, from),
  ],
  of: (queue: Queue, place: Place, from: number): readonly Forecast[] =>
    told(queue, place, from, ruleFor(queue.lanes, place)),
}

function placeOf(rule: LaneRule): Place {
  return { target: rule.target ?? '', lane: '' }
}

/** Senders with the same course stand together. */
function told(queue: Queue, place: Place, from: number, rule?: LaneRule): readonly Forecast[] {
  const groups = new Map<string, { course: Course; senders: SenderClass[] }>()
  for (const sender of CLASSES) {
    const course = courseOf(queue, sender, place, from)
    const key = JSON.stringify(course)
    const group = groups.get(key) ?? { course, senders: [] }
    group.senders.push(sender)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ course, senders }) => ({
    ...(rule === undefined ? {} : { match: rule.match }),
    ...(rule?.target === undefined ? {} : { target: rule.target }),
    senders,
    ...course,
  }))
}

function courseOf(queue: Queue, sender: SenderClass, place: Place, from: number): Course {
  const timing = timingOf(queue, sender, place)
  const expires = from + lifeOf(queue, sender, place)
  const attempts = [from]
  const warnings: number[] = []
  for (let now = from, before: number | undefined; attempts.length < MAX_ATTEMPTS; ) {
    const tries = attempts.length - 1
    const next = nextTry({ tries, now, since: from, expires, timing, random: MIDDLE })
    if (next === undefined) break
    if (isTimeToWarn(from, before, now, timing.warnAfterMs)) warnings.push(now)
    attempts.push(next)
    before = now
    now = next
  }
  const { greylisted } = queue
  const quick: number[] = []
  for (const wait of greylisted.retryMs) quick.push((quick.at(-1) ?? from) + wait)
  return { attempts, warnings, givenUp: attempts.at(-1)!, expires, greylisted: quick.filter(at => at <= expires) }
}
