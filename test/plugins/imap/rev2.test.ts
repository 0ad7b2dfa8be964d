/** UTF-8 names (RFC 6855) and what else a client that has enabled IMAP4rev2 hears otherwise (RFC 9051 Appendix E). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Client, type Rig, startRig } from './rig.js'

const ID = 'id-ann'
const octets = (text: string) => Buffer.from(text).toString('latin1')
let rig: Rig

before(async () => {
  rig = await startRig()
})
after(() => rig.end())

async function client(...commands: string[]): Promise<Client> {
  const one = await rig.client('ann')
  for (const command of commands) await one.ok(command)
  return one
}

test('a name of UTF-8 is one mailbox, however it is written', async () => {
  const [plain, old] = [await client('ENABLE UTF8=ACCEPT'), await client()]
  await plain.ok(octets('CREATE "Entwürfe/R&D"'))
  assert.deepEqual(await plain.ok(octets('LIST "" "Entwü*"')), [
    octets('* LIST (\\HasChildren) "/" "Entwürfe"'),
    octets('* LIST (\\HasNoChildren) "/" "Entwürfe/R&D"'),
  ])
  assert.deepEqual(await old.ok('LIST "" "Entw*"'), [
    '* LIST (\\HasChildren) "/" "Entw&APw-rfe"',
    '* LIST (\\HasNoChildren) "/" "Entw&APw-rfe/R&-D"',
  ])
  assert.deepEqual(await old.ok(octets('STATUS "Entwürfe" (MESSAGES)')), ['* STATUS "Entw&APw-rfe" (MESSAGES 0)'])
  assert.deepEqual(await plain.ok(octets('STATUS "Entwürfe" (MESSAGES)')), [octets('* STATUS "Entwürfe" (MESSAGES 0)')])
  // What looks like modified UTF-7 is a name like any other.
  assert.match(await plain.answer('SELECT "Entw&APw-rfe"'), /^NO \[NONEXISTENT\]/)
  await plain.ok(octets('SUBSCRIBE "Entwürfe"'))
  assert.deepEqual(await plain.ok(octets('LSUB "" "%"')).then(lines => lines.filter(line => line.includes('Entw'))), [
    octets('* LSUB () "/" "Entwürfe"'),
  ])
})

test('a name that is not UTF-8 makes no mailbox', async () => {
  const plain = await client('ENABLE UTF8=ACCEPT')
  assert.match(await plain.answer('CREATE "Entw\xfcrfe"'), /^BAD Expected a string in UTF-8/)
  assert.match(await plain.answer('CREATE {8+}\r\nEntw\xfcrf'), /^NO \[CANNOT\] Expected a mailbox name in UTF-8/)
  assert.match(await plain.answer(octets('CREATE "a\u2028b"')), /^NO \[CANNOT\]/)
})

test('STATUS tells where a mailbox stands and its id, and makes a client that follows MODSEQs', async () => {
  await rig.store.mail.create(ID, 'told')
  const ann = await client('SELECT INBOX')
  const [highest, status] = await ann.ok('STATUS told (HIGHESTMODSEQ MAILBOXID)')
  assert.match(highest!, /^\* OK \[HIGHESTMODSEQ/)
  const { id, highestModseq } = (await rig.store.mail.find(ID, 'told'))!
  assert.equal(status, `* STATUS "told" (HIGHESTMODSEQ ${highestModseq} MAILBOXID (F${id}))`)
  assert.match(await ann.answer('CREATE told2'), /^OK \[MAILBOXID \(F[0-9a-z]+\)\]/)
})

test('who has enabled IMAP4rev2 hears what it says and nothing it has left out', async () => {
  await rig.store.mail.create(ID, 'two')
  const ann = await client()
  assert.deepEqual(await ann.ok('ENABLE IMAP4rev2'), ['* ENABLED IMAP4rev2'])
  assert.match((await ann.ok('CAPABILITY'))[0]!, / IMAP4rev1 IMAP4rev2 /)
  await ann.append('two', 'Subject: x\r\n\r\nx\r\n')
  const described = await ann.ok('SELECT two')
  assert.ok(described.includes('* LIST (\\HasNoChildren) "/" "two"'))
  assert.ok(described.every(line => !/RECENT|Recent|UNSEEN/.test(line)))
  for (const code of ['PERMANENTFLAGS', 'UIDNEXT', 'UIDVALIDITY'])
    assert.ok(described.some(line => line.includes(`[${code}`)))
  assert.deepEqual(await ann.ok('FETCH 1 FLAGS'), ['* 1 FETCH (FLAGS ())'])
  assert.match((await ann.ok('SEARCH ALL'))[0]!, /^\* ESEARCH \(TAG "t[0-9]+"\) ALL 1$/)
  assert.deepEqual(await ann.ok('STATUS two (DELETED SIZE MESSAGES)'), [
    '* STATUS "two" (DELETED 0 SIZE 17 MESSAGES 1)',
  ])
  assert.deepEqual(await ann.ok('STORE 1 +FLAGS (\\Draft)'), ['* 1 FETCH (UID 1 FLAGS (\\Draft))'])
  assert.match((await ann.ok('FETCH 1 BODY[TEXT]<0.9223372036854775807>'))[0]!, /UID 1 FLAGS \(\\Draft \\Seen\)\)$/)
  assert.match((await ann.ok('SEARCH LARGER 5000000000'))[0]!, /^\* ESEARCH \(TAG "t[0-9]+"\)$/)
  await ann.ok('STORE 1 FLAGS.SILENT ()')
  const other = await client('SELECT two')
  assert.deepEqual(await other.ok('FETCH 1 FLAGS'), ['* 1 FETCH (FLAGS (\\Recent))'])
})

test('a name that is kept in another form is told with the form it was given in', async () => {
  const ann = await client('ENABLE IMAP4rev2')
  const [composed, apart] = ['Caf\u00e9', 'Cafe\u0301'].map(octets)
  const old = `("OLDNAME" ("${apart}"))`
  assert.deepEqual(await ann.ok(`CREATE "${apart}"`), [`* LIST (\\HasNoChildren) "/" "${composed}" ${old}`])
  assert.ok((await ann.ok(`SELECT "${apart}"`)).includes(`* LIST (\\HasNoChildren) "/" "${composed}" ${old}`))
  assert.match(await ann.answer(`DELETE "${apart}"`), /^OK/)
})

test('a mailbox that is renamed is told where a name is kept in another form', async () => {
  const ann = await client('ENABLE IMAP4rev2')
  const [composed, apart] = ['Th\u00e9', 'The\u0301'].map(octets)
  await ann.ok('CREATE Tea')
  assert.deepEqual(await ann.ok(`RENAME Tea "${apart}"`), [
    `* LIST (\\HasNoChildren) "/" "${composed}" ("OLDNAME" ("Tea"))`,
  ])
  assert.deepEqual(await ann.ok(`RENAME "${apart}" Chai`), [
    `* LIST (\\HasNoChildren) "/" "Chai" ("OLDNAME" ("${apart}"))`,
  ])
  assert.deepEqual(await ann.ok('RENAME Chai Tea'), [])
  const old = await client()
  assert.deepEqual(await old.ok(`RENAME Tea "${apart}"`), [])
})

const INSIDE = `Subject: ${octets('Grüße')}\r\n\r\nx`
const GLOBAL = [
  'Content-Type: multipart/mixed; boundary=b\r\n',
  `--b\r\nContent-Type: message/global\r\n\r\n${INSIDE}`,
  '--b\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\neA==',
  '--b--\r\n',
].join('\r\n')
const SUBJECT = `{7}\r\n${octets('Grüße')}`.replace('{7}', `{${octets('Grüße').length}}`)
const OPENED = `("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" ${INSIDE.length} (NIL ${SUBJECT} NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1 1) 3)`
const CLOSED = '("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 4)'

for (const [when, before] of [
  ['at first', []],
  ['when it is kept what others are told', ['FETCH 1 BODYSTRUCTURE']],
] as const) {
  test(`MESSAGE/GLOBAL is told with what is inside to who has enabled IMAP4rev2, ${when}`, async () => {
    const name = `global${before.length}`
    await rig.store.mail.create(ID, name)
    const [ann, old] = [await client('ENABLE IMAP4rev2'), await client()]
    await ann.append(name, GLOBAL)
    for (const command of [`SELECT ${name}`, ...before]) await old.ok(command)
    await ann.ok(`SELECT ${name}`)
    const told = `BODY (${OPENED}${CLOSED} "MIXED")`
    assert.deepEqual(await ann.ok('FETCH 1 BODY'), [`* 1 FETCH (${told})`])
    assert.deepEqual(await ann.ok('FETCH 1 (BODY BODY.PEEK[1.TEXT])'), [`* 1 FETCH (${told} BODY[1.TEXT] {1}\r\nx)`])
    assert.match((await ann.ok('FETCH 1 FULL'))[0]!, /"MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" \d+ \(/)
    const [basic, extended] = [await old.ok('FETCH 1 BODY'), await old.ok('FETCH 1 BODYSTRUCTURE')]
    assert.match(
      basic[0]!,
      /\("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" \d+\)\("MESSAGE" "GLOBAL" NIL NIL NIL "BASE64" 4\)/,
    )
    assert.match(extended[0]!, /\("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" \d+ NIL NIL NIL NIL\)/)
  })
}

test('a mailbox made anew under a name has a larger UIDVALIDITY, and its UIDs begin anew', async () => {
  const ann = await client()
  const validity = async () => Number(/UIDVALIDITY (\d+)/.exec((await ann.ok('STATUS again (UIDVALIDITY)'))[0]!)![1])
  let before = 0
  for (let time = 0; time < 3; time++) {
    await ann.ok('CREATE again')
    const now = await validity()
    assert.ok(now > before)
    before = now
    await ann.ok('DELETE again')
  }
})

test('without what it is made of there is no IMAP4rev2', async () => {
  const without = await startRig({ config: { disable: ['SEARCHRES'] } })
  try {
    const ann = await without.client('ann')
    assert.doesNotMatch((await ann.ok('CAPABILITY'))[0]!, /IMAP4rev2/)
    assert.deepEqual(await ann.ok('ENABLE IMAP4rev2'), ['* ENABLED'])
  } finally {
    await without.end()
  }
})
