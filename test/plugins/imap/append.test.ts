/** APPEND of several messages, of binary ones, within a quota; REPLACE; literals that do not wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { type Client, type Rig, startRig } from './rig.js'

async function withRig(options: Parameters<typeof startRig>[0], look: (client: Client, rig: Rig) => Promise<void>) {
  const rig = await startRig(options)
  try {
    await look(await rig.client('ann'), rig)
  } finally {
    await rig.end()
  }
}

const literal = (text: string, mark = '') => `${mark}{${text.length}+}\r\n${text}`

const numbers = async (client: Client, mailbox = 'INBOX') =>
  /\((.*)\)/.exec((await client.ok(`STATUS ${mailbox} (MESSAGES SIZE UIDNEXT)`))[0]!)![1]

const quotaOf = (quotaBytes: number) =>
  authenticatorOf(login => ({ id: `id-${login}`, login, addresses: [], quotaBytes }))

test('several messages come with one command, each with its flags and its date', () =>
  withRig({}, async client => {
    const text = `APPEND INBOX (\\Seen) ${literal('a: 1\r\n\r\n')} "17-Jul-1996 02:44:25 -0700" ${literal('b: 2\r\n\r\n')} ${literal('c')}`
    assert.match(await client.answer(text), /^OK \[APPENDUID [0-9]+ 1:3\]/)
    await client.ok('SELECT INBOX')
    const told = await client.ok('FETCH 1:3 (FLAGS INTERNALDATE RFC822.SIZE)')
    assert.match(told[0]!, /FLAGS \(\\Recent \\Seen\).* RFC822\.SIZE 8\)/)
    assert.match(told[1]!, /FLAGS \(\\Recent\) INTERNALDATE "17-Jul-1996 09:44:25 \+0000"/)
    assert.match(told[2]!, /RFC822\.SIZE 1\)/)
  }))

for (const [what, last, answer] of [
  ['an empty one cancels', literal(''), /^NO \[CANNOT\] An empty message/],
  ['a date there is not', `"31-Feb-2020 00:00:00 +0000" ${literal('x')}`, /^BAD Expected a day that exists/],
  ['one that is too large', literal('x'.repeat(2000)), /^NO \[TOOBIG\]/],
  ['something else', 'nonsense', /^BAD Expected a literal/],
] as const) {
  test(`of several messages none stays: ${what}`, () =>
    withRig({ maxMessageBytes: 1000 }, async client => {
      assert.match(await client.answer(`APPEND INBOX ${literal('a: 1\r\n\r\n')} ${last}`), answer)
      assert.equal(await numbers(client), 'MESSAGES 0 SIZE 0 UIDNEXT 1')
    }))
}

test('what came of large messages before the command failed is gone from the store', async () => {
  const store = createMemoryStore()
  const drafts: { abandoned: boolean }[] = []
  const blobs = {
    read: store.blobs.read.bind(store.blobs),
    draft: () => {
      const draft = store.blobs.draft()
      const seen = { abandoned: false }
      drafts.push(seen)
      const abandon = async () => {
        seen.abandoned = true
        await draft.abandon()
      }
      return { write: (chunk: Buffer) => draft.write(chunk), finish: () => draft.finish(), abandon }
    },
  }
  await withRig({ store: { ...store, close: () => store.close(), blobs } as typeof store }, async client => {
    const large = literal('x'.repeat(200_000))
    assert.match(await client.answer(`APPEND INBOX ${large} ${large} ${literal('')}`), /^NO/)
    assert.match(await client.answer(`APPEND INBOX ${large} nonsense ${large}`), /^BAD/)
    assert.deepEqual(drafts, [{ abandoned: true }, { abandoned: true }, { abandoned: true }])
  })
})

test('a command has a bounded number of literals', () =>
  withRig({}, async client => {
    const answer = await client.answer(`APPEND INBOX${` ${literal('x')}`.repeat(201)}`)
    assert.match(answer, /^NO \[LIMIT\] There are 200 literals/)
    assert.equal(await numbers(client), 'MESSAGES 0 SIZE 0 UIDNEXT 1')
  }))

test('without MULTIAPPEND one message is all', () =>
  withRig({ config: { disable: ['MULTIAPPEND'] } }, async client => {
    assert.match(await client.answer(`APPEND INBOX ${literal('x')} ${literal('y')}`), /^BAD Expected the end/)
  }))

test('a quota is told, kept by APPEND, COPY and REPLACE, and refused before the message is sent', () =>
  withRig({ authenticator: quotaOf(3000) }, async client => {
    const body = 'x'.repeat(1100)
    await client.append('INBOX', body)
    assert.deepEqual(await client.ok('GETQUOTAROOT nowhere'), [
      '* QUOTAROOT "nowhere" ""',
      '* QUOTA "" (STORAGE 2 3 MAILBOX 6 5000)',
    ])
    assert.match(await client.answer(`APPEND INBOX ${literal(body)} ${literal(body)}`), /^NO \[OVERQUOTA\]/)
    client.send('w APPEND INBOX {2000}\r\n')
    assert.match((await client.answerTo('w')).at(-1)!, /^NO \[OVERQUOTA\]/)
    await client.append('INBOX', body)
    await client.ok('SELECT INBOX')
    assert.match(await client.answer('COPY 1 Archive'), /^NO \[OVERQUOTA\]/)
    assert.match(await client.answer('MOVE 1 Archive'), /^OK/)
    assert.match(await client.answer(`REPLACE 1 INBOX ${literal('y'.repeat(1800))}`), /^OK/)
    assert.match(await client.answer(`REPLACE 1 INBOX ${literal('y'.repeat(2000))}`), /^NO \[OVERQUOTA\]/)
    assert.equal(await numbers(client), 'MESSAGES 1 SIZE 1800 UIDNEXT 4')
  }))

test('a quota of messages is told and kept, and a replacement needs no room', () =>
  withRig(
    { authenticator: authenticatorOf(login => ({ id: `id-${login}`, login, addresses: [], quotaMessages: 2 })) },
    async client => {
      assert.match(
        await client.answer(`APPEND INBOX ${literal('1')} ${literal('2')} ${literal('3')}`),
        /^NO \[OVERQUOTA\]/,
      )
      assert.match(await client.answer(`APPEND INBOX ${literal('1')} ${literal('2')}`), /^OK/)
      assert.deepEqual(await client.ok('GETQUOTA ""'), ['* QUOTA "" (MESSAGE 2 2 MAILBOX 6 5000)'])
      await client.ok('SELECT INBOX')
      assert.match(await client.answer('COPY 1 Archive'), /^NO \[OVERQUOTA\]/)
      assert.match(await client.answer(`REPLACE 1 INBOX ${literal('3')}`), /^OK/)
    },
  ))

test('nobody but the administrator sets a quota, and what has no limit is not named', () =>
  withRig({}, async client => {
    assert.deepEqual(await client.ok('GETQUOTA ""'), ['* QUOTA "" (MAILBOX 6 5000)'])
    assert.match(await client.answer('GETQUOTA other'), /^NO \[NONEXISTENT\]/)
    assert.match(await client.answer('SETQUOTA "" (STORAGE 512)'), /^NO \[NOPERM\]/)
    assert.match(await client.answer('SETQUOTA "" (STORAGE)'), /^BAD/)
  }))

test('REPLACE puts one in the place of another, in the same mailbox or elsewhere', () =>
  withRig({}, async (client, { store }) => {
    await client.append('Drafts', 'one', '(\\Flagged) ')
    await client.append('Drafts', 'two')
    await client.ok('SELECT Drafts')
    const told = await client.command(`REPLACE 1 Drafts (\\Draft) ${literal('one again')}`)
    assert.match(told[0]!, /^\* OK \[APPENDUID [0-9]+ 3\]/)
    assert.deepEqual(told.slice(1), ['* 1 EXPUNGE', '* 2 EXISTS', '* 2 RECENT', 'OK Message replaced'])
    assert.match((await client.ok('FETCH 2 FLAGS'))[0]!, /\\Draft/)
    assert.match(await client.answer(`UID REPLACE 3 Sent ${literal('sent')}`), /^OK/)
    const usage = await store.mail.usage('id-ann')
    assert.deepEqual(usage, { messages: 2, bytes: 7 })
  }))

test('with QRESYNC the answer to REPLACE says up to where all is told, as that to UID EXPUNGE does', () =>
  withRig({}, async (client, { store }) => {
    await client.append('INBOX', 'one')
    await client.append('INBOX', 'two')
    await client.ok('ENABLE QRESYNC')
    await client.ok('SELECT INBOX')
    for (const [command, uid] of [
      [`REPLACE 1 INBOX ${literal('one again')}`, 1],
      [`UID REPLACE 2 Drafts ${literal('two again')}`, 2],
    ] as const) {
      const told = await client.command(command)
      const { highestModseq } = (await store.mail.find('id-ann', 'INBOX'))!
      assert.ok(told.includes(`* VANISHED ${uid}`))
      assert.equal(told.at(-1), `OK [HIGHESTMODSEQ ${highestModseq}] Message replaced`)
    }
  }))

for (const [what, command, answer] of [
  ['a number beyond the mailbox', `REPLACE 7 INBOX ${literal('x')}`, /^BAD There is no message 7/],
  ['a UID that is gone', `UID REPLACE 7 INBOX ${literal('x')}`, /^NO \[NONEXISTENT\]/],
  ['a mailbox there is not', `REPLACE 1 Nowhere ${literal('x')}`, /^NO \[TRYCREATE\]/],
  ['an empty message', `REPLACE 1 INBOX ${literal('')}`, /^NO \[CANNOT\]/],
  ['two messages', `REPLACE 1 INBOX ${literal('x')} ${literal('y')}`, /^BAD Expected the end/],
  ['a set', `REPLACE 1:2 INBOX ${literal('x')}`, /^BAD/],
  ['no message', 'REPLACE 1 INBOX', /^BAD/],
] as const) {
  test(`REPLACE of ${what} changes nothing`, () =>
    withRig({}, async client => {
      await client.append('INBOX', 'old')
      await client.ok('SELECT INBOX')
      assert.match(await client.answer(command), answer)
      assert.equal(await numbers(client), 'MESSAGES 1 SIZE 3 UIDNEXT 2')
    }))
}

test('REPLACE needs a mailbox open for writing, and the client hears it before it sends', () =>
  withRig({}, async client => {
    await client.append('INBOX', 'old')
    assert.match(await client.answer(`REPLACE 1 INBOX ${literal('x')}`), /^BAD REPLACE needs a mailbox/)
    await client.ok('EXAMINE INBOX')
    client.send('r REPLACE 1 INBOX {5}\r\n')
    assert.match((await client.answerTo('r')).at(-1)!, /^NO \[READ-ONLY\]/)
  }))

const BINARY =
  'Subject: b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\x01\xff\n'

test('a binary message is kept such that every command can tell it, and comes back as it was', () =>
  withRig({}, async client => {
    assert.match(await client.answer(`APPEND INBOX ${literal(BINARY, '~')}`), /^OK/)
    assert.match(await client.answer(`APPEND INBOX ${literal('Subject: text\r\n\r\nno NUL\r\n', '~')}`), /^OK/)
    await client.ok('SELECT INBOX')
    assert.deepEqual(await client.ok('FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])'), [
      '* 1 FETCH (BINARY.SIZE[1] 4 BINARY[1] ~{4}\r\n\0\x01\xff\n)',
    ])
    assert.match((await client.ok('FETCH 1 BODY.PEEK[1]'))[0]!, /AAH\/Cg==\r\n/)
    assert.match((await client.ok('FETCH 2 BODY[]'))[0]!, /\{25\}\r\nSubject: text\r\n\r\nno NUL\r\n/)
    assert.match(await client.answer(`APPEND INBOX ${literal('Subject: \0\r\n\r\n', '~')}`), /^NO \[UNKNOWN-CTE\]/)
  }))

test('a message with UTF-8 in its header is told to be one, where that is enabled', () =>
  withRig({}, async client => {
    const text = 'Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\n'
    const command = `APPEND INBOX (\\Seen) UTF8 (${literal(text, '~')})`
    assert.match(await client.answer(command), /^BAD/)
    await client.ok('ENABLE UTF8=ACCEPT')
    assert.match(await client.answer(command), /^OK/)
    client.send(`u APPEND INBOX UTF8 (~{${text.length}}\r\n`)
    assert.match(await client.response(), /^\+ /)
    client.send(`${text})\r\n`)
    assert.match((await client.answerTo('u')).at(-1)!, /^OK/)
    await client.ok('SELECT INBOX')
    assert.ok((await client.ok('FETCH 1 BODY[]'))[0]!.includes(`{${text.length}}\r\n${text}`))
  }))

test('a large part comes decoded piece by piece, whole and from any place', () =>
  withRig({}, async client => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * 7919) & 255))
    const lines = bytes.toString('base64').replace(/.{76}/g, '$&\r\n')
    await client.append('INBOX', `Content-Type: image/x\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}`)
    const quoted = `${'=C3=BC'.repeat(60_000)}=\r\n${'line=20 \r\n'.repeat(40_000)}`
    await client.append('INBOX', `Content-Transfer-Encoding: quoted-printable\r\n\r\n${quoted}`)
    await client.ok('SELECT INBOX')
    const [whole] = await client.ok('FETCH 1 (BINARY.SIZE[1] BINARY[1])', 30_000)
    assert.match(whole!.slice(0, 80), /^\* 1 FETCH \(BINARY\.SIZE\[1\] 700000 BINARY\[1\] ~\{700000\}\r\n/)
    assert.ok(Buffer.from(whole!, 'latin1').includes(bytes))
    const [part] = await client.ok('FETCH 1 BINARY.PEEK[1]<345678.9>')
    assert.ok(part!.endsWith(`BINARY[1]<345678> ~{9}\r\n${bytes.toString('latin1', 345_678, 345_687)})`))
    const text = `${'\xc3\xbc'.repeat(60_000)}${'line \r\n'.repeat(40_000)}`
    const [second] = await client.ok('FETCH 2 BINARY[1]', 30_000)
    assert.ok(second!.includes(`{${text.length}}\r\n${text}`))
  }))

test('an encoding nobody knows is NO, and a part there is not is nothing', () =>
  withRig({}, async client => {
    await client.append('INBOX', 'Content-Transfer-Encoding: rot13\r\n\r\nuryyb\r\n')
    await client.ok('SELECT INBOX')
    assert.match(await client.answer('FETCH 1 BINARY[1]'), /^NO \[UNKNOWN-CTE\]/)
    assert.match(await client.answer('FETCH 1 BINARY.SIZE[1]'), /^NO \[UNKNOWN-CTE\]/)
    assert.deepEqual(await client.ok('FETCH 1 (BINARY.PEEK[2] BINARY.SIZE[2])'), [
      '* 1 FETCH (BINARY[2] NIL BINARY.SIZE[2] 0)',
    ])
    assert.match(await client.answer('FETCH 1 BINARY[1.MIME]'), /^BAD/)
    assert.match(await client.answer('FETCH 1 BINARY.SIZE[1]<0.1>'), /^BAD/)
  }))

test('without BINARY nobody knows of it', () =>
  withRig({ config: { disable: ['BINARY', 'IMAP4rev2'] } }, async client => {
    await client.append('INBOX', 'x')
    await client.ok('SELECT INBOX')
    assert.match(await client.answer('FETCH 1 BINARY[1]'), /^BAD Expected an item to fetch/)
    assert.match(await client.answer(`APPEND INBOX ${literal('x', '~')}`), /^BAD Expected a literal/)
  }))

test('with LITERAL- short literals come unasked, longer ones are BAD and the conversation goes on', () =>
  withRig({ config: { literals: 'LITERAL-' } }, async client => {
    assert.match(await client.answer(`APPEND INBOX ${literal('x'.repeat(4096))}`), /^OK/)
    assert.match(await client.answer(`APPEND INBOX ${literal('x'.repeat(4097))}`), /^BAD \[TOOBIG\]/)
    client.send('s APPEND INBOX {5000}\r\n')
    assert.match(await client.response(), /^\+ /)
    client.send(`${'x'.repeat(5000)}\r\n`)
    assert.match((await client.answerTo('s')).at(-1)!, /^OK/)
  }))

test('with neither, every literal is to be waited for', () =>
  withRig({ config: { disable: ['LITERAL+'] } }, async (_, rig) => {
    const client = await rig.client()
    assert.match(await client.answer(`LOGIN ${literal('ann')} secret`), /^BAD Literals are to be announced/)
    client.send('l LOGIN {3}\r\n')
    assert.match(await client.response(), /^\+ /)
    client.send('ann secret\r\n')
    assert.match((await client.answerTo('l')).at(-1)!, /^OK/)
  }))
