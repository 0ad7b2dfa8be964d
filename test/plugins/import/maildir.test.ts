/** Maildirs: the files here are as Dovecot 2.3.19 and Courier 5.0.13 have written them. */
import assert from 'node:assert/strict'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { asSent } from '../../../plugins/import/as-sent.js'
import { ANN, DATE, emptyFolder, freshStore, heldIn, lay, say } from './house.js'

const DOVECOTS = {
  'dovecot-uidlist': `3 V1795343235 N13 Gd9aac42681c3026baa74000083ecc375
1 :1795343233.M659868P29866.vm,S=68,W=75
2 :1795343233.M662818P29866.vm,S=68,W=75
12 Pold-uidl W20 :1795343233.M692181P29866.vm,S=71,W=78
13 :1795343233.M703343P29866.vm,S=17,W=20
`,
  'dovecot-keywords': '0 $MDNSent\n1 Important\n',
  subscriptions: 'V\t2\n\nWork\nWork\t2024\nB&APw-ro\n',
  'cur/1795343233.M659868P29866.vm,S=68,W=75:2,Sab': 'Subject: one\n\nbody\n',
  'cur/1795343233.M692181P29866.vm,S=71,W=78:2,FRDTP': 'Subject: twelve\n\nbody\n',
  'cur/1795343233.M662818P29866.vm,S=68,W=75:2,': 'Subject: two\n\nbody\n',
  'new/1795343299.M1P1.vm': 'Subject: new\n\nbody\n',
  'tmp/1795343300.M1P1.vm': 'Subject: half\n',
  '.Work.2024/cur/1.M1P1.vm:2,DRS': 'Subject: work\n\nx\n',
  '.Work.2024/dovecot-uidlist': '3 V1795343236 N8 Gx\n7 :1.M1P1.vm\n',
  '.B&APw-ro/cur/2.M1P1.vm:2,ab': 'Subject: büro\n\nx\n',
  '.B&APw-ro/dovecot-keywords': '0 kw1\n1 kw2\n',
}

test("Dovecot's Maildir comes with UIDs, UIDLs, flags, keywords, dates and subscriptions", async t => {
  const folder = await emptyFolder(t)
  await lay(folder, DOVECOTS)
  const store = freshStore()
  const { code, out } = await say(store, 'import maildir', [ANN.login, folder])
  assert.equal(code, 0)
  assert.match(out, /^ann@example\.test: INBOX {2}4 brought \(\d+B\), 3 UIDLs kept; UIDs and UIDVALIDITY kept$/m)
  const held = await heldIn(store)
  const inbox = held.get('INBOX')!
  assert.deepEqual([inbox.uidValidity, inbox.uidNext], [1_795_343_235, 14])
  assert.deepEqual(inbox.messages, [
    {
      uid: 1,
      flags: ['$MDNSent', 'Important', '\\Seen'],
      date: DATE,
      uniqueId: '000000016b02c383',
      text: 'Subject: one\r\n\r\nbody\r\n',
    },
    { uid: 2, flags: [], date: DATE, uniqueId: '000000026b02c383', text: 'Subject: two\r\n\r\nbody\r\n' },
    {
      uid: 12,
      flags: ['$Forwarded', '\\Answered', '\\Deleted', '\\Draft', '\\Flagged'],
      date: DATE,
      uniqueId: 'old-uidl',
      text: 'Subject: twelve\r\n\r\nbody\r\n',
    },
    { uid: 13, flags: [], date: DATE, text: 'Subject: new\r\n\r\nbody\r\n' },
  ])
  const work = held.get('Work/2024')!
  assert.deepEqual(
    [work.uidValidity, work.uidNext, work.subscribed, work.messages[0]!.uid],
    [1_795_343_236, 8, true, 7],
  )
  assert.deepEqual([held.get('Büro')!.messages[0]!.flags, held.get('Büro')!.subscribed], [['kw1', 'kw2'], true])
})

test("Courier's Maildir comes with the UIDs of its IMAP, the UIDLs of its POP3, and its keywords", async t => {
  const folder = await emptyFolder(t)
  await lay(folder, {
    courierimapuiddb: '1 795343429 5\n1 1795340001.P1.vm\n2 1795340002.P1.vm\n4 1795340009.P1.vm\n',
    courierpop3dsizelist:
      '/3 5 1795343394\n1795340001.P1.vm:2,S 21 1:1795343394:0\n1795340002.P1.vm:2,S 21 0:0:0\n1795340009.P1.vm:2, 17 4:0:0\n',
    'courierimapkeywords/1795340002.P1.vm': '$MDNSent\nWork\n',
    'courierimapkeywords/:list': 'a\nb\n\n1795340001.P1.vm:1\n',
    courierimapsubscribed: 'INBOX.Büro\n',
    'cur/1795340001.P1.vm:2,S': 'Subject: 1\n\n',
    'cur/1795340002.P1.vm:2,FS': 'Subject: 2\n\n',
    'cur/1795340009.P1.vm:2,': 'Subject: 9\n\n',
    '.Büro/cur/5.P1.vm:2,': 'Subject: 5\n\n',
  })
  const store = freshStore()
  await say(store, 'import maildir', [ANN.login, folder])
  const held = await heldIn(store)
  const { uidValidity, messages } = held.get('INBOX')!
  assert.equal(uidValidity, 795_343_429)
  assert.deepEqual(
    messages.map(({ uid, flags, uniqueId }) => [uid, flags, uniqueId]),
    [
      [1, ['\\Seen', 'b'], 'UID1-1795343394'],
      [2, ['$MDNSent', 'Work', '\\Flagged', '\\Seen'], '1795340002.P1.vm'],
      [4, [], 'UID4'],
    ],
  )
  assert.equal(held.get('Büro')!.subscribed, true)
})

test('an import that is run again brings what is new, and nothing twice', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, DOVECOTS)
  const store = freshStore()
  await say(store, 'import maildir', [ANN.login, folder])
  const inbox = await store.mail.open(ANN.id, (await store.mail.find(ANN.id, 'INBOX'))!.id)
  await inbox.expunge([2])
  // Seen by a client of the other server meanwhile, and another one has come.
  await rename(join(folder, 'new/1795343299.M1P1.vm'), join(folder, 'cur/1795343299.M1P1.vm:2,S'))
  await lay(folder, { 'new/1795343300.M1P1.vm': 'Subject: newer\n\n' })
  const { out } = await say(store, 'import maildir', [ANN.login, folder])
  assert.match(out, /INBOX {2}1 brought \(18B\), 4 were there/)
  assert.deepEqual((await inbox.list()).map(({ uid, flags }) => [uid, flags.length]), [[1, 3], [12, 5], [13, 0], [14, 0]]) // biome-ignore format: short
  const flagged = await say(store, 'import maildir', [ANN.login, folder], { flags: true })
  assert.match(flagged.out, /flags of 1 changed/)
  assert.deepEqual((await inbox.get([13]))[0]!.flags, ['\\Seen'])
})

test('a mailbox that had mail before gets new UIDs, keeps UIDLs, and the command says so', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, DOVECOTS)
  const store = freshStore()
  const inbox = await store.mail.open(ANN.id, (await store.mail.find(ANN.id, 'INBOX'))!.id)
  await inbox.append([{ body: { kind: 'memory', bytes: Buffer.from('x') }, flags: [], date: 0 }])
  const { out } = await say(store, 'import maildir', [ANN.login, folder])
  assert.match(out, /INBOX .* 3 UIDLs kept; UIDs are new, so IMAP clients fetch it anew/)
  assert.deepEqual((await inbox.list()).map(({ uid, uniqueId }) => [uid, uniqueId]).slice(1, 4), [
    [2, '000000016b02c383'],
    [3, '000000026b02c383'],
    [4, 'old-uidl'],
  ])
})

test('no two messages get the same UIDL, nor one that POP3 will say of another', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, {
    'dovecot-uidlist': '3 V77 N9\n1 Psame :1.x\n2 Psame :2.x\n3 P77-8 :3.x\n4 Pa b :4.x\n',
    ...Object.fromEntries([1, 2, 3, 4].map(number => [`cur/${number}.x:2,`, `Subject: ${number}\n\n`])),
  })
  const store = freshStore()
  await say(store, 'import maildir', [ANN.login, folder])
  const uidls = (await heldIn(store)).get('INBOX')!.messages.map(({ uniqueId }) => uniqueId)
  assert.deepEqual(uidls, ['same', undefined, undefined, 'a'])
})

for (const [format, wanted] of [
  ['%v-%u.', '77-5.'],
  ['%f', '5.x,S=3'],
  ['%Xu/%05u/%%', '5/00005/%'],
  ['none', undefined],
] as const)
  test(`--uidl ${format} gives ${wanted ?? 'no UIDL'}`, async t => {
    const folder = await emptyFolder(t)
    await lay(folder, { 'dovecot-uidlist': '3 V77 N9\n5 :5.x,S=3\n', 'cur/5.x,S=3:2,S': 'a: b\n\n' })
    const store = freshStore()
    // So that what begins with this UIDVALIDITY is not ours.
    await say(store, 'import maildir', [ANN.login, folder], { uidl: format, map: 'INBOX=INBOX' })
    const { uniqueId } = (await heldIn(store)).get('INBOX')!.messages[0]!
    assert.equal(uniqueId, format === '%v-%u.' ? undefined : wanted)
  })

test('links are not followed, and what is no file is told', async t => {
  const [folder, other] = [await emptyFolder(t), await emptyFolder(t)]
  await lay(other, { secret: 'not his\n', 'cur/1.x:2,': 'not his\n' })
  await lay(folder, { 'cur/1.x:2,': 'his: own\n\n' })
  await symlink(join(other, 'secret'), join(folder, 'cur/2.x:2,'))
  await symlink(other, join(folder, '.Linked'))
  await symlink(join(other, 'cur'), join(folder, 'new'))
  await mkdir(join(folder, 'cur/3.x:2,'))
  const store = freshStore()
  const { code, out, warned } = await say(store, 'import maildir', [ANN.login, folder])
  assert.deepEqual([code, warned.split('\n').length], [1, 2], warned)
  assert.match(out, /1 brought .* 2 failed/)
  assert.match(warned, /2\.x:2,: ELOOP\n.*3\.x:2,: EINVAL/)
  const held = await heldIn(store)
  assert.deepEqual([held.get('INBOX')!.messages.length, held.has('Linked')], [1, false])
})

test('folders within folders, names that cannot be, and a map', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, {
    'cur/.keep': '',
    'Projects/cur/1.x:2,': 'a: b\n\n',
    'Projects/Old/cur/1.x:2,': 'a: b\n\n',
    '.Sent Items/cur/1.x:2,': 'a: b\n\n',
    '.Sent Items.2020/cur/1.x:2,': 'a: b\n\n',
    '.a&AC8-b/cur/1.x:2,': 'a: b\n\n',
    '.INBOX/cur/1.x:2,': 'a: b\n\n',
  })
  const store = freshStore()
  const { warned } = await say(store, 'import maildir', [ANN.login, folder], { map: 'Sent Items=Sent' })
  assert.match(warned, /\.INBOX: no mailbox can be called so/)
  const names = [...(await heldIn(store)).values()]
    .filter(({ messages }) => messages.length > 0)
    .map(({ name }) => name)
  assert.deepEqual(names, ['Projects', 'Projects/Old', 'Sent', 'Sent/2020', 'a&AC8-b'])
})

test('octets stay, but for line ends and NUL', async t => {
  const folder = await emptyFolder(t)
  const octets = Buffer.concat([
    Buffer.from('Subject: \xff\r\n\nFrom x\n>From y\n.\n', 'latin1'),
    Buffer.from([0, 13, 10, 200]),
    Buffer.alloc(600_000, 'z'),
  ])
  await lay(folder, { 'cur/1.x:2,': octets })
  const store = freshStore()
  await say(store, 'import maildir', [ANN.login, folder])
  const [message] = (await heldIn(store)).get('INBOX')!.messages
  assert.equal(message!.text, `Subject: \xff\r\n\r\nFrom x\r\n>From y\r\n.\r\n\x80\r\n\xc8${'z'.repeat(600_000)}`)
})

test('line ends are made anywhere a file is cut, and a lone CR stays', async () => {
  const text = 'a\nb\r\nc\r\r\nd\re\n\n\r'
  for (const step of [1, 2, 3, 5, 100]) {
    const chunks = Array.from({ length: Math.ceil(text.length / step) }, (_, at) =>
      Buffer.from(text.slice(at * step, at * step + step)),
    )
    const out: Buffer[] = []
    for await (const chunk of asSent(Readable.from(chunks))) out.push(chunk)
    assert.equal(Buffer.concat(out).toString(), 'a\r\nb\r\nc\r\r\nd\re\r\n\r\n\r', String(step))
  }
})

test('what is too large is passed over, and quotas are told of', async t => {
  const folder = await emptyFolder(t)
  const small = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`cur/${at}.x:2,`, 'a: b\n\n']))
  await lay(folder, { ...small, 'cur/large.x:2,': 'x'.repeat(3000) })
  const { code, warned } = await say(freshStore(), 'import maildir', [ANN.login, folder], {}, { max_size: '2KB' })
  assert.equal(code, 1)
  assert.match(warned, /large\.x:2,: is larger than 2048 octets/)
  assert.match(warned, /ann@example\.test is over its quota now/)
})

test('faults of the command line are told before anything is done', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, { 'cur/1.x:2,': 'a: b\n\n' })
  const store = freshStore()
  const cases: readonly (readonly [readonly string[], Record<string, string>, RegExp])[] = [
    [['anna@example.test', folder], {}, /no account anna@example\.test, did you mean ann@example\.test\?/],
    [[ANN.login, join(folder, 'cur')], {}, /is not a Maildir/],
    [[ANN.login, folder, 'bob'], {}, /a LOGIN before each FOLDER/],
    [[ANN.login, folder], { map: 'a' }, /expected pairs/],
    [[ANN.login, folder], { map: 'a=/b' }, /expected pairs/],
    [[ANN.login, folder], { uidl: '%m' }, /%m is not known; there are %u, %v and %f/],
    [[ANN.login, folder], { uidl: '% u' }, /expected a format/],
  ]
  for (const [args, options, fault] of cases)
    await assert.rejects(say(store, 'import maildir', args, options), { name: 'CommandError', message: fault })
  assert.equal((await store.mail.usage(ANN.id)).messages, 0)
})

test('--dry-run only looks', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, DOVECOTS)
  const store = freshStore()
  const { out } = await say(store, 'import maildir', [ANN.login, folder], { 'dry-run': true, json: true })
  assert.deepEqual(
    JSON.parse(out)[0].mailboxes.map(({ mailbox, messages }: { mailbox: string; messages: number }) => [
      mailbox,
      messages,
    ]),
    [['INBOX', 4], ['Büro', 1], ['Work/2024', 1]], // biome-ignore format: short
  )
  assert.equal((await store.mail.usage(ANN.id)).messages, 0)
})

test('lists of nonsense are no lists: mail comes with new UIDs', async t => {
  for (const nonsense of [
    '',
    '\n',
    '3 V0 N1\n1 :1.x\n',
    '3 Vx\n',
    '9 V1 N1\n',
    '1 -5 2\n',
    '\0'.repeat(100),
    'x'.repeat(100_000),
  ]) {
    const folder = await emptyFolder(t)
    await lay(folder, { 'cur/1.x:2,S': 'a: b\n\n', 'dovecot-keywords': nonsense, courierpop3dsizelist: nonsense })
    await writeFile(join(folder, 'dovecot-uidlist'), nonsense)
    const store = freshStore()
    const { code } = await say(store, 'import maildir', [ANN.login, folder])
    assert.deepEqual([code, (await heldIn(store)).get('INBOX')!.messages.map(({ uid }) => uid)], [0, [1]])
  }
})

test('UIDs that do not fit their list are new ones', async t => {
  const folder = await emptyFolder(t)
  await lay(folder, {
    'dovecot-uidlist': '3 V77 N3\nx :1.x\n4294967295 :2.x\n0 :3.x\n5 4.x\n6 :5.x\n6 :6.x\n',
    ...Object.fromEntries([1, 2, 3, 4, 5, 6].map(number => [`cur/${number}.x:2,`, `a: ${number}\n\n`])),
  })
  const store = freshStore()
  const { out } = await say(store, 'import maildir', [ANN.login, folder])
  assert.match(out, /some UIDs were taken/)
  const { messages, uidNext } = (await heldIn(store)).get('INBOX')!
  assert.deepEqual([messages.map(({ uid }) => uid), uidNext], [[6, 7, 8, 9, 10, 11], 12])
})

test('an import that breaks off goes on where it was, with every UID', async t => {
  const folder = await emptyFolder(t)
  const files = Object.fromEntries(Array.from({ length: 450 }, (_, at) => [`cur/${at}.x:2,`, `Subject: ${at}\n\n`]))
  const uids = Array.from({ length: 450 }, (_, at) => `${2 * at + 7} :${at}.x`)
  await lay(folder, { ...files, 'dovecot-uidlist': `3 V77 N2000\n${uids.join('\n')}\n` })
  const store = freshStore()
  const open = store.mail.open.bind(store.mail)
  let left = 2
  store.mail.open = async (...args) => {
    const mailbox = await open(...args)
    const bring = mailbox.bring.bind(mailbox)
    mailbox.bring = async (...more) => {
      if (left-- === 0) throw new Error('the disk is full')
      return bring(...more)
    }
    return mailbox
  }
  await assert.rejects(say(store, 'import maildir', [ANN.login, folder]), /the disk is full/)
  left = Number.POSITIVE_INFINITY
  assert.equal((await heldIn(store)).get('INBOX')!.messages.length, 400)
  assert.match((await say(store, 'import maildir', [ANN.login, folder])).out, /50 brought .*, 400 were there/)
  const { messages, uidNext } = (await heldIn(store)).get('INBOX')!
  const [seen, wanted] = [
    messages.map(({ uid, text }) => `${uid} ${text.trim()}`),
    uids.map((_, at) => `${2 * at + 7} Subject: ${at}`),
  ]
  assert.deepEqual([seen, uidNext], [wanted, 2000])
})
