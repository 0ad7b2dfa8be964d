/** The contract of an account's mailboxes: names, ids, special uses, subscriptions, and that a UIDVALIDITY never comes back. */
import assert from 'node:assert/strict'
import type { MailStore, SpecialUse } from '../../core/api/index.js'
import { acceptance, coded, contract, filing, mail, openByName, type StoreBackend, uidsOf } from './backend.js'

const DEFAULTS: readonly (readonly [string, SpecialUse | undefined])[] = [
  ['Archive', 'Archive'],
  ['Drafts', 'Drafts'],
  ['INBOX', undefined],
  ['Junk', 'Junk'],
  ['Sent', 'Sent'],
  ['Trash', 'Trash'],
]

export function mailContract(backend: StoreBackend): void {
  accounts(backend)
  creating(backend)
  renaming(backend)
  deleting(backend)
}

function accounts(backend: StoreBackend): void {
  contract(
    backend,
    'an account has INBOX and the special mailboxes from its first use, empty and subscribed',
    async ({ store }) => {
      const list = await store.mail.list('ann')
      assert.deepEqual(list.map(({ name, specialUse }) => [name, specialUse]).sort(), DEFAULTS)
      for (const info of list) {
        const { uidNext, messages, unseen, deleted, bytes, subscribed } = info
        assert.deepEqual(
          { uidNext, messages, unseen, deleted, bytes, subscribed },
          { uidNext: 1, messages: 0, unseen: 0, deleted: 0, bytes: 0, subscribed: true },
        )
        assert.ok(info.highestModseq >= 1 && info.uidValidity > 0 && info.uidValidity < 2 ** 32)
        assert.match(info.id, /^[A-Za-z0-9_-]{1,255}$/)
      }
      assert.equal('specialUse' in list.find(({ name }) => name === 'INBOX')!, false)
      assert.equal(new Set(list.map(({ id }) => id)).size, list.length)
      assert.deepEqual(await store.mail.list('ann'), list)
    },
  )

  contract(backend, 'first uses at the same time make one set of mailboxes', async ({ store }) => {
    const lists = await Promise.all(Array.from({ length: 8 }, () => store.mail.list('ann')))
    for (const list of lists) assert.deepEqual(list, lists[0])
  })

  contract(backend, 'accounts do not see each other, also where one id begins another', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    await store.mail.create('anna', 'Play')
    assert.equal(await store.mail.find('anna', 'Work'), undefined)
    assert.equal(await store.mail.find('ann', 'Play'), undefined)
    assert.equal((await store.mail.list('ann')).length, DEFAULTS.length + 1)
    const { id } = (await store.mail.find('ann', 'Work'))!
    await assert.rejects(store.mail.open('anna', id), coded('mailbox-gone'))
  })

  contract(backend, 'an account id that is empty, too long or has control characters is refused', async ({ store }) => {
    for (const id of ['', 'x'.repeat(300), 'a\0b', 'a\nb'])
      await assert.rejects(store.mail.list(id), coded('mailbox-forbidden'))
  })

  contract(backend, 'a removed account leaves nothing, and starts anew with new UIDVALIDITYs', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann'), filing('bob')] }))
    await store.mail.subscribe('ann', 'Elsewhere', true)
    const before = (await store.mail.find('ann', 'INBOX'))!
    const inbox = await openByName(store, 'ann')
    await store.mail.removeAccount('ann')
    await assert.rejects(inbox.list(), coded('mailbox-gone'))
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 0, messages: 0 })
    const after = (await store.mail.find('ann', 'INBOX'))!
    assert.ok(after.uidValidity > before.uidValidity && after.id !== before.id)
    assert.ok(!(await store.mail.subscriptions('ann')).includes('Elsewhere'))
    assert.equal((await store.mail.usage('bob')).messages, 1)
  })
}

function creating(backend: StoreBackend): void {
  contract(backend, 'a created mailbox is found by name and opened by id', async ({ store }) => {
    const made = await store.mail.create('ann', 'Work', 'Archive')
    assert.deepEqual([made.name, made.messages, made.specialUse, made.subscribed], ['Work', 0, 'Archive', false])
    assert.deepEqual(await store.mail.find('ann', 'Work'), made)
    const opened = await store.mail.open('ann', made.id)
    assert.deepEqual([opened.id, opened.accountId, await opened.info()], [made.id, 'ann', made])
  })

  contract(backend, 'missing parents are made too', async ({ store }) => {
    await store.mail.create('ann', 'a/b/c')
    for (const name of ['a', 'a/b', 'a/b/c']) assert.ok(await store.mail.find('ann', name), name)
  })

  contract(backend, 'INBOX is found in any case, other names only in theirs', async ({ store }) => {
    assert.equal((await store.mail.find('ann', 'iNbOx'))?.name, 'INBOX')
    assert.equal(await store.mail.find('ann', 'junk'), undefined)
    await assert.rejects(store.mail.create('ann', 'inbox'), coded('mailbox-exists'))
    assert.equal((await store.mail.create('ann', 'inbox/sub')).name, 'INBOX/sub')
  })

  contract(backend, 'names may be of any script; composed and decomposed letters are the same', async ({ store }) => {
    for (const name of ['Büro', '日本語', '😀', '\u{10ffff}', 'a b*%"\\', '~peter/mail'])
      assert.equal((await store.mail.create('ann', name)).name, name)
    assert.equal((await store.mail.find('ann', 'Bu\u0308ro'))?.name, 'Büro')
    assert.equal((await store.mail.list('ann')).length, DEFAULTS.length + 7)
  })

  contract(backend, 'names that cannot be are forbidden to make and never found', async ({ store }) => {
    for (const name of [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      'a\0',
      'a\r\nb',
      '\ud800',
      'a/../b',
      '.',
      'x'.repeat(201),
      Array(6).fill('x'.repeat(180)).join('/'),
      'x/'.repeat(40).concat('x'),
    ]) {
      await assert.rejects(store.mail.create('ann', name), coded('mailbox-forbidden'), JSON.stringify(name))
      assert.equal(await store.mail.find('ann', name), undefined)
    }
  })

  contract(backend, 'what exists cannot be made again', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    await assert.rejects(store.mail.create('ann', 'Work'), coded('mailbox-exists'))
  })

  contract(
    backend,
    'subscriptions are by name, whether it exists or not, and outlive the mailbox',
    async ({ store }) => {
      await store.mail.subscribe('ann', 'Ghost', true)
      await store.mail.create('ann', 'Work')
      await store.mail.subscribe('ann', 'Work', true)
      await store.mail.subscribe('ann', 'inbox', false)
      const rest = ['Archive', 'Drafts', 'Ghost', 'Junk', 'Sent', 'Trash', 'Work']
      assert.deepEqual([...(await store.mail.subscriptions('ann'))].sort(), rest)
      assert.deepEqual(
        [(await find(store.mail, 'Work')).subscribed, (await find(store.mail, 'INBOX')).subscribed],
        [true, false],
      )
      await store.mail.delete('ann', 'Work')
      assert.deepEqual([...(await store.mail.subscriptions('ann'))].sort(), rest)
      await store.mail.subscribe('ann', 'Work', false)
      await store.mail.subscribe('ann', 'Never', false)
      assert.ok(!(await store.mail.subscriptions('ann')).includes('Work'))
    },
  )
}

function renaming(backend: StoreBackend): void {
  contract(
    backend,
    'a renamed mailbox keeps id, messages, UIDs and UIDVALIDITY; inferiors move along, missing parents are made',
    async ({ store }) => {
      await store.mail.create('ann', 'a/b/c')
      await store.mail.create('ann', 'ab')
      const box = await openByName(store, 'ann', 'a/b')
      await box.append([mail()])
      const before = await box.info()
      await store.mail.rename('ann', 'a/b', 'x/y')
      assert.deepEqual(await box.info(), { ...before, name: 'x/y' })
      assert.deepEqual(await uidsOf(box), [1])
      const names = (await store.mail.list('ann')).map(({ name }) => name)
      for (const name of ['a', 'ab', 'x', 'x/y', 'x/y/c']) assert.ok(names.includes(name), name)
      for (const name of ['a/b', 'a/b/c']) assert.ok(!names.includes(name), name)
      assert.deepEqual(await store.mail.find('ann', 'x/y'), { ...before, name: 'x/y' })
    },
  )

  contract(
    backend,
    'a name taken over by rename has another UIDVALIDITY than the one deleted before it',
    async ({ store }) => {
      const old = await store.mail.create('ann', 'Work')
      await store.mail.create('ann', 'New')
      await store.mail.delete('ann', 'Work')
      await store.mail.rename('ann', 'New', 'Work')
      assert.notEqual((await find(store.mail, 'Work')).uidValidity, old.uidValidity)
    },
  )

  const refusals = [
    ['what is not there', 'Ghost', 'New', 'mailbox-gone'],
    ['onto an existing name', 'a', 'Junk', 'mailbox-exists'],
    ['onto itself', 'a', 'a', 'mailbox-exists'],
    ['onto INBOX', 'a', 'inbox', 'mailbox-exists'],
    ['into its own inferior', 'a', 'a/b/c', 'mailbox-forbidden'],
    ['to a name that cannot be', 'a', 'x//y', 'mailbox-forbidden'],
    ['where an inferior finds its new name taken', 'a', 'taken', 'mailbox-exists'],
    ['where an inferior would get a name too long', 'a', Array(5).fill('x'.repeat(199)).join('/'), 'mailbox-forbidden'],
    ['INBOX onto an existing name', 'INBOX', 'a', 'mailbox-exists'],
  ] as const
  for (const [what, from, to, code] of refusals) {
    contract(backend, `renaming ${what} is ${code} and changes nothing`, async ({ store }) => {
      await store.mail.create('ann', 'a/b')
      await store.mail.create('ann', 'taken/b')
      await store.mail.delete('ann', 'taken')
      const before = await store.mail.list('ann')
      await assert.rejects(store.mail.rename('ann', from, to), coded(code))
      assert.deepEqual(await store.mail.list('ann'), before)
    })
  }

  contract(
    backend,
    'renaming INBOX moves its messages and leaves it empty, with its inferiors, id and UIDVALIDITY',
    async ({ store }) => {
      await store.mail.create('ann', 'INBOX/sub')
      const inbox = await openByName(store, 'ann')
      await inbox.append([mail('one', ['\\Seen']), mail('two')])
      const before = await inbox.info()
      const [first] = await inbox.list()
      await store.mail.rename('ann', 'INBOX', 'old/inbox')
      const after = await inbox.info()
      assert.deepEqual(
        [after.id, after.uidValidity, after.uidNext, after.messages, after.bytes],
        [before.id, before.uidValidity, 3, 0, 0],
      )
      assert.deepEqual((await inbox.changes(before.highestModseq)).vanished, [1, 2])
      assert.ok(await store.mail.find('ann', 'INBOX/sub'))
      const moved = await openByName(store, 'ann', 'old/inbox')
      const [entry, second] = await moved.list()
      assert.deepEqual([entry!.emailId, entry!.flags, entry!.date], [first!.emailId, ['\\Seen'], first!.date])
      assert.equal((await moved.read(second!)).toString(), 'two')
      assert.notEqual((await moved.info()).uidValidity, before.uidValidity)
      assert.deepEqual(await inbox.append([mail()]), [3])
    },
  )
}

function deleting(backend: StoreBackend): void {
  contract(backend, 'a deleted mailbox is gone for those who hold it, its inferiors stay', async ({ store }) => {
    await store.mail.create('ann', 'a/b')
    const box = await openByName(store, 'ann', 'a')
    const [uid] = await box.append([mail()])
    const [entry] = await box.list()
    await store.mail.delete('ann', 'a')
    assert.equal(await store.mail.find('ann', 'a'), undefined)
    assert.ok(await store.mail.find('ann', 'a/b'))
    await assert.rejects(store.mail.open('ann', box.id), coded('mailbox-gone'))
    const inbox = await openByName(store, 'ann')
    const calls: readonly (() => Promise<unknown>)[] = [
      () => box.info(),
      () => box.list(),
      () => box.get([uid!]),
      () => box.get([]),
      () => box.read(entry!),
      () => box.append([mail()]),
      () => box.flag([uid!], { kind: 'add', flags: ['x'] }),
      () => box.flag([], { kind: 'add', flags: ['x'] }),
      () => box.expunge([uid!]),
      () => box.copy([uid!], inbox.id),
      () => box.move([uid!], inbox.id),
    ]
    for (const call of calls) await assert.rejects(call(), coded('mailbox-gone'), String(call))
    const { gone, changed, vanished } = await box.changes(0)
    assert.deepEqual({ gone, changed, vanished }, { gone: true, changed: [], vanished: [] })
  })

  contract(backend, 'INBOX cannot be deleted, nor what is not there', async ({ store }) => {
    await assert.rejects(store.mail.delete('ann', 'inbox'), coded('mailbox-forbidden'))
    await assert.rejects(store.mail.delete('ann', 'Ghost'), coded('mailbox-gone'))
    await assert.rejects(store.mail.delete('ann', 'a//b'), coded('mailbox-gone'))
  })

  contract(backend, 'a name made anew never has a UIDVALIDITY or id it had before, however fast', async ({ store }) => {
    const seen = new Set<number>()
    const ids = new Set<string>()
    for (let at = 0; at < 10; at++) {
      const { uidValidity, id, uidNext } = await store.mail.create('ann', 'Work')
      assert.equal(uidNext, 1)
      seen.add(uidValidity)
      ids.add(id)
      await store.mail.delete('ann', 'Work')
    }
    assert.deepEqual([seen.size, ids.size], [10, 10])
    assert.equal(Math.max(...seen), [...seen].at(-1))
  })

  contract(backend, 'a clock that goes back makes no UIDVALIDITY come back', async ({ store, clock }) => {
    const first = await store.mail.create('ann', 'Work')
    await store.mail.delete('ann', 'Work')
    clock.time -= 86_400_000
    assert.ok((await store.mail.create('ann', 'Work')).uidValidity > first.uidValidity)
  })

  contract(backend, 'deleting a large mailbox frees its bodies soon', async ({ store }) => {
    const box = await store.mail.create('ann', 'Large').then(({ id }) => store.mail.open('ann', id))
    await box.append(Array.from({ length: 1200 }, () => mail('x')))
    const bodies = (await box.list()).map(({ bodyId }) => bodyId)
    await store.mail.delete('ann', 'Large')
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 0, messages: 0 })
    for (
      let waited = 0;
      await store.blobs.read(bodies.at(-1)!).then(
        () => true,
        () => false,
      );
      waited++
    ) {
      assert.ok(waited < 200, 'bodies stay')
      await new Promise(done => setTimeout(done, 10))
    }
  })
}

async function find(store: MailStore, name: string) {
  const info = await store.find('ann', name)
  assert.ok(info, name)
  return info
}
