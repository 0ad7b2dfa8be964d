/** The contract of bodies: octets come back as they went in, and live as long as something refers to them. */
import assert from 'node:assert/strict'
import type { NewBody, Store } from '../../core/api/index.js'
import {
  acceptance,
  type Bench,
  claim,
  coded,
  contract,
  filing,
  memory,
  message,
  only,
  openByName,
  pattern,
  row,
  type StoreBackend,
} from './backend.js'

const SIZES = [0, 1, 65_536, 65_537, 262_144, 262_145, 700_000] as const

export function blobsContract(backend: StoreBackend): void {
  for (const size of SIZES) {
    contract(backend, `a draft of ${size} octets comes back unchanged once it is filed`, async ({ store }) => {
      const bytes = pattern(size)
      const body = await drafted(store, bytes, 10_000)
      await store.accept(acceptance('q1', { message: message('q1', { body }), filings: [filing('ann')] }))
      const inbox = await openByName(store, 'ann')
      const entry = await only(inbox)
      assert.equal(entry.size, size)
      assert.ok((await inbox.read(entry)).equals(bytes))
      assert.ok((await store.blobs.read(entry.bodyId)).equals(bytes))
    })
  }

  contract(
    backend,
    'a draft up to 64 KB stays in memory, a larger one can be read before anybody accepts it',
    async ({ store }) => {
      assert.equal((await drafted(store, pattern(65_536))).kind, 'memory')
      const body = await drafted(store, pattern(300_000))
      assert.ok(body.kind === 'stored' && body.size === 300_000)
      assert.ok((await store.blobs.read(body.id, 299_990)).equals(pattern(300_000).subarray(299_990)))
    },
  )

  contract(backend, 'the chunk given to a draft may be reused once the write has resolved', async ({ store }) => {
    const draft = store.blobs.draft()
    const chunk = Buffer.from('first')
    await draft.write(chunk)
    chunk.write('wrong')
    const body = await draft.finish()
    assert.ok(body.kind === 'memory' && body.bytes.toString() === 'first')
  })

  contract(
    backend,
    'a hundred drafts at a time come back unchanged, from one buffer that is used again',
    async ({ store }) => {
      const drafts = Array.from({ length: 100 }, () => store.blobs.draft())
      const buffer = Buffer.alloc(90_000)
      const rounds = 4
      for (let round = 0; round < rounds; round++) {
        for (const [at, draft] of drafts.entries()) {
          buffer.fill(`${at}:${round} `)
          await draft.write(buffer)
        }
      }
      for (const [at, draft] of drafts.entries()) {
        const body = await draft.finish()
        assert.ok(body.kind === 'stored')
        const wanted = Array.from({ length: rounds }, (_, round) => Buffer.alloc(90_000, `${at}:${round} `))
        assert.ok((await store.blobs.read(body.id)).equals(Buffer.concat(wanted)), `draft ${at}`)
        assert.ok(
          (await store.blobs.read(body.id, 65_530, 65_542)).equals(Buffer.concat(wanted).subarray(65_530, 65_542)),
        )
      }
    },
  )

  contract(
    backend,
    'a range of a body is read from either end, over chunk borders, and clamped to what is there',
    async ({ store }) => {
      const bytes = pattern(600_000)
      const body = await drafted(store, bytes)
      assert.ok(body.kind === 'stored')
      for (const [from, to] of [
        [0, 10],
        [262_140, 262_150],
        [100, 524_300],
        [599_999, 900_000],
        [600_000, 600_001],
        [5, 5],
        [9, 3],
      ] as const) {
        assert.ok(
          (await store.blobs.read(body.id, from, to)).equals(bytes.subarray(from, Math.max(from, to))),
          `${from}-${to}`,
        )
      }
    },
  )

  contract(backend, 'a memory body of any size can be accepted', async ({ store }) => {
    const bytes = pattern(900_000)
    await store.accept(acceptance('q1', { message: message('q1', { body: memory(bytes) }), filings: [filing('ann')] }))
    const inbox = await openByName(store, 'ann')
    assert.ok((await inbox.read(await only(inbox), 200_000, 800_000)).equals(bytes.subarray(200_000, 800_000)))
  })

  contract(backend, 'an abandoned draft is gone, whether finished or not', async ({ store }) => {
    const draft = store.blobs.draft()
    await draft.write(pattern(300_000))
    const body = await draft.finish()
    await draft.abandon()
    assert.ok(body.kind === 'stored')
    await assert.rejects(store.blobs.read(body.id), coded('message-gone'))
    const unfinished = store.blobs.draft()
    await unfinished.write(pattern(300_000))
    await unfinished.abandon()
  })

  contract(backend, 'abandoning a draft that has been accepted takes nothing away', async ({ store }) => {
    const draft = store.blobs.draft()
    await draft.write(pattern(300_000))
    const body = await draft.finish()
    await store.accept(acceptance('q1', { message: message('q1', { body }), filings: [filing('ann')] }))
    await draft.abandon()
    const inbox = await openByName(store, 'ann')
    assert.equal((await inbox.read(await only(inbox))).length, 300_000)
  })

  contract(backend, 'an unknown body is message-gone, for readers and for acceptances alike', async ({ store }) => {
    await assert.rejects(store.blobs.read('nothing'), coded('message-gone'))
    const body: NewBody = { kind: 'stored', id: 'nothing', size: 5 }
    await assert.rejects(
      store.accept(acceptance('q1', { message: message('q1', { body }), rows: [row(0)] })),
      coded('message-gone'),
    )
    assert.equal(await store.queue.get('q1'), undefined)
  })

  contract(backend, 'a stored draft that is accepted for nobody is dropped', async ({ store }) => {
    const body = await drafted(store, pattern(300_000))
    assert.ok(body.kind === 'stored')
    await store.accept(acceptance('q1', { message: message('q1', { body }) }))
    await assert.rejects(store.blobs.read(body.id), coded('message-gone'))
  })

  contract(backend, 'one body serves queue and mailboxes, and goes with the last that refers to it', async bench => {
    const { store } = bench
    const filings = [filing('ann'), filing('bob'), filing('bob', 'Work')]
    await store.accept(acceptance('q1', { rows: [row(0)], filings }))
    const { bodyId } = (await store.queue.get('q1'))!
    const boxes = [
      await openByName(store, 'ann'),
      await openByName(store, 'bob'),
      await openByName(store, 'bob', 'Work'),
    ]
    for (const box of boxes) assert.equal((await only(box)).bodyId, bodyId)
    await settleAll(bench)
    for (const box of boxes) {
      assert.ok((await store.blobs.read(bodyId)).length > 0)
      await box.expunge([1])
    }
    await assert.rejects(store.blobs.read(bodyId), coded('message-gone'))
  })

  contract(
    backend,
    'copies, moves, deleted mailboxes and removed accounts count as references too',
    async ({ store }) => {
      await store.accept(acceptance('q1', { filings: [filing('ann')] }))
      const inbox = await openByName(store, 'ann')
      const { bodyId } = await only(inbox)
      const [work, trash] = [await store.mail.create('ann', 'Work'), await openByName(store, 'ann', 'Trash')]
      await inbox.copy([1], work.id)
      await inbox.copy([1], trash.id)
      await inbox.move([1], trash.id)
      await trash.expunge([1])
      await store.mail.delete('ann', 'Work')
      assert.ok((await store.blobs.read(bodyId)).length > 0)
      await store.mail.removeAccount('ann')
      await assert.rejects(store.blobs.read(bodyId), coded('message-gone'))
    },
  )

  contract(backend, 'a body that is already stored can be filed again', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann')] }))
    const inbox = await openByName(store, 'ann')
    const { bodyId, bodySize } = await only(inbox)
    const body: NewBody = { kind: 'stored', id: bodyId, size: bodySize }
    await store.accept(acceptance('q2', { message: message('q2', { body }), filings: [filing('bob')] }))
    await inbox.expunge([1])
    const other = await openByName(store, 'bob')
    assert.equal((await other.read(await only(other))).length, bodySize)
  })
}

async function drafted(store: Store, bytes: Buffer, step = 100_000): Promise<NewBody> {
  const draft = store.blobs.draft()
  for (let at = 0; at < bytes.length; at += step) await draft.write(bytes.subarray(at, at + step))
  return draft.finish()
}

async function settleAll(bench: Bench): Promise<void> {
  for (const { token, rows } of await claim(bench)) {
    await bench.store.queue.settle(
      token,
      rows.map(({ row }) => ({ kind: 'done', row })),
    )
  }
}
