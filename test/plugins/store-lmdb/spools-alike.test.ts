/** Many messages at once, in pieces of any size, given up at any moment: those that are accepted are what was sent, and nothing is left of the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Spool, SpoolRoom } from '../../../core/storage/spool.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, message, pattern, row } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

/** Reproducible: a linear congruence of Knuth's. */
function dice(seed: number): (sides: number) => number {
  let state = BigInt(seed)
  return sides => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n
    return Number((state >> 33n) % BigInt(sides))
  }
}

const MESSAGES = 120
const PIECES = [700, 16_320, 16_321, 65_535, 65_536, 262_144, 300_000]

type Dice = ReturnType<typeof dice>

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise(setImmediate)
}

/** Whether it came to its end: some are given up, also in the middle of a write, at once or some turns later. */
async function sent(spool: Spool, octets: Buffer, roll: Dice): Promise<boolean> {
  const size = PIECES[roll(PIECES.length)]!
  const leavesAt = roll(3) === 0 ? roll(octets.length) : octets.length
  for (let at = 0; at < octets.length; ) {
    const piece = Buffer.from(octets.subarray(at, at + Math.max(500, 1 + roll(size))))
    const written = spool.write(piece)
    at += piece.length
    if (at > leavesAt) {
      await turns(roll(6))
      await Promise.allSettled([written, spool.abandon()])
      return false
    }
    await written
    await turns(roll(2))
  }
  return true
}

for (const seed of [1, 2, 3, 4])
  test(`messages at once are what was sent, and nothing is left of those that were given up, seed ${seed}`, async t => {
    const roll = dice(seed)
    const store = createLmdbStore({ path: freshPath(), mapBytes: 1024 ** 2 })
    t.after(() => store.close())
    const room = new SpoolRoom()
    const kept = new Map<string, Buffer>()
    const one = async (n: number): Promise<void> => {
      const spool = new Spool(store.blobs, { room, maxHeaderBytes: 40_000 })
      const octets = pattern(roll(8) === 0 ? 65_536 * (1 + roll(8)) : 4 + roll(600_000))
      octets.writeUInt32BE(n)
      if (!(await sent(spool, octets, roll))) return
      const { body, message: read } = await spool.finish()
      assert.ok((await read.read(0, octets.length)).equals(octets))
      if (roll(5) === 0) return spool.abandon()
      const id = `m${n}`
      kept.set(id, octets)
      await store.accept(acceptance(id, { message: message(id, { body }), rows: [row(0, { lane: `${n}.test` })] }))
    }
    await Promise.all(Array.from({ length: MESSAGES }, (_, n) => one(n)))
    const entriesOf = (name: string) => store.stats().databases.find(one => one.name === name)?.entries
    assert.deepEqual([entriesOf('drafts'), entriesOf('bodies')], [0, kept.size])
    const jobs = await store.queue.claim({ now: Date.UTC(2031, 0, 1), leaseMs: 60_000, max: MESSAGES })
    assert.equal(jobs.length, kept.size)
    for (const { message: job, token } of jobs) {
      assert.ok((await store.blobs.read(job.bodyId)).equals(kept.get(job.id)!))
      await store.queue.settle(token, [{ kind: 'done', row: 0 }])
    }
    assert.deepEqual([entriesOf('bodies'), entriesOf('chunks')], [0, 0])
    assert.equal(room.narrow, false)
  })
