/** The contract of one mailbox: UIDs, flags, copies and moves. What is told of its changes: `changes.ts`. */
import assert from 'node:assert/strict'
import type { FlagChange, MailError } from '../../core/api/index.js'
import { acceptance, coded, contract, filing, mail, only, openByName, type StoreBackend, uidsOf } from './backend.js'

export function mailboxContract(backend: StoreBackend): void {
  messages(backend)
  flags(backend)
  copies(backend)
}

function messages(backend: StoreBackend): void {
  contract(
    backend,
    'appended messages get ascending UIDs in order, and come back as they are',
    async ({ store, clock }) => {
      const inbox = await openByName(store, 'ann')
      assert.deepEqual(await inbox.append([mail('one', ['\\Flagged'], 77), mail('two')]), [1, 2])
      assert.deepEqual(await inbox.append([]), [])
      assert.deepEqual(await inbox.append([mail('three')]), [3])
      const [first, second] = await inbox.list()
      assert.deepEqual(
        [first!.uid, first!.size, first!.date, first!.saved, first!.flags, first!.prefix],
        [1, 3, 77, clock.time, ['\\Flagged'], ''],
      )
      assert.deepEqual([first!.cuts, first!.bodySize], [[], 3])
      assert.equal((await inbox.read(second!)).toString(), 'two')
      assert.notEqual(first!.emailId, second!.emailId)
    },
  )

  contract(backend, 'UIDs are never used again', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail(), mail()])
    assert.deepEqual(await inbox.expunge([2, 1, 2, 9]), [1, 2])
    assert.equal((await inbox.info()).uidNext, 3)
    assert.deepEqual(await inbox.append([mail()]), [3])
  })

  contract(backend, 'messages that come at the same time all get UIDs of their own', async ({ store }) => {
    await store.mail.list('ann')
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => store.accept(acceptance(`q${at}`, { filings: [filing('ann')] }))),
    )
    assert.deepEqual(
      await uidsOf(await openByName(store, 'ann')),
      Array.from({ length: 50 }, (_, at) => at + 1),
    )
  })

  contract(
    backend,
    'list gives a range of UIDs, get gives those asked for that exist, both ascending',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      await inbox.append(Array.from({ length: 12 }, () => mail()))
      await inbox.expunge([3, 7])
      const uids = async (from?: number, to?: number) => (await inbox.list(from, to)).map(({ uid }) => uid)
      assert.deepEqual(await uids(), [1, 2, 4, 5, 6, 8, 9, 10, 11, 12])
      assert.deepEqual(await uids(2, 8), [2, 4, 5, 6, 8])
      assert.deepEqual(await uids(11), [11, 12])
      assert.deepEqual(await uids(3, 3), [])
      assert.deepEqual(await uids(0, 1), [1])
      assert.deepEqual(await uids(13), [])
      assert.deepEqual(
        (await inbox.get([12, 3, 1, 1, 99, 10])).map(({ uid }) => uid),
        [1, 10, 12],
      )
      assert.deepEqual(await inbox.get([2]), await inbox.list(2, 2))
    },
  )

  contract(backend, 'info counts messages, unseen, deleted and octets through every change', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    const counts = async () => {
      const { messages, unseen, deleted, bytes } = await inbox.info()
      return [messages, unseen, deleted, bytes]
    }
    await inbox.append([mail('12345'), mail('123', ['\\Seen', '\\Deleted']), mail('1')])
    assert.deepEqual(await counts(), [3, 2, 1, 9])
    await inbox.flag([1, 3], { kind: 'add', flags: ['\\Seen', '\\Deleted'] })
    assert.deepEqual(await counts(), [3, 0, 3, 9])
    await inbox.flag([2], { kind: 'replace', flags: [] })
    assert.deepEqual(await counts(), [3, 1, 2, 9])
    const trash = await openByName(store, 'ann', 'Trash')
    await inbox.move([1], trash.id)
    await inbox.expunge([2])
    assert.deepEqual(await counts(), [1, 0, 1, 1])
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 6, messages: 2 })
  })

  contract(backend, 'a message read after its body has gone is message-gone', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail()])
    const entry = await only(inbox)
    await inbox.expunge([1])
    await assert.rejects(inbox.read(entry), coded('message-gone'))
  })

  contract(
    backend,
    'messages are read together, in the order they are asked for; of one that is gone there is nothing',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      await store.accept(acceptance('q1', { filings: [{ ...filing('ann'), prefix: 'Before: it\r\n' }] }))
      await inbox.append([mail('two'), mail('three')])
      const [first, second, third] = await inbox.list()
      await inbox.expunge([2])
      const octets = await inbox.readAll([third!, second!, first!])
      assert.deepEqual(
        octets.map(one => one?.toString()),
        ['three', undefined, (await inbox.read(first!)).toString()],
      )
      assert.ok(octets[2]!.toString().startsWith('Before: it\r\n'))
      assert.deepEqual(await inbox.readAll([]), [])
      await store.mail.create('ann', 'gone')
      const gone = await openByName(store, 'ann', 'gone')
      await store.mail.delete('ann', 'gone')
      await assert.rejects(gone.readAll([]), coded('mailbox-gone'))
    },
  )

  contract(backend, 'a mailbox of many messages is listed and changed whole', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    for (let at = 0; at < 6; at++) await inbox.append(Array.from({ length: 1000 }, () => mail('x')))
    const uids = await uidsOf(inbox)
    assert.equal(uids.length, 6000)
    assert.ok(uids.every((uid, at) => uid === at + 1))
    assert.equal((await inbox.get(uids)).length, 6000)
    assert.equal((await inbox.flag(uids, { kind: 'add', flags: ['\\Seen'] })).entries.length, 6000)
    assert.deepEqual(await inbox.expunge(uids.slice(0, 2500)), uids.slice(0, 2500))
    assert.deepEqual([(await inbox.info()).messages, (await inbox.info()).unseen], [3500, 0])
  })
}

function flags(backend: StoreBackend): void {
  const changes: readonly (readonly [before: readonly string[], change: FlagChange, after: readonly string[]])[] = [
    [['\\SEEN', '\\recent', '\\Whatever'], { kind: 'add', flags: ['\\answered'] }, ['\\Answered', '\\Seen']],
    [['$Junk'], { kind: 'add', flags: ['$JUNK', 'later', 'Later'] }, ['$Junk', 'later']],
    [['$Junk', 'b'], { kind: 'remove', flags: ['$junk', '\\Seen'] }, ['b']],
    [['$Junk', '\\Seen'], { kind: 'replace', flags: ['$jUNK', '\\draft'] }, ['$Junk', '\\Draft']],
    [['a', '\\Seen'], { kind: 'replace', flags: [] }, []],
    [['z', 'A', '\\Seen', 'm'], { kind: 'add', flags: [] }, ['A', '\\Seen', 'm', 'z']],
    [['constructor', '__proto__'], { kind: 'remove', flags: ['__PROTO__'] }, ['constructor']],
  ]
  for (const [before, change, after] of changes) {
    contract(
      backend,
      `${JSON.stringify(before)} ${change.kind} ${JSON.stringify(change.flags)} gives ${JSON.stringify(after)}`,
      async ({ store }) => {
        const inbox = await openByName(store, 'ann')
        await inbox.append([mail('x', before)])
        const { entries, refused } = await inbox.flag([1], change)
        assert.deepEqual([entries[0]!.flags, refused], [after, []])
        assert.deepEqual(await only(inbox), entries[0])
      },
    )
  }

  contract(backend, 'flagging raises the MODSEQ of what changes and of nothing else', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail('x', ['\\Seen']), mail(), mail()])
    const { highestModseq } = await inbox.info()
    const before = await inbox.list()
    const { entries } = await inbox.flag([3, 1, 2, 44], { kind: 'add', flags: ['\\Seen'] })
    assert.deepEqual(
      entries.map(({ uid }) => uid),
      [1, 2, 3],
    )
    assert.deepEqual(entries[0], before[0])
    assert.ok(entries[1]!.modseq > highestModseq && entries[2]!.modseq > highestModseq)
    assert.equal((await inbox.info()).highestModseq, Math.max(...entries.map(({ modseq }) => modseq)))
    await inbox.flag([1, 2, 3], { kind: 'add', flags: ['\\Seen'] })
    assert.deepEqual(await inbox.list(), entries)
  })

  contract(backend, 'with unchangedSince, messages changed later are left alone and named', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail(), mail(), mail()])
    const { highestModseq } = await inbox.info()
    await inbox.flag([2], { kind: 'add', flags: ['x'] })
    const { entries, refused } = await inbox.flag([1, 2, 3], { kind: 'add', flags: ['y'] }, highestModseq)
    assert.deepEqual([entries.map(({ uid }) => uid), refused], [[1, 3], [2]])
    assert.deepEqual(
      (await inbox.list()).map(({ flags }) => flags.join()),
      ['y', 'x', 'y'],
    )
    assert.deepEqual((await inbox.flag([1], { kind: 'add', flags: ['z'] }, 0)).refused, [1])
  })
}

function copies(backend: StoreBackend): void {
  contract(
    backend,
    'a copy keeps email id, flags, dates and octets, and has its own UID, MODSEQ and saved date',
    async ({ store, clock }) => {
      const prefix = 'P: 1\r\n'
      await store.accept(
        acceptance('q1', { filings: [filing('ann', 'INBOX', { prefix, flags: ['a', '\\Seen'], date: 5 })] }),
      )
      const [inbox, work] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Archive')]
      await work.append([mail(), mail()])
      const { highestModseq } = await work.info()
      clock.time += 5000
      assert.deepEqual(await inbox.copy([1], work.id), [[1, 3]])
      const [original, copy] = [await only(inbox), (await work.list(3))[0]!]
      assert.deepEqual(copy, { ...original, uid: 3, modseq: copy.modseq, saved: clock.time })
      assert.ok(copy.modseq > highestModseq)
      assert.ok((await work.read(copy)).equals(await inbox.read(original)))
      await work.flag([3], { kind: 'replace', flags: [] })
      assert.deepEqual(await only(inbox), original)
    },
  )

  contract(backend, 'copies go in order of UID; what does not exist is passed over', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await inbox.append([mail('1'), mail('2'), mail('3')])
    assert.deepEqual(await inbox.copy([3, 9, 1], trash.id), [
      [1, 1],
      [3, 2],
    ])
    assert.deepEqual(await inbox.copy([8], trash.id), [])
    assert.deepEqual(await inbox.copy([2], inbox.id), [[2, 4]])
    assert.deepEqual(await uidsOf(inbox), [1, 2, 3, 4])
  })

  contract(
    backend,
    "copying or moving to a mailbox that is gone, or another account's, changes nothing",
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      await inbox.append([mail(), mail()])
      const before = await inbox.info()
      const { id: foreign } = (await store.mail.find('bob', 'INBOX'))!
      for (const to of ['nowhere', foreign]) {
        await assert.rejects(inbox.copy([1, 2], to), coded('mailbox-gone'))
        await assert.rejects(inbox.move([1, 2], to), coded('mailbox-gone'))
      }
      assert.deepEqual(await inbox.info(), before)
      assert.equal((await store.mail.usage('bob')).messages, 0)
    },
  )

  contract(backend, 'a move takes messages away here and puts them there, in one step', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await inbox.append([mail('1', ['k']), mail('2'), mail('3')])
    const before = await inbox.info()
    const [first] = await inbox.list()
    assert.deepEqual(await inbox.move([3, 1, 7], trash.id), [
      [1, 1],
      [3, 2],
    ])
    assert.deepEqual(await uidsOf(inbox), [2])
    assert.deepEqual((await inbox.changes(before.highestModseq)).vanished, [1, 3])
    const [moved] = await trash.list()
    assert.deepEqual([moved!.emailId, moved!.flags], [first!.emailId, ['k']])
    assert.equal((await trash.read(moved!)).toString(), '1')
    assert.deepEqual(await trash.move([1], trash.id), [[1, 3]])
    assert.deepEqual(await uidsOf(trash), [2, 3])
  })

  contract(backend, 'many messages are copied and moved like few', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await inbox.append(Array.from({ length: 2500 }, (_, at) => mail(String(at))))
    const all = (await inbox.list()).map(({ uid }) => uid)
    const copied = await inbox.copy([...all].reverse(), trash.id)
    assert.deepEqual(copied, all.map(uid => [uid, uid])) // biome-ignore format: short
    assert.equal((await trash.read((await trash.get([2345]))[0]!)).toString(), '2344')
    assert.deepEqual(
      await inbox.move(all, trash.id),
      all.map(uid => [uid, uid + 2500]),
    )
    assert.deepEqual([(await inbox.info()).messages, (await trash.info()).messages], [0, 5000])
    await trash.expunge(all)
    assert.equal((await trash.read((await trash.get([2501]))[0]!)).toString(), '0')
  })

  contract(backend, 'of a copy that is cut short nothing is there', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    const [inbox, work] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Work')]
    await inbox.append([mail('mine')])
    await work.append(Array.from({ length: 4000 }, (_, at) => mail(String(at))))
    const all = (await work.list()).map(({ uid }) => uid)
    const copying = work.copy(all, inbox.id).then(
      pairs => pairs.length,
      (error: MailError) => error.errorCode,
    )
    // Somewhere in the middle, or before or behind all of it.
    await new Promise(setImmediate)
    await store.mail.delete('ann', 'Work')
    const came = await copying
    const { messages } = await inbox.info()
    assert.deepEqual([came, messages], came === 4000 ? [4000, 4001] : ['mailbox-gone', 1])
    assert.deepEqual((await inbox.get([1])).map(({ uid }) => uid), [1]) // biome-ignore format: short
  })

  contract(backend, 'a replacement puts one message there and takes one away here, in one step', async ({ store }) => {
    const [drafts, sent] = [await openByName(store, 'ann', 'Drafts'), await openByName(store, 'ann', 'Sent')]
    await drafts.append([mail('one', ['k']), mail('two')])
    const before = await drafts.info()
    assert.equal(await drafts.replace(1, mail('one again', ['\\Draft'], 5), drafts.id), 3)
    const after = await drafts.changes(before.highestModseq)
    assert.deepEqual([after.vanished, after.changed.map(({ uid }) => uid)], [[1], [3]])
    const [made] = await drafts.get([3])
    assert.deepEqual([made!.flags, made!.date], [['\\Draft'], 5])
    assert.equal(await drafts.replace(2, mail('two sent'), sent.id), 1)
    assert.deepEqual([await uidsOf(drafts), await uidsOf(sent)], [[3], [1]])
    assert.equal((await sent.read((await only(sent))!)).toString(), 'two sent')
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 'one againtwo sent'.length, messages: 2 })
  })

  contract(backend, 'a replacement of what is gone, or to where is nothing, changes nothing', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append([mail('x')])
    const before = await inbox.info()
    await assert.rejects(inbox.replace(7, mail('y'), inbox.id), coded('message-gone'))
    await assert.rejects(inbox.replace(1, mail('y'), 'nowhere'), coded('mailbox-gone'))
    assert.deepEqual(await inbox.info(), before)
    assert.equal((await store.mail.usage('ann')).bytes, 1)
  })
}
