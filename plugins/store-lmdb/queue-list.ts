/**
 * Lists what an admin asks for, a step at a time, so that a long queue is walked without holding anybody up. A message named by its id or
 * a lane named in full is found by its index; anything else looks at every row.
 */
import {
  type QueueCondition,
  type QueuedMessage,
  type QueueField,
  type QueueFilter,
  selects,
  sortedBy,
} from 'posthouse/api'
import type { Environment } from './environment.js'
import { type HeldKey, heldKey } from './held.js'
import { isQueueId, laneKey } from './keys.js'
import type { QueueRows } from './rows.js'

const LIST_STEP = 200
/** Sorted lists are kept in memory while they are made. */
const MOST_SORTED = 100_000

export async function* listed(
  env: Environment,
  rows: QueueRows,
  filter: QueueFilter,
  now: number,
): AsyncIterable<QueuedMessage> {
  const { where = [], sort, limit = Number.POSITIVE_INFINITY } = filter
  const found = chosen(env, rows, where, now)
  if (sort === undefined) {
    let left = limit
    if (left <= 0) return
    for await (const message of found) {
      yield message
      if (--left <= 0) return
    }
    return
  }
  const order = sortedBy(sort, now)
  const most = Math.min(limit, MOST_SORTED)
  let best: QueuedMessage[] = []
  for await (const message of found) {
    best.push(message)
    if (best.length >= 2 * most + LIST_STEP) best = best.sort(order).slice(0, most)
  }
  yield* best.sort(order).slice(0, most)
}

async function* chosen(
  env: Environment,
  rows: QueueRows,
  where: readonly QueueCondition[],
  now: number,
): AsyncIterable<QueuedMessage> {
  const equal = (name: QueueField) => where.find(({ field, is }) => field === name && is === '=')?.value
  const [target, lane] = [equal('target'), equal('lane')]
  if (equal('held') === true && equal('id') === undefined && target !== undefined && lane !== undefined) {
    yield* heldIn(env, rows, laneKey(String(target), String(lane)), where, now)
    return
  }
  for await (const ids of idsOf(env, rows, where)) {
    for (const id of ids) {
      const message = rows.view(id, now)
      const fitting = message?.rows.filter(row => selects(where, message, row, now)) ?? []
      if (message !== undefined && fitting.length > 0) yield { ...message, rows: fitting }
    }
  }
}

/** What is held in one lane, by the index: each message at the first of its rows there. */
async function* heldIn(
  env: Environment,
  rows: QueueRows,
  lane: string,
  where: readonly QueueCondition[],
  now: number,
): AsyncIterable<QueuedMessage> {
  let after: HeldKey | undefined
  for (;;) {
    env.refresh()
    const keys = rows.held.ofLane(lane, LIST_STEP, after)
    for (const key of keys) {
      const message = rows.view(key[3], now)
      if (message === undefined || !isFirst(message, key)) continue
      const fitting = message.rows.filter(row => selects(where, message, row, now))
      if (fitting.length > 0) yield { ...message, rows: fitting }
    }
    if (keys.length < LIST_STEP) return
    after = keys.at(-1)
    await new Promise(setImmediate)
  }
}

/** Whether this is the first key of the message in its lane. */
function isFirst({ id, rows }: QueuedMessage, key: HeldKey): boolean {
  return rows.every(row => {
    const { hold } = row
    if (hold === undefined || laneKey(row.target, row.lane) !== key[0]) return true
    const [, reason, due, , number] = heldKey(id, { ...row, hold })
    if (reason !== key[1]) return reason > key[1]
    return due !== key[2] ? due > key[2] : number >= key[4]
  })
}

async function* idsOf(
  env: Environment,
  rows: QueueRows,
  where: readonly QueueCondition[],
): AsyncIterable<readonly string[]> {
  const named = where.find(({ field, is }) => field === 'id' && is === '=')
  if (named !== undefined) {
    env.refresh()
    const id = String(named.value)
    yield isQueueId(id) ? [id] : []
    return
  }
  let after: string | undefined
  for (;;) {
    env.refresh()
    const ids = rows.ids(after, LIST_STEP)
    yield ids
    if (ids.length < LIST_STEP) return
    after = ids.at(-1)
    await new Promise(setImmediate)
  }
}
