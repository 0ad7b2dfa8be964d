/** The contract of what is kept beside messages: digests, which go with their message, and the blocks of an index, which go with their mailbox. */
import assert from 'node:assert/strict'
import type { Mailbox } from '../../core/api/index.js'
import { acceptance, coded, contract, filing, mail, openByName, type StoreBackend } from './backend.js'

export function digestsContract(backend: StoreBackend): void {
  digests(backend)
  index(backend)
  arrivals(backend)
}

async function digestsOf(box: Mailbox): Promise<(string | undefined)[]> {
  return box.digests(await box.list(), digest => digest.toString())
}

async function keep(box: Mailbox, ...texts: readonly string[]): Promise<void> {
  const entries = await box.list()
  await box.keepDigests(texts.map((text, at) => [entries[at]!, Buffer.from(text)] as const))
}

function digests(backend: StoreBackend): void {
  contract(
    backend,
    'a digest is found by the message it was kept for, and kept anew in its place',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      await inbox.append([mail('1'), mail('2'), mail('3')])
      assert.deepEqual(await digestsOf(inbox), [undefined, undefined, undefined])
      const [first, , third] = await inbox.list()
      await inbox.keepDigests([
        [third!, Buffer.from('of three')],
        [first!, Buffer.from('of one')],
      ])
      assert.deepEqual(await digestsOf(inbox), ['of one', undefined, 'of three'])
      await keep(inbox, 'again')
      assert.deepEqual(await digestsOf(inbox), ['again', undefined, 'of three'])
      assert.deepEqual(await inbox.digests([third!, first!], (_, { uid }) => uid), [3, 1])
    },
  )

  contract(backend, 'a digest stays where the one that should take its place is no better', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail('1'), mail('2')])
    await keep(inbox, 'whole')
    const heads = (await inbox.list()).map(entry => [entry, Buffer.from('head')] as const)
    const asked: string[] = []
    await inbox.keepDigests(heads, (there, digest) => {
      asked.push(`${there.toString('latin1', 0, 5)} ${digest}`)
      return there[0] === 'w'.charCodeAt(0)
    })
    assert.deepEqual(asked, ['whole head'])
    assert.deepEqual(await digestsOf(inbox), ['whole', 'head'])
  })

  contract(backend, 'copies and moved messages have the digest of the message', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await inbox.append([mail('1'), mail('2')])
    await keep(inbox, 'one', 'two')
    await inbox.copy([1], trash.id)
    await inbox.move([2], trash.id)
    assert.deepEqual(await digestsOf(trash), ['one', 'two'])
    await inbox.expunge([1])
    assert.deepEqual(await digestsOf(trash), ['one', 'two'])
  })

  contract(backend, 'deliveries of one message have digests of their own', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann'), filing('bob')] }))
    const [anns, bobs] = [await openByName(store, 'ann'), await openByName(store, 'bob')]
    await keep(anns, 'for ann')
    assert.deepEqual([await digestsOf(anns), await digestsOf(bobs)], [['for ann'], [undefined]])
  })

  contract(backend, 'of a message that is gone nothing is kept', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail('1')])
    const entries = await inbox.list()
    await keep(inbox, 'before')
    await inbox.expunge([1])
    assert.deepEqual(await inbox.digests(entries, String), [undefined])
    await inbox.keepDigests([[entries[0]!, Buffer.from('after')]])
    assert.deepEqual(await inbox.digests(entries, String), [undefined])
  })
}

const block = (number: number, parts: readonly (readonly [number, string])[] = []) => ({
  block: number,
  head: Buffer.from(`head ${number}`),
  parts: new Map(parts.map(([part, text]) => [part, Buffer.from(text)])),
})

async function headsOf(box: Mailbox): Promise<string[]> {
  return (await box.index.heads()).map(({ block, head }) => `${block} ${head}`)
}

function index(backend: StoreBackend): void {
  contract(backend, 'blocks of an index are added behind the last and read by their parts', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    const other = await openByName(store, 'ann', 'Trash')
    assert.deepEqual(await inbox.index.heads(), [])
    assert.equal(
      await inbox.index.add(
        block(7, [
          [0, 'a'],
          [65_535, 'b'],
        ]),
        0,
      ),
      true,
    )
    assert.equal(await inbox.index.add(block(300, [[1, 'c']]), 7), true)
    assert.deepEqual(await headsOf(inbox), ['7 head 7', '300 head 300'])
    assert.deepEqual(await other.index.heads(), [])
    const wanted = [
      [300, 1],
      [7, 65_535],
      [7, 1],
      [7, 0],
      [8, 0],
    ] as const
    const parts = await inbox.index.parts(wanted)
    assert.deepEqual(
      parts.map(part => part?.toString()),
      ['c', 'b', undefined, 'a', undefined],
    )
  })

  contract(backend, 'of two who add behind the same block one is refused', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    assert.equal(await inbox.index.add(block(5), 3), false)
    const added = await Promise.all([inbox.index.add(block(5), 0), inbox.index.add(block(6), 0)])
    assert.deepEqual(added.toSorted(), [false, true])
    assert.equal((await inbox.index.heads()).length, 1)
  })

  contract(backend, 'a block is removed with its parts', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.index.add(block(1, [[0, 'a']]), 0)
    await inbox.index.add(block(2, [[0, 'b']]), 1)
    await inbox.index.remove([1, 9])
    assert.deepEqual(await headsOf(inbox), ['2 head 2'])
    assert.deepEqual(
      (
        await inbox.index.parts([
          [1, 0],
          [2, 0],
        ])
      ).map(part => part?.toString()),
      [undefined, 'b'],
    )
  })

  contract(backend, 'neighbouring blocks are replaced by one, all or nothing', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    for (const number of [1, 2, 3, 4]) await inbox.index.add(block(number, [[number, 'old']]), number - 1)
    assert.equal(await inbox.index.replace([2, 3], block(3, [[7, 'new']])), true)
    assert.deepEqual(await headsOf(inbox), ['1 head 1', '3 head 3', '4 head 4'])
    const wanted = [
      [2, 2],
      [3, 3],
      [3, 7],
    ] as const
    assert.deepEqual((await inbox.index.parts(wanted)).map(String), ['undefined', 'undefined', 'new'])
    assert.equal(await inbox.index.replace([2, 3], block(3)), false)
    assert.deepEqual((await inbox.index.parts(wanted)).map(String), ['undefined', 'undefined', 'new'])
    assert.equal(await inbox.index.replace([4], block(4, [[0, 'again']])), true)
    assert.equal(await inbox.index.add(block(5), 4), true)
  })

  contract(backend, 'nothing is added to a mailbox that is gone', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    const work = await openByName(store, 'ann', 'Work')
    await work.index.add(block(1, [[0, 'a']]), 0)
    await store.mail.delete('ann', 'Work')
    await assert.rejects(work.list(), coded('mailbox-gone'))
    assert.equal(await work.index.add(block(2), 1), false)
  })
}

function arrivals(backend: StoreBackend): void {
  contract(
    backend,
    'who watches arrivals hears which mailboxes messages have come into, until it stops',
    async ({ store }) => {
      const heard = new Set<string>()
      let told: () => void = () => undefined
      const stop = store.mail.watchArrivals((accountId, mailboxId) => {
        heard.add(`${accountId} ${mailboxId}`)
        told()
      })
      const hears = async (what: () => Promise<unknown>, accountId: string, mailboxId: string): Promise<void> => {
        heard.clear()
        const said = new Promise<void>(done => {
          told = () => heard.has(`${accountId} ${mailboxId}`) && done()
        })
        await what()
        await said
      }
      const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
      const bobs = await openByName(store, 'bob')
      await hears(() => inbox.append([mail('1'), mail('2')]), 'ann', inbox.id)
      await hears(() => inbox.copy([1], trash.id), 'ann', trash.id)
      await hears(() => inbox.move([1], trash.id), 'ann', trash.id)
      await hears(() => store.accept(acceptance('q1', { filings: [filing('bob')] })), 'bob', bobs.id)
      stop()
      heard.clear()
      await inbox.append([mail('3')])
      await new Promise(setImmediate)
      await new Promise(setImmediate)
      assert.equal(heard.size, 0)
    },
  )
}
