/** CONDSTORE and QRESYNC (RFC 7162): a client that was away learns what changed, and one that is there can always come back. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { MailError, MOST_TOMBSTONES, type Store } from 'posthouse/api'
import { type Client, type Rig, startRig } from './rig.js'

const ID = 'id-ann'
let rig: Rig
let store: Store
let box: string
let number = 0

before(async () => {
  rig = await startRig()
  store = rig.store
})
after(() => rig.end())
beforeEach(async () => {
  box = `box${++number}`
  await store.mail.create(ID, box)
})

const open = async () => store.mail.open(ID, (await store.mail.find(ID, box))!.id)
const body = { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') } as const
const fill = async (count: number) =>
  (await open()).append(Array.from({ length: count }, () => ({ body, flags: [], date: 0 })))
const modseq = async () => (await store.mail.find(ID, box))!.highestModseq
const validity = async () => (await store.mail.find(ID, box))!.uidValidity

async function client(...commands: string[]): Promise<Client> {
  const one = await rig.client('ann')
  for (const command of commands) await one.ok(command)
  return one
}

/** With what does not matter left out. */
function gist(lines: readonly string[]): string[] {
  return lines.map(line => line.replace(/\] .*/, ']'))
}

for (const [command, highest] of [
  ['ENABLE CONDSTORE', true],
  ['ENABLE QRESYNC', true],
  ['FETCH 1 MODSEQ', true],
  ['FETCH 1 FLAGS (CHANGEDSINCE 1)', true],
  ['STORE 1 (UNCHANGEDSINCE 100) +FLAGS (x)', true],
  ['FETCH 1 FLAGS', false],
  ['STORE 1 +FLAGS (x)', false],
] as const) {
  test(`after ${command} the client ${highest ? 'hears where the mailbox stands, and' : 'does not hear'} of MODSEQs`, async () => {
    await fill(2)
    const start = await modseq()
    const ann = await client(`SELECT ${box}`)
    const heard = gist(await ann.ok(command))
    assert.equal(heard[0] === `* OK [HIGHESTMODSEQ ${start}]`, highest)
    await (await open()).flag([2], { kind: 'add', flags: ['\\Seen'] })
    const news = (await ann.ok('NOOP')).filter(line => line.startsWith('* 2'))
    assert.deepEqual(news, [`* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen)${highest ? ` MODSEQ (${await modseq()})` : ''})`])
  })
}

test('SELECT tells where the mailbox stands, and CLOSED where the news of the one before end', async () => {
  await fill(1)
  const ann = await client()
  const first = gist(await ann.ok(`SELECT ${box} (CONDSTORE)`))
  assert.ok(first.includes(`* OK [HIGHESTMODSEQ ${await modseq()}]`) && !first.includes('* OK [CLOSED]'))
  assert.equal(gist(await ann.ok('EXAMINE INBOX'))[0], '* OK [CLOSED]')
  assert.deepEqual(gist(await ann.command('SELECT nowhere')), ['* OK [CLOSED]', 'NO [NONEXISTENT]'])
  assert.deepEqual(gist(await ann.command('SELECT nowhere')), ['NO [NONEXISTENT]'])
})

test('FETCH tells MODSEQs, and with CHANGEDSINCE only what changed', async () => {
  await fill(3)
  const ann = await client(`SELECT ${box} (CONDSTORE)`)
  const start = await modseq()
  assert.deepEqual(
    await ann.ok('FETCH 1:2 (MODSEQ)'),
    [1, 2].map(n => `* ${n} FETCH (MODSEQ (${start}))`),
  )
  await (await open()).flag([2], { kind: 'add', flags: ['x'] })
  const changed = [`* 2 FETCH (UID 2 MODSEQ (${start + 1}) FLAGS (\\Recent x))`]
  const answer = await ann.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${start})`)
  assert.deepEqual(
    answer.filter(line => line.includes('FETCH')),
    changed,
  )
  assert.deepEqual(await ann.ok(`FETCH 1:* (RFC822.SIZE) (CHANGEDSINCE ${start})`), [
    `* 2 FETCH (MODSEQ (${start + 1}) RFC822.SIZE 17)`,
  ])
  assert.deepEqual(await ann.ok(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${start + 1})`), [])
})

test('what sets \\Seen by the way tells UID and MODSEQ to who follows them', async () => {
  await fill(1)
  const ann = await client(`SELECT ${box} (CONDSTORE)`)
  const [line] = await ann.ok('FETCH 1 BODY[TEXT]')
  assert.match(line!, new RegExp(`UID 1 FLAGS \\(\\\\Recent \\\\Seen\\) MODSEQ \\(${await modseq()}\\)\\)$`))
})

test('a silent change tells its MODSEQ and nothing more', async () => {
  await fill(2)
  const ann = await client(`SELECT ${box} (CONDSTORE)`)
  const answer = await ann.ok('STORE 1:2 +FLAGS.SILENT (\\Deleted)')
  assert.deepEqual(
    answer,
    [1, 2].map(n => `* ${n} FETCH (UID ${n} MODSEQ (${Number(/MODSEQ \((\d+)/.exec(answer[0]!)![1])}))`),
  )
  assert.deepEqual(await ann.ok('NOOP'), [])
})

test('a conditional STORE leaves alone what changed, names it, and tells what it has become', async () => {
  await fill(3)
  const ann = await client(`SELECT ${box} (CONDSTORE)`)
  const start = await modseq()
  await (await open()).flag([2], { kind: 'add', flags: ['\\Flagged'] })
  const answer = await ann.command(`STORE 1:3 (UNCHANGEDSINCE ${start}) +FLAGS.SILENT (\\Answered)`)
  assert.equal(gist(answer).at(-1), 'OK [MODIFIED 2]')
  assert.deepEqual(answer.slice(0, -1).sort(), [
    `* 1 FETCH (UID 1 MODSEQ (${start + 2}))`,
    `* 2 FETCH (UID 2 FLAGS (\\Recent \\Flagged) MODSEQ (${start + 1}))`,
    `* 3 FETCH (UID 3 MODSEQ (${start + 2}))`,
  ])
  await (await open()).flag([3], { kind: 'add', flags: ['y'] })
  const byUid = await ann.command(`UID STORE 3,1 (UNCHANGEDSINCE ${start + 2}) FLAGS (a)`)
  assert.equal(gist(byUid).at(-1), 'OK [MODIFIED 3]')
  assert.equal(gist(await ann.command('UID STORE 1:2 (UNCHANGEDSINCE 0) +FLAGS (a)')).at(-1), 'OK [MODIFIED 1:2]')
})

test('a conditional STORE of messages some of which are gone is NO with what was modified', async () => {
  await fill(3)
  const ann = await client(`SELECT ${box} (CONDSTORE)`)
  const start = await modseq()
  await (await open()).flag([2], { kind: 'add', flags: ['x'] })
  await (await open()).expunge([3])
  const answer = gist(await ann.command(`STORE 1:3 (UNCHANGEDSINCE ${start}) +FLAGS (y)`))
  assert.equal(answer.at(-1), 'NO [MODIFIED 2]')
  assert.ok(answer.every(line => !line.includes('EXPUNGE')))
})

test('while a removal may not be told, the client hears what it may keep', async () => {
  await fill(3)
  const ann = await client('ENABLE QRESYNC', `SELECT ${box}`)
  const start = await modseq()
  await (await open()).expunge([1])
  const answer = gist(await ann.ok('STORE 2 +FLAGS (\\Seen)'))
  assert.deepEqual(answer, [
    `* 2 FETCH (UID 2 FLAGS (\\Recent \\Seen) MODSEQ (${start + 2}))`,
    `* OK [HIGHESTMODSEQ ${start}]`,
  ])
  assert.deepEqual(gist(await ann.ok('STORE 3 +FLAGS (\\Seen)')).at(-1), `* OK [HIGHESTMODSEQ ${start}]`)
  assert.deepEqual(await ann.ok('NOOP'), ['* VANISHED 1'])
  assert.deepEqual(gist(await ann.ok('STORE 1 +FLAGS (\\Draft)')), [
    `* 1 FETCH (UID 2 FLAGS (\\Recent \\Draft \\Seen) MODSEQ (${start + 4}))`,
  ])
})

test('who has enabled QRESYNC hears VANISHED, and with the answer how far it has heard', async () => {
  await fill(6)
  const ann = await client('ENABLE QRESYNC', `SELECT ${box}`, 'STORE 1:2,4 +FLAGS.SILENT (\\Deleted)')
  assert.deepEqual(gist(await ann.command('UID EXPUNGE 1')), ['* VANISHED 1', `OK [HIGHESTMODSEQ ${await modseq()}]`])
  assert.deepEqual(gist(await ann.command('EXPUNGE')), ['* VANISHED 2,4', `OK [HIGHESTMODSEQ ${await modseq()}]`])
  assert.deepEqual(await ann.command('EXPUNGE'), ['OK EXPUNGE done'])
  const moved = gist(await ann.command('MOVE 1:2 Trash'))
  assert.match(moved[0]!, /^\* OK \[COPYUID/)
  assert.deepEqual(moved.slice(1), ['* VANISHED 3,5', `OK [HIGHESTMODSEQ ${await modseq()}]`])
  await ann.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  assert.deepEqual(await ann.command('CLOSE'), ['OK Mailbox closed'])
})

test('who comes back hears what was removed and what changed, of what it asks about', async () => {
  await fill(10)
  const start = await modseq()
  const mailbox = await open()
  await mailbox.expunge([2, 3, 7])
  await mailbox.flag([4, 9], { kind: 'add', flags: ['x'] })
  await fill(1)
  const ann = await client('ENABLE QRESYNC')
  const back = async (more: string) =>
    (await ann.ok(`SELECT ${box} (QRESYNC (${await validity()} ${start}${more}))`)).filter(line =>
      /VANISHED|FETCH/.test(line),
    )
  const after = start + 2
  const [four, nine, eleven] = [
    `* 2 FETCH (UID 4 FLAGS (x) MODSEQ (${after}))`,
    `* 6 FETCH (UID 9 FLAGS (x) MODSEQ (${after}))`,
    `* 8 FETCH (UID 11 FLAGS () MODSEQ (${after + 1}))`,
  ]
  // The first session takes them as recent.
  await client(`SELECT ${box}`)
  assert.deepEqual(await back(''), ['* VANISHED (EARLIER) 2:3,7', four, nine, eleven])
  assert.deepEqual(await back(' 1:8'), ['* VANISHED (EARLIER) 2:3,7', four])
  assert.deepEqual(await back(' 3,9:10 (1,3 1,3)'), ['* VANISHED (EARLIER) 3', nine])
  assert.deepEqual(await ann.ok(`UID FETCH 1:6 (FLAGS) (CHANGEDSINCE ${start} VANISHED)`), [
    '* VANISHED (EARLIER) 2:3',
    `* 2 FETCH (UID 4 MODSEQ (${after}) FLAGS (x))`,
  ])
  const other = await ann.ok(`EXAMINE ${box} (QRESYNC (${(await validity()) + 1} ${start}))`)
  assert.ok(other.every(line => !/VANISHED|FETCH/.test(line)))
})

test('a message that goes while its removal is not told is told once, and not as removed earlier', async () => {
  await fill(4)
  const start = await modseq()
  const ann = await client('ENABLE QRESYNC', `SELECT ${box}`)
  await (await open()).expunge([2])
  const answer = gist(await ann.ok(`UID FETCH 1:4 (FLAGS) (CHANGEDSINCE ${start} VANISHED)`))
  assert.deepEqual(answer, ['* VANISHED 2'])
})

test('when it is too long ago to be remembered, all that is not there is told, but for what the client is right about', async () => {
  await fill(20)
  const start = await modseq()
  const mailbox = await open()
  await mailbox.expunge([2, 3, 11])
  for (let done = 0; done <= MOST_TOMBSTONES * 1.2; done += 3000) await mailbox.expunge(await fill(3000))
  await fill(1)
  assert.equal((await mailbox.vanished(start)).complete, false)
  const ann = await client('ENABLE QRESYNC')
  const last = (await store.mail.find(ID, box))!.uidNext - 1
  const back = async (more: string) =>
    (await ann.ok(`SELECT ${box} (QRESYNC (${await validity()} ${start}${more}))`)).filter(line =>
      /VANISHED/.test(line),
    )
  assert.deepEqual(await back(''), [`* VANISHED (EARLIER) 2:3,11,21:${last - 1}`])
  assert.deepEqual(await back(' 1:20'), ['* VANISHED (EARLIER) 2:3,11'])
  // Place 4 has UID 6; place 9 has not 9.
  assert.deepEqual(await back(' 1:20 (4,9 6,9)'), ['* VANISHED (EARLIER) 11'])
  assert.deepEqual(await back(' 1:4294967295 (1 1)'), [`* VANISHED (EARLIER) 2:3,11,21:${last - 1}`])
})

test('a search by number tells no removal, also when it answers with UIDs', async () => {
  await fill(3)
  const ann = await client('ENABLE QRESYNC', `SELECT ${box}`)
  await (await open()).expunge([1])
  assert.deepEqual(await ann.ok('UID SEARCH 2:3'), ['* SEARCH 2 3'])
  assert.deepEqual(await ann.ok('UID SEARCH NOT 3'), ['* SEARCH 1 2'])
  assert.equal((await ann.ok('UID SEARCH ALL')).at(-1), '* VANISHED 1')
})

test('a message takes any keyword, but not any number of them', async () => {
  await fill(1)
  const ann = await client(`SELECT ${box}`)
  await ann.ok('STORE 1 +FLAGS.SILENT ($Forwarded $MDNSent $Junk x.y-z)')
  const many = (from: number) => Array.from({ length: 98 }, (_, at) => `k${from + at}`).join(' ')
  await ann.ok(`STORE 1 +FLAGS.SILENT (${many(0)})`)
  assert.match(await ann.answer(`STORE 1 +FLAGS (${many(100)})`), /^OK/)
  assert.match(await ann.answer('STORE 1 +FLAGS (a b c d)'), /^NO \[LIMIT\]/)
  assert.match(await ann.answer(`STORE 1 +FLAGS (${'a'.repeat(129)})`), /^BAD/)
})

test('a session the store has forgotten removals for still hears of every one', async () => {
  await fill(3)
  const ann = await client(`SELECT ${box}`)
  const mailbox = await open()
  await mailbox.expunge([2])
  for (let done = 0; done <= MOST_TOMBSTONES * 1.2; done += 3000) await mailbox.expunge(await fill(3000))
  assert.deepEqual(await ann.ok('NOOP'), ['* 2 EXPUNGE'])
})

for (const [command, answer] of [
  ['SELECT %b (QRESYNC (1 1))', /^BAD QRESYNC needs ENABLE/],
  ['UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)', /^BAD VANISHED needs ENABLE/],
  ['+FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)', /^BAD VANISHED belongs/],
  ['+UID FETCH 1 FLAGS (VANISHED)', /^BAD VANISHED needs CHANGEDSINCE/],
  ['+SELECT %b (QRESYNC (0 1))', /^BAD/],
  ['+SELECT %b (QRESYNC (1 0))', /^BAD/],
  ['+SELECT %b (QRESYNC (1 9223372036854775808))', /^BAD/],
  ['+SELECT %b (QRESYNC (1 1 1:*))', /^BAD/],
  ['+SELECT %b (QRESYNC (1 1 1:4 (3,1 5,4)))', /^BAD/],
  ['+SELECT %b (QRESYNC (1 1 1:4 (1:3 1:2)))', /^BAD/],
  ['SELECT %b (FOO)', /^BAD/],
  ['STORE 1 (UNCHANGEDSINCE x) FLAGS ()', /^BAD/],
  ['FETCH 1 FLAGS (CHANGEDSINCE)', /^BAD/],
] as const) {
  test(`${command} is answered ${answer.source}`, async () => {
    await fill(1)
    const ann = await client(...(command.startsWith('+') ? ['ENABLE QRESYNC'] : []), `SELECT ${box}`)
    assert.match(await ann.answer(command.replace(/^\+/, '').replace('%b', box)), answer)
    // What is not understood leaves the mailbox as it is.
    assert.deepEqual(await ann.ok('FETCH 1 UID'), ['* 1 FETCH (UID 1)'])
  })
}

test('a mailbox whose removals cannot be told is not selected', async () => {
  const ill = await startRig()
  try {
    const { mail } = ill.store
    const real = mail.open.bind(mail)
    mail.open = async (...args) =>
      Object.assign(await real(...args), {
        vanished: () => Promise.reject(new MailError('store-unavailable', 'not now')),
      })
    const ann = await ill.client('ann')
    await ann.ok('ENABLE QRESYNC')
    const { uidValidity } = (await mail.find(ID, 'INBOX'))!
    assert.match(await ann.answer(`SELECT INBOX (QRESYNC (${uidValidity} 1))`), /^NO \[UNAVAILABLE\]/)
    assert.match(await ann.answer('FETCH 1:* UID'), /^BAD FETCH needs a mailbox/)
  } finally {
    await ill.end()
  }
})

test('switched off, nobody knows any of it', async () => {
  const without = await startRig({ store, config: { disable: ['CONDSTORE'] } })
  try {
    await fill(1)
    const ann = await without.client('ann')
    assert.ok(!(await ann.ok('CAPABILITY'))[0]!.match(/CONDSTORE|QRESYNC/))
    assert.deepEqual(await ann.ok('ENABLE CONDSTORE QRESYNC'), ['* ENABLED'])
    for (const command of [`SELECT ${box} (CONDSTORE)`, 'FETCH 1 MODSEQ', 'FETCH 1 FLAGS (CHANGEDSINCE 1)']) {
      await ann.ok(`SELECT ${box}`)
      assert.match(await ann.answer(command), /^BAD/)
    }
    assert.ok((await ann.ok(`SELECT ${box}`)).every(line => !line.includes('MODSEQ')))
  } finally {
    await without.end()
  }
})

test('each message and mailbox has an id that stays through moves and renames', async () => {
  await fill(2)
  const ann = await client()
  const mailboxId = async (name: string) =>
    (await ann.ok(`SELECT ${name}`)).map(line => /MAILBOXID \((F[0-9a-z]+)\)/.exec(line)?.[1]).find(Boolean)
  const id = await mailboxId(box)
  const [first, second] = (await ann.ok('FETCH 1:2 EMAILID')).map(line => /EMAILID \((M[0-9a-z]+)\)\)$/.exec(line)![1])
  assert.ok(first !== second && id !== undefined)
  await ann.ok('MOVE 2 Archive')
  await ann.ok(`RENAME ${box} ${box}x`)
  assert.equal(await mailboxId(`${box}x`), id)
  assert.deepEqual(await ann.ok('FETCH 1 (EMAILID THREADID)'), [`* 1 FETCH (EMAILID (${first}) THREADID NIL)`])
  assert.match(
    (await ann.ok('FETCH 1 SAVEDATE'))[0]!,
    /^\* 1 FETCH \(SAVEDATE "[ 0-9]\d-[A-Z][a-z]{2}-\d{4} [\d:]+ \+0000"\)$/,
  )
  await ann.ok('SELECT Archive')
  assert.match((await ann.ok('FETCH * EMAILID'))[0]!, new RegExp(`\\(${second}\\)`))
})

test('who asks about all up to the last hears also that the last ones are gone, and of none that is still to be told', async () => {
  await fill(4)
  const start = await modseq()
  const ann = await client('ENABLE QRESYNC', `SELECT ${box}`)
  const [five] = await fill(1)
  await ann.ok('NOOP')
  const mailbox = await open()
  await mailbox.expunge([3, 4, five!])
  await ann.ok('NOOP')
  await fill(1)
  for (const set of ['1:*', '3:*', '*:3']) {
    const answer = await ann.ok(`UID FETCH ${set} (FLAGS) (CHANGEDSINCE ${start} VANISHED)`)
    assert.equal(answer[0], '* VANISHED (EARLIER) 3:5', set)
  }
})
