/** The finding `learned`: how likely the mail is spam, and the tokens that said so. */
import type { Finding } from 'posthouse/api'
import { type Bounds, called, type Judgement, loudest, pointsOf, probabilityOf, type Sources } from './judge.js'
import type { Found } from './tokens/tokens.js'

/** Named on each side: the loudest in the sentence, the others as evidence beside it. */
const NAMED = 5
const TOLD = 3
const SIDES = { spam: 'for spam', ham: 'against' } as const

export function findingOf(found: Found, sources: Sources, judged: Judgement, bounds: Bounds): Finding | undefined {
  const points = pointsOf(judged, bounds)
  if (points === 0) return undefined
  const speaking = loudest(found.tokens, sources, judged, NAMED)
  const order = points > 0 ? (['spam', 'ham'] as const) : (['ham', 'spam'] as const)
  const sides = order.map(side => ({
    side: SIDES[side],
    names: speaking[side].flatMap(({ at, token }) => found.nameOf(at, token) ?? []).map(called),
  }))
  const evidence = sides.flatMap(({ side, names }) => names.slice(TOLD).map(name => `${side}: ${name}`))
  const because = sides.flatMap(({ side, names }) =>
    names.length === 0 ? [] : `${side} ${names.slice(0, TOLD).join(', ')}`,
  )
  const how = `${(100 * probabilityOf(judged.sum)).toFixed(1)} % spam by what was learned`
  return { name: 'learned', points, says: because.length === 0 ? how : `${how}: ${because.join('; ')}`, evidence }
}
