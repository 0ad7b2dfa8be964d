/** The same order for the same seed: what is built or refined twice comes out the same. */
export function inSomeOrder<T>(items: readonly T[], seed: number): T[] {
  const list = [...items]
  let state = seed | 0
  for (let at = list.length - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    const other = (state >>> 8) % (at + 1)
    const item = list[at]!
    list[at] = list[other]!
    list[other] = item
  }
  return list
}
