/** Plays the model by hand: `npm run imap-model -- --minutes 60 [--seed N] [--once]`. */
import { parseArgs } from 'node:util'
import { inMemory, onTwoHandles } from './places.js'
import { type Plan, playPlan, report, shrink } from './world.js'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, once: { type: 'boolean' } },
})
const until = Date.now() + Number(values.minutes) * 60_000
let seed = Number(values.seed ?? Date.now() % 1_000_000_000)
let games = 0
while (Date.now() < until || values.once) {
  const shape = seed % 6
  const plan: Plan = { seed, players: 2 + (seed % 4), rounds: 4, steps: 25, together: shape >= 3 }
  const make = shape % 3 === 0 ? onTwoHandles : inMemory
  const failure = await playPlan(make, plan)
  games += 1
  if (failure) {
    process.stdout.write(`${report(plan, plan.together ? failure : await shrink(make, plan, failure))}\n`)
    process.exit(1)
  }
  if (games % 20 === 0) process.stdout.write(`${games} games, last seed ${seed}\n`)
  if (values.once) break
  seed += 1
}
process.stdout.write(`${games} games without a difference\n`)
process.exit(0)
