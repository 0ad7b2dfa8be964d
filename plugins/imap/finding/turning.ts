/** Sorting that lets others have their turn. */
import { Turns } from '../turns.js'

const SORTED_AT_ONCE = 2000
const MERGED_AT_ONCE = 1000

/** Stable, as `sort` is. */
export async function sortInTurns<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const turns = new Turns()
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += SORTED_AT_ONCE) {
    runs.push(items.slice(at, at + SORTED_AT_ONCE).sort(compare))
    if (turns.due) await turns.give()
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2)
      merged.push(runs[i + 1] === undefined ? runs[i]! : await merge(runs[i]!, runs[i + 1]!, compare, turns))
    runs = merged
  }
  return runs[0] ?? []
}

async function merge<T>(
  left: readonly T[],
  right: readonly T[],
  compare: (a: T, b: T) => number,
  turns: Turns,
): Promise<T[]> {
  const merged: T[] = []
  let [l, r] = [0, 0]
  while (l < left.length && r < right.length) {
    merged.push(compare(left[l]!, right[r]!) <= 0 ? left[l++]! : right[r++]!)
    if (merged.length % MERGED_AT_ONCE === 0 && turns.due) await turns.give()
  }
  for (; l < left.length; l++) merged.push(left[l]!)
  for (; r < right.length; r++) merged.push(right[r]!)
  return merged
}
