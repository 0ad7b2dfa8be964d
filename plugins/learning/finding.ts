/** The finding `learned`: how likely the mail is spam, and the tokens that said so. */
import type { Finding, Message } from 'posthouse/api'
import { type Bounds, called, judge, loudest, pointsOf, probabilityOf, type Sources } from './judge.js'
import type { Tokens } from './tokens/sink.js'
import { namesOf } from './tokens/tokens.js'

/** Named on each side. */
const NAMED = 5
const SIDES = { spam: 'for spam', ham: 'against' } as const

export async function findingOf(
  message: Message,
  tokens: Tokens,
  sources: Sources,
  bounds: Bounds,
): Promise<Finding | undefined> {
  const judged = judge(tokens, sources)
  const points = pointsOf(judged, bounds)
  if (points === 0) return undefined
  const speaking = loudest(tokens, sources, judged.model, NAMED)
  const names = namesOf(message, await message.text(), new Set(speaking.map(({ token }) => token)))
  const said = (side: keyof typeof SIDES) =>
    speaking
      .filter(({ weight }) => weight > 0 === (side === 'spam'))
      .flatMap(({ token }) => names.get(token) ?? [])
      .map(called)
  const evidence = (['spam', 'ham'] as const).flatMap(side => said(side).map(name => `${SIDES[side]}: ${name}`))
  const words = (['spam', 'ham'] as const)
    .map(side => ({ side, names: said(side).slice(0, 3) }))
    .filter(one => one.names.length > 0)
  const because = words.map(({ side, names: few }) => `${SIDES[side]} ${few.join(', ')}`).join('; ')
  const how = `${(100 * probabilityOf(judged.sum)).toFixed(1)} % spam by what was learned`
  return { name: 'learned', points, says: because === '' ? how : `${how}: ${because}`, evidence }
}
