/** What SEARCH, SORT and THREAD answer, in conversations. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Client, type Rig, startRig } from '../rig.js'

let rig: Rig
let ann: Client

const MAILS = [
  [
    'Date: Mon, 2 Jan 2023 10:00:00 +0000',
    'From: "Zoe" <zoe@a.test>',
    'To: bob@b.test',
    'Subject: Apples',
    'Message-ID: <1@a>',
  ],
  [
    'Date: Mon, 2 Jan 2023 09:00:00 +0000',
    'From: adam@a.test',
    'To: Carl <carl@b.test>',
    'Cc: eve@c.test',
    'Subject: re: apples',
    'Message-ID: <2@a>',
    'In-Reply-To: <1@a>',
  ],
  [
    'Date: Tue, 3 Jan 2023 00:30:00 +0200',
    'From: =?iso-8859-1?Q?J=FCrgen?= <j@a.test>',
    'To: abe@b.test',
    'Subject: =?utf-8?B?w4RwZmVs?=',
    'Message-ID: <3@a>',
  ],
  ['From: nobody@a.test', 'Subject: [list] Apples (fwd)', 'Content-Type: text/plain; charset=koi8-r'],
] as const

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
  const koi8 = Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4])
  for (const [index, fields] of MAILS.entries()) {
    const text = Buffer.from(`${fields.join('\r\n')}\r\n\r\n${'line\r\n'.repeat(index)}`)
    const body = index === 3 ? Buffer.concat([text, koi8, Buffer.from('\r\n')]) : text
    await ann.append('INBOX', body, `"0${index + 1}-Feb-2023 00:00:00 +0000" `)
  }
  await ann.ok('STORE 1 +FLAGS (x)').catch(() => undefined)
  await ann.ok('SELECT INBOX')
})
after(() => rig.end())

async function said(command: string): Promise<string> {
  return (await ann.ok(command)).join('|').replace(/TAG "[^"]+"/, 'TAG')
}

for (const [command, answer] of [
  ['SEARCH RETURN () ALL', '* ESEARCH (TAG) ALL 1:4'],
  ['SEARCH RETURN (MIN MAX COUNT) SUBJECT apples', '* ESEARCH (TAG) MIN 1 MAX 4 COUNT 3'],
  ['UID SEARCH RETURN (ALL) SUBJECT apples', '* ESEARCH (TAG) UID ALL 1:2,4'],
  ['SEARCH RETURN (MIN COUNT) SUBJECT nowhere', '* ESEARCH (TAG) COUNT 0'],
  ['SEARCH RETURN (ALL) SUBJECT nowhere', '* ESEARCH (TAG)'],
  ['SEARCH SUBJECT APPLES', '* SEARCH 1 2 4'],
  ['SEARCH CHARSET ISO-8859-1 SUBJECT {5+}\r\n\xe4pfel', '* SEARCH 3'],
  ['SEARCH CHARSET UTF-8 SUBJECT {6+}\r\n\xc3\x84PFEL', '* SEARCH 3'],
  ['SEARCH CHARSET WINDOWS-1251 BODY {6+}\r\n\xcf\xf0\xe8\xe2\xe5\xf2', '* SEARCH 4'],
  ['SEARCH FROM {7+}\r\nJ\xc3\xbcrgen', '* SEARCH 3'],
  ['SEARCH OLDER 3600', '* SEARCH 1 2 3 4'],
  ['SEARCH YOUNGER 3600', '* SEARCH'],
  ['SEARCH SAVEDSINCE 1-Jan-2020 NOT SAVEDBEFORE 1-Jan-2020 SAVEDATESUPPORTED', '* SEARCH 1 2 3 4'],
  ['SEARCH EMAILID nothing', '* SEARCH'],
  ['SEARCH OR UID 1 THREADID nothing', '* SEARCH 1'],
  ['SEARCH SENTON 3-Jan-2023', '* SEARCH 3'],
  ['SORT (SUBJECT) UTF-8 ALL', '* SORT 1 2 4 3'],
  ['SORT (SUBJECT REVERSE DATE) UTF-8 ALL', '* SORT 4 1 2 3'],
  ['SORT (DATE) UTF-8 1:3', '* SORT 2 1 3'],
  ['SORT (REVERSE ARRIVAL) UTF-8 ALL', '* SORT 4 3 2 1'],
  ['SORT (FROM) UTF-8 ALL', '* SORT 2 3 4 1'],
  ['SORT (TO) UTF-8 ALL', '* SORT 4 3 1 2'],
  ['SORT (REVERSE CC) UTF-8 ALL', '* SORT 2 1 3 4'],
  ['SORT (REVERSE SIZE) US-ASCII 1', '* SORT 1'],
  ['UID SORT (DATE) US-ASCII SUBJECT nowhere', '* SORT'],
  ['SORT RETURN (MIN MAX ALL COUNT) (REVERSE ARRIVAL) UTF-8 ALL', '* ESEARCH (TAG) MIN 4 MAX 1 ALL 4,3,2,1 COUNT 4'],
  ['THREAD ORDEREDSUBJECT UTF-8 ALL', '* THREAD (2 (1)(4))(3)'],
  ['THREAD REFERENCES UTF-8 ALL', '* THREAD (1 (2)(4))(3)'],
  ['UID THREAD REFERENCES UTF-8 SUBJECT nowhere', '* THREAD'],
] as const) {
  test(`${JSON.stringify(command)} is answered ${answer}`, async () => assert.equal(await said(command), answer))
}

test('$ stands for what was saved, until it is saved anew', async () => {
  assert.equal(await said('SEARCH RETURN (SAVE) SUBJECT apples'), '')
  assert.equal(await said('SEARCH $ FROM adam'), '* SEARCH 2')
  assert.equal(await said('UID SEARCH UID $'), '* SEARCH 1 2 4')
  assert.equal(await said('FETCH $ (UID)'), '* 1 FETCH (UID 1)|* 2 FETCH (UID 2)|* 4 FETCH (UID 4)')
  assert.equal(await said('SEARCH RETURN (SAVE MIN MAX) $'), '* ESEARCH (TAG) MIN 1 MAX 4')
  assert.equal(await said('SEARCH RETURN (COUNT) $'), '* ESEARCH (TAG) COUNT 2')
  assert.match(await ann.answer('SEARCH RETURN (SAVE) NONSENSE'), /^BAD/)
  assert.equal(await said('SEARCH $'), '* SEARCH 1 4')
  assert.match(
    await ann.answer('SEARCH RETURN (SAVE) CHARSET X-NOWHERE ALL'),
    /^NO \[BADCHARSET \(US-ASCII UTF-8 .*\)\]/,
  )
  assert.equal(await said('FETCH $ (FLAGS)'), '')
  await said('SEARCH RETURN (SAVE) ALL')
  await ann.ok('SELECT INBOX')
  assert.equal(await said('SEARCH $'), '* SEARCH')
})

test('a search by MODSEQ enables CONDSTORE and tells the highest of what it found', async () => {
  const ben = await rig.client('ann')
  await ben.ok('SELECT INBOX')
  const told = await ben.ok('SEARCH MODSEQ "/flags/\\\\Seen" all 1')
  assert.match(told[0]!, /^\* OK \[HIGHESTMODSEQ [0-9]+\]/)
  assert.match(told[1]!, /^\* SEARCH 1 2 3 4 \(MODSEQ [0-9]+\)$/)
  const [extended] = await ben.ok('SEARCH RETURN (ALL) MODSEQ 1')
  assert.match(extended!, /^\* ESEARCH \(TAG "t[0-9]+"\) ALL 1:4 MODSEQ [0-9]+$/)
  assert.deepEqual(await ben.ok('SEARCH MODSEQ 999999999'), ['* SEARCH'])
})

test('UID EXPUNGE $ removes what was saved and is deleted', async () => {
  const ben = await rig.client('ann')
  await ben.append('Archive', 'Subject: one\r\n\r\n')
  await ben.append('Archive', 'Subject: two\r\n\r\n')
  await ben.ok('SELECT Archive')
  await ben.ok('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
  await ben.ok('SEARCH RETURN (SAVE) SUBJECT two')
  assert.deepEqual(await ben.ok('UID EXPUNGE $'), ['* 2 EXPUNGE'])
})

for (const command of [
  'SEARCH RETURN (FUZZY) ALL',
  'SORT (SUBJECT REVERSE) UTF-8 ALL',
  'SORT () UTF-8 ALL',
  'THREAD REFS UTF-8 ALL',
  'SEARCH YOUNGER 0',
]) {
  test(`${command} is BAD`, async () => assert.match(await ann.answer(command), /^BAD/))
}

test('what is switched off is not known', async () => {
  const other = await startRig({ config: { disable: ['ESEARCH', 'WITHIN', 'SORT', 'THREAD=REFERENCES'] } })
  try {
    const bob = await other.client('bob')
    await bob.ok('SELECT INBOX')
    for (const command of [
      'SEARCH RETURN () ALL',
      'SEARCH $',
      'SEARCH YOUNGER 3',
      'SORT (DATE) UTF-8 ALL',
      'THREAD REFERENCES UTF-8 ALL',
    ])
      assert.match(await bob.answer(command), /^BAD/, command)
    assert.match(await bob.answer('THREAD ORDEREDSUBJECT UTF-8 ALL'), /^OK/)
  } finally {
    await other.end()
  }
})
