/** Ageing: what is too old, or too much of one account or of all, is taken back as if it had never been taught. */
import type { Clock } from 'posthouse/api'
import type { Terms } from './config.js'
import { type By, prefixOf, SITE, teacherOf } from './entry.js'
import type { Journal } from './journal.js'

/** At once: a write each, and a pause for others. */
const PIECE = 100

/** Who shares room with it, and how much. Strangers choose what comes, so what is learned of that by itself never drives out what people said. */
function roomOf(teacher: string, by: By, terms: Terms): readonly [string, number] {
  if (by === 'auto') return ['by itself', Math.floor(terms.remember / 2)]
  return [teacher, teacher === prefixOf(SITE) ? terms.remember : terms.rememberOfAccount]
}

/** How many entries went. */
export async function sweep(journal: Journal, clock: Clock, terms: Terms): Promise<number> {
  await journal.ready()
  const oldest = clock.now() - terms.forgetAfterMs
  const held = new Map<string, number>()
  let all = 0
  const leaving = journal.newest(Number.POSITIVE_INFINITY).filter(key => {
    const teacher = teacherOf(key)
    const { at, by } = journal.standing(key)!
    const [whose, most] = roomOf(teacher, by, terms)
    const count = held.get(whose) ?? 0
    if (all >= terms.remember || count >= most || at < oldest) return true
    held.set(whose, count + 1)
    all++
    return false
  })
  for (let at = 0; at < leaving.length; at += PIECE) {
    const taken = await journal.take(leaving.slice(at, at + PIECE))
    for (const [key, entry] of taken) journal.stage(key, { ...entry, own: 0, shared: 0, goneAt: clock.now() })
    await journal.giveWay(taken)
    await journal.flush()
  }
  return leaving.length
}
