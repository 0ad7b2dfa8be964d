/** What was delivered makes room for what comes: the file of the store does not grow with every mail that has passed. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { createLmdbStore, type LmdbStore } from '../../../plugins/store-lmdb/store.js'
import { acceptance, memory, message, pattern, row } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const BYTES = 150_000
const MESSAGES = 60

async function fill(store: LmdbStore, round: number): Promise<void> {
  const put = (at: number) => {
    const id = `r${round}-${at}`
    const rows = [row(0, { lane: `${at % 9}.test` }), row(1, { lane: `${at % 7}.test` })]
    return store.accept(acceptance(id, { message: message(id, { body: memory(pattern(BYTES)) }), rows }))
  }
  await Promise.all(Array.from({ length: MESSAGES }, (_, at) => put(at)))
}

async function drain(store: LmdbStore): Promise<void> {
  for (;;) {
    const jobs = await store.queue.claim({ now: Date.UTC(2031, 0, 1), leaseMs: 60_000, max: 20 })
    if (jobs.length === 0) return
    const settle = jobs.map(({ token, rows }) => {
      return store.queue.settle(
        token,
        rows.map(one => ({ kind: 'done', row: one.row })),
      )
    })
    await Promise.all(settle)
  }
}

test('filled and drained again and again, the file stays as large as the fullest queue needs', async t => {
  const path = freshPath()
  const store = createLmdbStore({ path, mapBytes: 1024 ** 2 })
  t.after(() => store.close())
  const sizes: number[] = []
  for (let round = 0; round < 6; round++) {
    await fill(store, round)
    sizes.push(statSync(path).size)
    await drain(store)
  }
  assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
  const { fileBytes, freePages, usedPages, pageBytes, databases } = store.stats()
  assert.equal(fileBytes, statSync(path).size)
  assert.ok(freePages > 10 * usedPages, `${freePages} free, ${usedPages} used`)
  assert.ok((freePages + usedPages) * pageBytes <= fileBytes)
  assert.equal(databases.find(({ name }) => name === 'messages')?.entries, 0)
  const [first, last] = [sizes[0]!, sizes.at(-1)!]
  assert.ok(first >= MESSAGES * BYTES)
  // Pages of the last commits are free only when nobody reads them any more: a second of such rounds may lie beside the first.
  assert.ok(last <= 2 * first, `${sizes.map(size => Math.round(size / 1024)).join(', ')} KB`)
  assert.ok(last - sizes[2]! < first / 4, `it still grows: ${sizes.map(size => Math.round(size / 1024)).join(', ')} KB`)
})
