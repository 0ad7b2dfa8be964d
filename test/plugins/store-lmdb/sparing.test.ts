/** Drafts where many are written at the same time: what they hold is counted, and what comes back is what was written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DraftPlace, type Measure, SMALL_CHUNK_BYTES, SparingDraft } from '../../../plugins/store-lmdb/drafts.js'
import { Turns } from '../../../plugins/store-lmdb/turns.js'
import { pattern } from '../../contracts/backend.js'

const PART_BYTES = 65_536

/** Keeps nothing before `commit`; knows what it has been given until then. */
class HeldPlace implements DraftPlace {
  readonly bodies = new Map<string, Buffer>()
  readonly #kept = new Map<string, Buffer[]>()
  #waiting: { readonly chunks: readonly Buffer[]; readonly settle: (error?: Error) => void }[] = []
  readonly dropped: string[] = []

  get underWay(): number {
    return this.#waiting.length
  }

  /** Memory of its own that what is under way lies in, each counted once. */
  get heldBytes(): number {
    const all = new Set(this.#waiting.flatMap(({ chunks }) => chunks.map(({ buffer }) => buffer)))
    return [...all].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  keepChunks(id: string, n: number, chunks: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        if (error !== undefined) {
          reject(error)
          return
        }
        const kept = this.#kept.get(id) ?? []
        assert.equal(kept.length, n)
        // Only now: whoever changes them before they are committed is found out.
        kept.push(...chunks.map(chunk => Buffer.from(chunk)))
        this.#kept.set(id, kept)
        resolve()
      }
      this.#waiting.push({ chunks, settle })
    })
  }

  async keepDraft(id: string, n: number, last: readonly Buffer[], { size, chunk }: Measure): Promise<void> {
    const all = [...(this.#kept.get(id) ?? []), ...last]
    assert.equal(all.length, n + last.length)
    assert.ok(all.slice(0, -1).every(({ length }) => length === chunk))
    const body = Buffer.concat(all)
    assert.equal(body.length, size)
    this.bodies.set(id, body)
  }

  async dropDraft(id: string): Promise<void> {
    this.dropped.push(id)
  }

  async commit(error?: Error): Promise<void> {
    for (const { settle } of this.#waiting.splice(0)) settle(error)
    await turns()
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate)
}

async function untilWritten(place: HeldPlace, writing: Promise<unknown>): Promise<void> {
  let over = false
  const end = writing.finally(() => {
    over = true
  })
  while (!over) await place.commit()
  await end
}

for (const step of [1000, SMALL_CHUNK_BYTES, SMALL_CHUNK_BYTES + 1, PART_BYTES, 300_000]) {
  test(`a draft written in parts of ${step} octets is what was written, though each part is used for something else afterwards`, async () => {
    const place = new HeldPlace()
    const draft = new SparingDraft(place, new Turns())
    const octets = pattern(400_001)
    const writing = async (): Promise<void> => {
      for (let at = 0; at < octets.length; at += step) {
        const part = Buffer.from(octets.subarray(at, at + step))
        await draft.write(part)
        part.fill(0)
      }
    }
    await untilWritten(place, writing())
    const body = await draft.finish()
    assert.ok(body.kind === 'stored' && body.size === octets.length)
    assert.ok(place.bodies.get(body.id)?.equals(octets))
  })
}

test('what is written lies in the part that was given and one small chunk; nothing else is copied', async () => {
  const place = new HeldPlace()
  const draft = new SparingDraft(place, new Turns())
  await draft.write(Buffer.alloc(100))
  const writing = draft.write(Buffer.allocUnsafeSlow(PART_BYTES))
  await turns()
  assert.equal(place.heldBytes, PART_BYTES + SMALL_CHUNK_BYTES)
  await place.commit()
  await writing
  await draft.abandon()
})

test('of a thousand drafts so many are written at a time as have a turn, and all of them come to their end', async () => {
  const place = new HeldPlace()
  const most = new Turns<object>(10)
  let largest = 0
  const octets = pattern(3 * PART_BYTES)
  const one = async (): Promise<void> => {
    const draft = new SparingDraft(place, most)
    for (let at = 0; at < octets.length; at += PART_BYTES) await draft.write(octets.subarray(at, at + PART_BYTES))
    await draft.finish()
  }
  let over = false
  const all = Promise.all(Array.from({ length: 1000 }, one)).then(() => {
    over = true
  })
  while (!over) {
    await turns()
    largest = Math.max(largest, place.underWay)
    await place.commit()
  }
  await all
  assert.equal(largest, 10)
  assert.equal(place.bodies.size, 1000)
  assert.ok([...place.bodies.values()].every(body => body.equals(octets)))
})

test('where one part could not be kept the draft comes to nothing, and others have their turn', async () => {
  const place = new HeldPlace()
  const most = new Turns<object>(1)
  const draft = new SparingDraft(place, most)
  const other = new SparingDraft(place, most)
  const failing = assert.rejects(draft.write(Buffer.alloc(PART_BYTES)), /full/)
  const writing = other.write(Buffer.alloc(PART_BYTES))
  await turns()
  await place.commit(new Error('full'))
  await failing
  await assert.rejects(draft.write(Buffer.alloc(1)), /full/)
  await assert.rejects(draft.finish(), /full/)
  await place.commit()
  await writing
  await draft.abandon()
  assert.equal(place.dropped.length, 1)
})

for (const [when, parts] of [
  ['its part is written', 1],
  ['the first of several parts is written', 5],
] as const)
  test(`a draft that is given up while ${when} takes no further turn, and holds nothing`, async () => {
    const place = new HeldPlace()
    const most = new Turns<object>(1)
    const draft = new SparingDraft(place, most)
    const writing = draft.write(Buffer.alloc(parts * PART_BYTES)).catch(() => undefined)
    await turns()
    const abandoning = draft.abandon()
    while (place.underWay > 0) await place.commit()
    await Promise.all([writing, abandoning])
    assert.equal(place.dropped.length, 1)
    let isNext = false
    void most.come({}).then(() => {
      isNext = true
    })
    await turns()
    assert.ok(isNext)
  })

test('a draft that is given up while it waits for its turn is not written any more', async () => {
  const place = new HeldPlace()
  const most = new Turns<object>(1)
  const first = new SparingDraft(place, most)
  const second = new SparingDraft(place, most)
  const writing = first.write(Buffer.alloc(PART_BYTES))
  const refused = assert.rejects(second.write(Buffer.alloc(PART_BYTES)))
  await turns()
  await second.abandon()
  await refused
  assert.deepEqual([place.underWay, place.dropped], [1, []])
  await place.commit()
  await writing
})
