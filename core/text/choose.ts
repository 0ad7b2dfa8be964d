/**
 * Which of many links or addresses are looked at, when there are more than we look at. Whoever fills a mail with harmless ones must not hide his own
 * behind them: places are spread over organisations, and which ones get a place cannot be known before. Pure.
 */

/** Something with what it belongs to. */
interface Choosable {
  readonly group: string
}

/**
 * At most `most`, the first of each group before the second of any. Where there are more groups than places, half of the places go to those
 * that appear least (what was added to a copied mail), a quarter to those that appear most (what everything leads to), the rest by lot, which also decides
 * between those that appear equally often.
 * An item that appears often is given that often. `lot` is something nobody outside knows.
 */
export function chooseFairly<T extends Choosable>(
  items: readonly T[],
  same: (item: T) => string,
  most: number,
  lot: string,
): readonly T[] {
  const groups = groupsOf(items, same)
  const chosen = groups.size <= most ? inOrder([...groups.values()]) : spread(groups, most, lot)
  const out: T[] = []
  for (let round = 0; out.length < most && chosen.some(held => held.length > round); round++)
    for (const held of chosen) if (held.length > round && out.length < most) out.push(held[round]!)
  return out
}

interface Group<T> {
  readonly items: T[]
  count: number
}

function groupsOf<T extends Choosable>(items: readonly T[], same: (item: T) => string): ReadonlyMap<string, Group<T>> {
  const groups = new Map<string, Group<T>>()
  const known = new Set<string>()
  for (const item of items) {
    const group = groups.get(item.group) ?? { items: [], count: 0 }
    if (group.count++ === 0) groups.set(item.group, group)
    const key = same(item)
    if (known.has(key)) continue
    known.add(key)
    group.items.push(item)
  }
  return groups
}

/** The rarest first. */
function inOrder<T>(groups: readonly Group<T>[]): readonly (readonly T[])[] {
  return groups.toSorted((a, b) => a.count - b.count).map(({ items }) => items)
}

function spread<T>(groups: ReadonlyMap<string, Group<T>>, most: number, lot: string): readonly (readonly T[])[] {
  const few = Math.ceil(most / 2)
  const many = Math.floor(most / 4)
  const draws = new Map([...groups].map(([name, { items }]) => [items as readonly T[], drawOf(`${lot} ${name}`)]))
  const byLot = (a: readonly T[], b: readonly T[]) => draws.get(a)! - draws.get(b)!
  const rarest = inOrder([...groups.values()].sort((a, b) => byLot(a.items, b.items)))
  const drawn = rarest.slice(few, rarest.length - many).toSorted(byLot)
  return [
    ...rarest.slice(0, few),
    ...rarest.slice(rarest.length - many).toReversed(),
    ...drawn.slice(0, most - few - many),
  ]
}

/** FNV-1a: a number that looks like no order. */
export function drawOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
