/** Both ends of what is too long to be looked at as a whole: what somebody puts in front must not hide what stands behind it. */

/** Three quarters from the beginning, the rest from the end, apart. */
export function bothEnds(text: string, most: number): string {
  if (text.length <= most) return text
  const tail = Math.floor(most / 4)
  return `${text.slice(0, most - tail)} ${text.slice(text.length - tail)}`
}

export function bothEndsOf<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items
  const tail = Math.floor(most / 4)
  return [...items.slice(0, most - tail), ...items.slice(items.length - tail)]
}
