/**
 * Plays the model by hand: `npm run imap-model -- --minutes 60 [--seed N] [--workers] [--once]`. With `--workers` on a server with two of them.
 */
import { parseArgs } from 'node:util'
import { inMemory, onTwoHandles, onWorkers } from './places.js'
import { type Place, type Plan, playPlan, report, shrink } from './world.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    workers: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
  },
})
const server = values.workers ? await onWorkers() : undefined
const first = Number(values.seed ?? Date.now() % 1_000_000_000)
const until = Date.now() + Number(values.minutes) * 60_000
process.exitCode = await play(first)
await server?.stop()
process.exit()

async function play(seed: number): Promise<number> {
  let games = 0
  do {
    const failure = await game(seed + games)
    games += 1
    if (failure !== undefined) {
      process.stdout.write(`${failure}\n`)
      return 1
    }
    if (games % 20 === 0) process.stdout.write(`${games} games, last seed ${seed + games - 1}\n`)
  } while (Date.now() < until && !values.once)
  process.stdout.write(`${games} games without a difference\n`)
  return 0
}

/** What went wrong, in words. */
async function game(seed: number): Promise<string | undefined> {
  const together = seed % 6 >= 3
  const plan: Plan = { seed, players: 2 + (seed % 4), rounds: 4, steps: 25, together }
  const make: () => Promise<Place> = server?.make ?? (seed % 3 === 0 ? onTwoHandles : inMemory)
  const failure = await playPlan(make, plan)
  return failure && report(plan, together ? failure : await shrink(make, plan, failure))
}
