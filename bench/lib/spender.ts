/**
 * Spends budgets of an LMDB state of its own, N at a time: as plugins do, answered before the flush; or, as the reference, the barest
 * read-modify-write of one value, answered when it is on disk. A process of its own (see part.ts).
 */
import { spendFrom } from 'posthouse/text'
import { openEnvironment } from '../../plugins/store-lmdb/environments.js'
import { createLmdbState } from '../../plugins/store-lmdb/state.js'
import type { Load } from './figures.js'
import { servePart } from './part.js'

export interface SpenderOrder {
  readonly path: string
  readonly flushed: boolean
  /** So many budgets are spent in turn. */
  readonly keys: number
  readonly limit: number
  readonly sessions: number
  readonly seconds: number
}

export interface SpenderQuestions {
  readonly ask: SpenderOrder
  readonly answer: Load
}

type Spend = (key: string, now: number) => Promise<unknown>

const MAP_BYTES = 256 * 1024 ** 2
const WINDOW_MS = 3_600_000
const MOST = 5_000_000
let spending: Spend | undefined

function openLagging({ path, limit }: SpenderOrder): Spend {
  const state = createLmdbState({ path, mapBytes: MAP_BYTES })
  return (key, now) => state.spend(key, 1, { limit, windowMs: WINDOW_MS }, now)
}

function openFlushed({ path, limit }: SpenderOrder): Spend {
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'bench', version: 1 })
  const values = env.database<string, string>('values')
  return (key, now) =>
    env.write(() => {
      const { keep } = spendFrom(values.get(key), 1, { limit, windowMs: WINDOW_MS }, now)
      if (keep !== undefined) values.put(key, keep.value)
    })
}

async function run(order: SpenderOrder): Promise<Load> {
  spending ??= order.flushed ? openFlushed(order) : openLagging(order)
  const spend = spending
  const latencies = new Float64Array(MOST)
  let count = 0
  const startMs = performance.now()
  const endMs = startMs + order.seconds * 1000
  const turns = async (): Promise<void> => {
    for (let beganMs = performance.now(); beganMs < endMs && count < MOST; ) {
      const at = count++
      await spend(`limits/rule/${at % order.keys}`, Date.now())
      const doneMs = performance.now()
      latencies[at] = doneMs - beganMs
      beganMs = doneMs
      // What is refused is answered without leaving the turn: timers and signals shall have theirs.
      if (at % 256 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: order.sessions }, turns))
  const elapsedMs = performance.now() - startMs
  return { messages: count, bytes: 0, elapsedMs, latencies: latencies.slice(0, count), errors: [] }
}

servePart<SpenderQuestions>(run)
