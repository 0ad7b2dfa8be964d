/** What people see of the queue: chosen rows in order, and its shape. Pure. */
import {
  type LaneShape,
  type QueuedMessage,
  type QueueFilter,
  type QueueShape,
  type ShapeWish,
  selects,
  sortedBy,
} from 'posthouse/api'

/** Messages with rows that fit, and of each those rows only. */
export function inOrder(
  messages: readonly QueuedMessage[],
  { where = [], sort }: QueueFilter,
  now: number,
): readonly QueuedMessage[] {
  const chosen = messages
    .map(message => ({ ...message, rows: message.rows.filter(row => selects(where, message, row, now)) }))
    .filter(({ rows }) => rows.length > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  return sort === undefined ? chosen : chosen.sort(sortedBy(sort, now))
}

export function shapeOf(messages: readonly QueuedMessage[], { now, edges, most }: ShapeWish): QueueShape {
  const lanes = new Map<string, { -readonly [K in keyof LaneShape]: LaneShape[K] } & { ages: number[] }>()
  const ages = new Array<number>(edges.length + 1).fill(0)
  for (const { received, rows } of messages) {
    const group = groupOf(now - received, edges)
    for (const { target, lane, hold } of rows) {
      const key = `${target}/${lane}`
      const none = { target, lane, rows: 0, held: 0, oldest: received, ages: ages.map(() => 0) }
      const shape = lanes.get(key) ?? none
      shape.rows += 1
      if (hold !== undefined) shape.held += 1
      shape.oldest = Math.min(shape.oldest, received)
      shape.ages[group]! += 1
      ages[group]! += 1
      lanes.set(key, shape)
    }
  }
  const fullest = [...lanes].sort(([a, one], [b, other]) => other.rows - one.rows || (a < b ? -1 : 1))
  return { lanes: fullest.slice(0, most).map(([, shape]) => shape), count: lanes.size, ages }
}

function groupOf(age: number, edges: readonly number[]): number {
  const group = edges.findIndex(edge => age < edge)
  return group < 0 ? edges.length : group
}
