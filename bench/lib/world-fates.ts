/** What the world of `relay-out world` answers: it follows from the number of a message and from how often it came. Pure. */
export type Fate = 'taken' | 'greylisted' | 'busy' | 'cut' | 'refused'

/** Of a hundred messages: what the first attempt meets. Second attempts are taken, or refused as the first would have been. */
export function fateOf(number: number): Fate {
  // Numbers come in a row: a multiplication by a prime spreads the fates.
  const place = (number * 37) % 100
  if (place < 80) return 'taken'
  if (place < 90) return 'greylisted'
  if (place < 94) return 'busy'
  return place < 95 ? 'cut' : 'refused'
}

export function replyOf(fate: Fate, tries: number): string | undefined {
  if (fate === 'refused') return '550 5.1.1 there is nobody of that name\r\n'
  if (fate === 'taken' || tries > 1) return '250 2.0.0 kept nowhere\r\n'
  if (fate === 'greylisted') return '451 4.7.1 greylisted, please try again in a moment\r\n'
  return fate === 'busy' ? '452 4.3.1 too busy, try again later\r\n' : undefined
}
