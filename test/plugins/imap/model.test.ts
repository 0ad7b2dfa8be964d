/**
 * Clients that make their picture of a mailbox from what they are told, on one server and on two that hear of each other only by looking, do random
 * things, lose their connections and come back; in the end each holds what is there. For longer games: `npm run imap-model -- --minutes 60`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inMemory, onTwoHandles } from './model/places.js'
import { type Plan, playPlan, report, shrink } from './model/world.js'

const GAMES = [
  [1, inMemory, false],
  [2, inMemory, false],
  [3, inMemory, true],
  [4, inMemory, true],
  [5, onTwoHandles, false],
  [6, onTwoHandles, true],
] as const

for (const [seed, make, together] of GAMES) {
  const how = `${together ? 'all at once' : 'one after the other'}${make === onTwoHandles ? ', on two handles of one store' : ''}`
  test(`what clients believe is what is there, ${how} (seed ${seed})`, async () => {
    const plan: Plan = { seed, players: 2 + (seed % 3), rounds: 4, steps: 25, together }
    const failure = await playPlan(make, plan)
    if (failure) assert.fail(report(plan, together ? failure : await shrink(make, plan, failure, 40)))
  })
}
