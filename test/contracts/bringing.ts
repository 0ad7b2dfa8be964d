/** The contract of mail that comes from another server: UIDs, UIDVALIDITY and UIDLs that clients know are kept, and nothing comes twice. */
import assert from 'node:assert/strict'
import { type BroughtMail, MOST_ADOPTED_UID_VALIDITY, type Store } from '../../core/api/index.js'
import { acceptance, coded, contract, filing, mail, memory, openByName, type StoreBackend, uidsOf } from './backend.js'

export function bringingContract(backend: StoreBackend): void {
  bringing(backend)
  uniqueIds(backend)
  adopting(backend)
}

function brought(source: string, more: Partial<BroughtMail> = {}): BroughtMail {
  return { ...mail(source), source, ...more }
}

function bringing(backend: StoreBackend): void {
  contract(backend, 'brought messages keep their UIDs, flags, dates and octets', async ({ store, clock }) => {
    const inbox = await openByName(store, 'ann')
    const before = await inbox.info()
    assert.deepEqual(
      await inbox.bring([
        brought('a', { uid: 7, flags: ['\\Seen', '$MDNSent'], date: 77 }),
        brought('b', { uid: 12, flags: [], date: 5 }),
        brought('c'),
      ]),
      [7, 12, 13],
    )
    const entries = await inbox.list()
    assert.deepEqual(
      entries.map(({ uid, flags, date, saved, size }) => [uid, flags, date, saved, size]),
      [
        [7, ['$MDNSent', '\\Seen'], 77, clock.time, 1],
        [12, [], 5, clock.time, 1],
        [13, [], mail().date, clock.time, 1],
      ],
    )
    assert.equal((await inbox.read(entries[1]!)).toString(), 'b')
    const { uidNext, messages, unseen, bytes, highestModseq } = await inbox.info()
    assert.deepEqual({ uidNext, messages, unseen, bytes }, { uidNext: 14, messages: 3, unseen: 2, bytes: 3 })
    const { changed } = await inbox.changes(before.highestModseq)
    assert.deepEqual([changed.map(({ uid }) => uid), highestModseq > before.highestModseq], [[7, 12, 13], true])
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 3, messages: 3 })
  })

  contract(backend, 'a UID that is taken is not kept', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail(), mail()])
    assert.deepEqual(await inbox.bring([brought('a', { uid: 2 }), brought('b', { uid: 9 })]), [3, 9])
    await inbox.expunge([9])
    assert.deepEqual(await inbox.bring([brought('c', { uid: 9 })]), [10])
  })

  contract(backend, 'what was brought before does not come again, also when it is gone', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.bring([brought('a', { uid: 3 }), brought('b', { uid: 4 })])
    await inbox.expunge([3])
    const { highestModseq } = await inbox.info()
    assert.deepEqual(await inbox.bring([brought('a', { uid: 3 }), brought('b', { uid: 4 })]), [3, 4])
    assert.deepEqual([await uidsOf(inbox), (await inbox.info()).highestModseq], [[4], highestModseq])
    assert.deepEqual(await inbox.brought(['b', 'never', 'a']), [4, undefined, 3])
    assert.deepEqual(await inbox.bring([brought('a'), brought('c'), brought('c')]), [3, 5, 5])
    assert.deepEqual(await uidsOf(inbox), [4, 5])
  })

  contract(backend, 'mailboxes remember each for itself, as long as they are there', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    await (await openByName(store, 'ann', 'Work')).bring([brought('a')])
    assert.deepEqual(await (await openByName(store, 'ann')).brought(['a']), [undefined])
    await store.mail.rename('ann', 'Work', 'Job')
    assert.deepEqual(await (await openByName(store, 'ann', 'Job')).brought(['a']), [1])
    await store.mail.delete('ann', 'Job')
    await store.mail.create('ann', 'Job')
    assert.deepEqual(await (await openByName(store, 'ann', 'Job')).bring([brought('a')]), [1])
  })

  contract(backend, 'UIDs below the UIDNEXT of the other server are never given', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    assert.deepEqual(await inbox.bring([brought('a', { uid: 3 })], 20), [3])
    assert.equal((await inbox.info()).uidNext, 20)
    assert.deepEqual(await inbox.bring([], 10), [])
    assert.deepEqual(await inbox.append([mail()]), [20])
    assert.deepEqual(await inbox.bring([], 30), [])
    assert.equal((await inbox.info()).uidNext, 30)
  })

  contract(backend, 'UIDs and UIDLs that cannot be are refused, and nothing is brought', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    for (const more of [{ uid: 0 }, { uid: -1 }, { uid: 1.5 }, { uid: 2 ** 32 - 1 }, { uid: Number.NaN }])
      await assert.rejects(inbox.bring([brought('a'), brought('b', more)]), coded('internal'))
    for (const uniqueId of ['', 'two words', 'é', 'x'.repeat(71), 'a\r\n'])
      await assert.rejects(inbox.bring([brought('a'), brought('b', { uniqueId })]), coded('internal'))
    assert.deepEqual([await uidsOf(inbox), await inbox.brought(['a'])], [[], [undefined]])
  })

  contract(backend, 'a large body is brought from a draft', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    const draft = store.blobs.draft()
    for (let at = 0; at < 40; at++) await draft.write(Buffer.alloc(64 * 1024, 65 + (at % 26)))
    await inbox.bring([brought('large', { body: await draft.finish() })])
    const [entry] = await inbox.list()
    assert.deepEqual([entry!.size, (await inbox.read(entry!, 64 * 1024, 64 * 1024 + 1)).toString()], [40 * 65_536, 'B'])
  })
}

function uniqueIds(backend: StoreBackend): void {
  contract(backend, 'a UIDL goes along with its message when it moves, and not with copies', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await inbox.bring([brought('a', { uniqueId: '000000017' }), brought('b')])
    const [first, second] = await inbox.list()
    assert.deepEqual([first!.uniqueId, 'uniqueId' in second!], ['000000017', false])
    const { entries } = await inbox.flag([1], { kind: 'add', flags: ['\\Seen'] })
    assert.equal(entries[0]!.uniqueId, '000000017')
    await inbox.copy([1], trash.id)
    assert.equal('uniqueId' in (await trash.list())[0]!, false)
    await inbox.move([1], trash.id)
    const [moved] = await trash.get([2])
    assert.deepEqual([moved!.uniqueId, moved!.flags], ['000000017', ['\\Seen']])
    await trash.move([2], inbox.id)
    assert.deepEqual((await inbox.list()).map(({ uniqueId }) => uniqueId), [undefined, '000000017']) // biome-ignore format: short
  })

  contract(backend, 'renaming INBOX takes UIDLs along', async ({ store }) => {
    await (await openByName(store, 'ann')).bring([brought('a', { uniqueId: 'known' })])
    await store.mail.rename('ann', 'INBOX', 'Old')
    assert.equal((await (await openByName(store, 'ann', 'Old')).list())[0]!.uniqueId, 'known')
  })
}

function adopting(backend: StoreBackend): void {
  contract(backend, 'a mailbox that never had a message takes over a UIDVALIDITY', async ({ store }) => {
    const { id } = (await store.mail.find('ann', 'INBOX'))!
    const adopted = await store.mail.adopt('ann', 'inbox', 1_600_000_000)
    assert.deepEqual([adopted.id, adopted.name, adopted.uidValidity], [id, 'INBOX', 1_600_000_000])
    assert.deepEqual(await store.mail.find('ann', 'INBOX'), adopted)
    const made = await store.mail.adopt('ann', 'Work/2024', 77)
    assert.deepEqual([made.name, made.uidValidity, made.messages], ['Work/2024', 77, 0])
    assert.ok(await store.mail.find('ann', 'Work'))
  })

  contract(backend, 'a mailbox that ever had a message keeps its own', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann')] }))
    const inbox = await openByName(store, 'ann')
    await inbox.expunge([1])
    const before = await inbox.info()
    assert.deepEqual(await store.mail.adopt('ann', 'INBOX', 1_600_000_000), before)
  })

  contract(backend, 'an adopted mailbox keeps its UIDVALIDITY once something came', async ({ store }) => {
    await store.mail.adopt('ann', 'INBOX', 1_600_000_000)
    await (await openByName(store, 'ann')).bring([{ ...mail(), body: memory('x'), source: 'x', uid: 40 }])
    assert.equal((await store.mail.adopt('ann', 'INBOX', 1_700_000_000)).uidValidity, 1_600_000_000)
  })

  contract(backend, 'values that leave no room, or are none, are not adopted', async ({ store }) => {
    const before = await store.mail.find('ann', 'INBOX')
    for (const value of [0, -1, 1.5, Number.NaN, MOST_ADOPTED_UID_VALIDITY + 1, 2 ** 33])
      assert.deepEqual(await store.mail.adopt('ann', 'INBOX', value), before)
  })

  contract(backend, 'no mailbox made later gets a UIDVALIDITY that was adopted', async ({ store, clock }) => {
    const soon = Math.floor(clock.time / 1000) + 5
    await store.mail.adopt('ann', 'Work', soon)
    await store.mail.delete('ann', 'Work')
    assert.ok((await store.mail.create('ann', 'Work')).uidValidity > soon)
    await store.mail.adopt('ann', 'Last', MOST_ADOPTED_UID_VALIDITY)
    const { uidValidity } = await store.mail.create('ann', 'Behind')
    assert.ok(uidValidity > MOST_ADOPTED_UID_VALIDITY && uidValidity < 2 ** 32)
  })

  const again = async (store: Store, more: Partial<BroughtMail> = {}): Promise<number> => {
    const { uidValidity } = await store.mail.adopt('ann', 'Work', 77)
    await (await openByName(store, 'ann', 'Work')).bring(
      [brought('a', { uid: 3 }), brought('b', { uid: 9, ...more })],
      12,
    )
    return uidValidity
  }

  contract(
    backend,
    'a mailbox of brought mail alone that was deleted or renamed gets its UIDVALIDITY again',
    async ({ store }) => {
      assert.equal(await again(store), 77)
      await (await openByName(store, 'ann', 'Work')).bring([brought('c', { uid: 12 })], 13)
      await store.mail.delete('ann', 'Work')
      assert.equal(await again(store), 77)
      await store.mail.rename('ann', 'Work', 'Old')
      assert.equal(await again(store), 77)
    },
  )

  contract(backend, 'where UIDs of ours were given it does not: they could mean other messages', async ({ store }) => {
    const given: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['by a delivery', async () => (await openByName(store, 'ann', 'Work')).append([mail()])],
      [
        'and more was brought',
        async () => {
          const work = await openByName(store, 'ann', 'Work')
          await work.append([mail()])
          await work.bring([brought('c', { uid: 40 })], 41)
        },
      ],
      [
        'and it is gone',
        async () => {
          const work = await openByName(store, 'ann', 'Work')
          await work.expunge(await work.append([mail()]))
        },
      ],
    ]
    for (const [what, give] of given) {
      await store.mail.removeAccount('ann')
      assert.equal(await again(store), 77, what)
      await give()
      await store.mail.delete('ann', 'Work')
      assert.notEqual(await again(store), 77, what)
    }
    await store.mail.removeAccount('ann')
    assert.equal(await again(store, { uid: 2 }), 77, 'one that could not have its own')
    await store.mail.rename('ann', 'Work', 'Old')
    assert.notEqual(await again(store), 77)
  })

  contract(backend, 'names that cannot be are not adopted either', async ({ store }) => {
    await assert.rejects(store.mail.adopt('ann', 'a//b', 7), coded('mailbox-forbidden'))
  })
}
