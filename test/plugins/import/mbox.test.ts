/** Mbox files: where messages begin and end, and the fields in which Dovecot 2.3.19 keeps flags and UIDs. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type MboxPiece, MboxSplitter } from '../../../plugins/import/mbox/splitter.js'
import { ANN, emptyFolder, freshStore, heldIn, lay, say } from './house.js'

const AT = Date.UTC(2017, 6, 14, 2, 40)

const DOVECOTS = `From ann@vm  Fri Jul 14 02:40:00 2017
From: a@example.test
Subject: m0
X-IMAPbase: 1795344003 0000000020 $MDNSent Important
X-UID: 1
Status: RO
X-Keywords: $MDNSent Important      
Content-Length: 86

.dot

From ann@example.test Mon Jan  1 10:00:00 2024
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx

From ann@vm  Fri Jul 14 02:40:00 2017
Subject: m1
X-UID: 2
Status: O
X-Status: FDAT
X-Keywords:
	  folded
Content-Length: 5

>From
`

test("Dovecot's mbox comes with UIDs, UIDLs, flags, keywords and dates, and without its fields", async t => {
  const folder = await emptyFolder(t)
  await lay(folder, { inbox: DOVECOTS })
  const store = freshStore()
  const { code, out } = await say(store, 'import mbox', [ANN.login, join(folder, 'inbox')])
  assert.equal(code, 0)
  assert.match(out, /INBOX {2}2 brought .*, 2 UIDLs kept; UIDs and UIDVALIDITY kept/)
  const { uidValidity, uidNext, messages } = (await heldIn(store)).get('INBOX')!
  assert.deepEqual([uidValidity, uidNext], [1_795_344_003, 21])
  assert.deepEqual(messages, [
    {
      uid: 1,
      flags: ['$MDNSent', 'Important', '\\Seen'],
      date: AT,
      uniqueId: '000000016b02c683',
      text: 'From: a@example.test\r\nSubject: m0\r\n\r\n.dot\r\n\r\nFrom ann@example.test Mon Jan  1 10:00:00 2024\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n',
    },
    {
      uid: 2,
      flags: ['\\Answered', '\\Deleted', '\\Draft', '\\Flagged', 'folded'],
      date: AT,
      uniqueId: '000000026b02c683',
      text: 'Subject: m1\r\n\r\n>From\r\n',
    },
  ])
  assert.match((await say(store, 'import mbox', [ANN.login, join(folder, 'inbox')])).out, /0 brought .*, 2 were there/)
})

test("in Dovecot's mbox X-UIDL is its sender's, and in that of others its server's", async t => {
  const folder = await emptyFolder(t)
  const one = (subject: string, fields: string) =>
    `From a Fri Jul 14 02:40:00 2017\n${fields}Subject: ${subject}\n\nbody\n\n`
  const dovecots = [
    one('1', 'X-UIDL: his\nX-IMAPbase: 1700000000 0000000002\nX-UID: 1\n'),
    one('2', 'X-UIDL: his\nX-UID: 2\n'),
  ]
  await lay(folder, { dovecots: dovecots.join(''), others: one('1', 'X-UIDL: his\n') + one('2', 'X-UIDL: hers\n') })
  const brought = async (file: string, options: Record<string, string> = {}) => {
    const store = freshStore()
    await say(store, 'import mbox', [ANN.login, join(folder, file)], options)
    return (await heldIn(store)).get('INBOX')!.messages.map(({ uniqueId, text }) => [uniqueId, /X-UIDL/.test(text)])
  }
  // What its POP3 server says.
  assert.deepEqual(await brought('dovecots'), [['000000016553f100', true], ['000000026553f100', true]]) // biome-ignore format: short
  assert.deepEqual(await brought('dovecots', { uidl: 'x-uidl' }), [['his', false], [undefined, false]]) // biome-ignore format: short
  assert.deepEqual(await brought('others'), [['his', false], ['hers', false]]) // biome-ignore format: short
})

test('a message has the same name when its flags have changed, and one that lies there twice comes twice', async t => {
  const folder = await emptyFolder(t)
  const mail = 'From a Fri Jul 14 02:40:00 2017\nSubject: x\n\nbody\n\n'
  await lay(folder, { inbox: mail + mail })
  const store = freshStore()
  await say(store, 'import mbox', [ANN.login, join(folder, 'inbox')])
  await lay(folder, { inbox: (mail + mail).replaceAll('Subject', 'Status: RO\nX-UIDL: abc\nSubject') })
  const { out } = await say(store, 'import mbox', [ANN.login, join(folder, 'inbox')], { flags: true })
  assert.match(out, /0 brought .*, 2 were there, flags of 2 changed/)
  assert.deepEqual(
    (await heldIn(store)).get('INBOX')!.messages.map(({ flags }) => flags),
    [['\\Seen'], ['\\Seen']],
  )
})

test('a folder of files is an account: names, subscriptions, an INBOX beside it', async t => {
  const folder = await emptyFolder(t)
  const mail = (subject: string) => `From a Fri Jul 14 02:40:00 2017\nSubject: ${subject}\n\nbody\n\n`
  await lay(folder, {
    'mail/Work': mail('work'),
    'mail/B&APw-ro/2024': mail('büro'),
    'mail/inbox': mail('not this one'),
    'mail/notes.txt': 'no mail',
    'mail/Empty': '',
    'mail/.imap/INBOX/dovecot.index': 'x',
    'mail/.subscriptions': 'Work\n',
    'spool/ann': `From MAILER-DAEMON Fri Jul 14 02:40:00 2017
Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA
X-IMAP: 1500000000 0000000009
Status: RO

This text is part of the internal format of your mail folder.

From a Fri Jul 14 02:40:00 2017
X-UID: 9
X-UIDL: "kept"
Subject: his

body
`,
  })
  const store = freshStore()
  const { warned } = await say(store, 'import mbox', [ANN.login, join(folder, 'mail')], {
    inbox: join(folder, 'spool/ann'),
  })
  assert.match(warned, /mail\/inbox: .*spool\/ann is INBOX; passed over/)
  assert.match(warned, /notes\.txt: no mbox file; passed over/)
  const held = await heldIn(store)
  const inbox = held.get('INBOX')!
  assert.deepEqual([inbox.uidValidity, inbox.uidNext], [1_500_000_000, 10])
  assert.deepEqual(inbox.messages.map(({ uid, uniqueId }) => [uid, uniqueId]), [[9, '"kept"']]) // biome-ignore format: short
  assert.deepEqual([held.get('Work')!.subscribed, held.get('Work')!.messages.length], [true, 1])
  assert.deepEqual([held.get('Büro/2024')!.messages.length, held.get('Empty')!.messages.length], [1, 0])
})

// ── where messages begin and end ──

const FROM = 'From a@b Fri Jul 14 02:40:00 2017\n'

const SPLITS: readonly (readonly [name: string, text: string, bodies: readonly string[]])[] = [
  ['nothing', '', []],
  ['no From line', 'Subject: x\n\nx\n', []],
  ['one message', `${FROM}a\n\nb\n`, ['a\n\nb\n']],
  ['an empty line between is nobody’s', `${FROM}a\n\nb\n\n${FROM}c\n`, ['a\n\nb\n', 'c\n']],
  ['of two empty lines one is the message’s', `${FROM}a\n\nb\n\n\n${FROM}c\n`, ['a\n\nb\n\n', 'c\n']],
  ['a From line without an empty line before', `${FROM}a\n${FROM}b\n`, [`a\n${FROM}b\n`]],
  ['a From line without a date', `${FROM}a\n\nFrom now on\nb\n`, ['a\n\nFrom now on\nb\n']],
  ['quoted lines', `${FROM}a\n\n>${FROM}b\n`, [`a\n\n>${FROM}b\n`]],
  ['CRLF', `${FROM.replace('\n', '\r\n')}a\r\n\r\n${FROM.replace('\n', '\r\n')}b\r\n`, ['a\r\n', 'b\r\n']],
  ['an end without a line end', `${FROM}a\n\nb`, ['a\n\nb']],
  ['a message of nothing', `${FROM}\n${FROM}`, ['', '']],
  [
    'a From line that is too long',
    `${FROM}a\n\nFrom ${'x'.repeat(2000)} Fri Jul 14 02:40:00 2017\nb\n`,
    [`a\n\nFrom ${'x'.repeat(2000)} Fri Jul 14 02:40:00 2017\nb\n`],
  ],
]

for (const [name, text, bodies] of SPLITS)
  test(`split: ${name}, cut anywhere`, () => {
    for (const step of [1, 2, 3, 7, 64, 10_000]) {
      const splitter = new MboxSplitter()
      const pieces: MboxPiece[] = []
      for (let at = 0; at < text.length; at += step)
        pieces.push(...splitter.push(Buffer.from(text.slice(at, at + step))))
      pieces.push(...splitter.end())
      assert.deepEqual(
        pieces.map(({ start, end }) => text.slice(start, end)),
        bodies,
        String(step),
      )
      for (const { from, date } of pieces) assert.deepEqual([text.slice(from, from + 5), date], ['From ', AT])
    }
  })

for (const [line, date] of [
  ['From a@b Fri Jul 14 02:40:00 2017', AT],
  ['From "a b"@c  Fri Jul 14 02:40 2017', AT],
  ['From a Fri Jul 14 02:40:00 UTC 2017', AT],
  ['From a Fri Jul 14 04:40:00 +0200 2017', AT],
  ['From a Fri Jul 14 02:10:00 2017 -0030', AT],
  ['From  Fri Jul 14 02:40:00 2017', AT],
  ['From a Fri, Jul 14 02:40:00 2017 remote from b', undefined],
  ['From a 2017-07-14', undefined],
] as const)
  test(`${line} ${date === undefined ? 'begins no message' : 'begins a message'}`, () => {
    const splitter = new MboxSplitter()
    const pieces = [...splitter.push(Buffer.from(`${line}\nx\n`)), ...splitter.end()]
    assert.equal(pieces[0]?.date, date)
  })
