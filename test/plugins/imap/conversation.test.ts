/** Conversations over real sockets: one client and two, on the memory store. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Client, type Rig, startRig } from './rig.js'

let rig: Rig
let ann: Client
let other: Client
let count = 0
/** A new mailbox for every test. */
let box: string

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
  other = await rig.client('ann')
})
after(() => rig.end())

beforeEach(async () => {
  box = `box${++count}`
  await ann.ok(`CREATE ${box}`)
})

const mail = (subject: string, body = 'Hello\r\n') => `From: a@example.test\r\nSubject: ${subject}\r\n\r\n${body}`

async function fill(messages: number, flags = ''): Promise<void> {
  for (let i = 1; i <= messages; i++) await ann.append(box, mail(`m${i}`), flags)
}

/** Both sessions have the mailbox selected. */
async function both(messages: number): Promise<void> {
  await fill(messages)
  await ann.ok(`SELECT ${box}`)
  await other.ok(`SELECT ${box}`)
}

// ── mailboxes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test('LIST tells the standard mailboxes with their uses, and the delimiter', async () => {
  assert.deepEqual(await ann.ok('LIST "" ""'), ['* LIST (\\Noselect) "/" ""'])
  const all = await ann.ok('LIST "" "*"')
  assert.equal(all[0], '* LIST (\\HasNoChildren) "/" "INBOX"')
  assert.ok(all.includes('* LIST (\\HasNoChildren \\Junk) "/" "Junk"'))
  assert.deepEqual(await ann.ok('list "" inbox'), [all[0]])
})

test('children, parents without a mailbox, and names in other scripts', async () => {
  await ann.ok(`CREATE ${box}/sub/&ZeVnLIqe-/`)
  assert.deepEqual(await ann.ok(`LIST ${box}/ %`), [`* LIST (\\HasChildren) "/" "${box}/sub"`])
  assert.deepEqual(await ann.ok(`LIST "" ${box}/sub/*`), [`* LIST (\\HasNoChildren) "/" "${box}/sub/&ZeVnLIqe-"`])
  await ann.ok(`DELETE ${box}/sub`)
  assert.deepEqual(await ann.ok(`LIST "" ${box}/%`), [
    `* LIST (\\Noselect \\NonExistent \\HasChildren) "/" "${box}/sub"`,
  ])
  assert.match(await ann.answer(`DELETE ${box}/sub`), /^NO \[HASCHILDREN\]/)
  assert.match(await ann.answer(`SELECT ${box}/sub`), /^NO \[NONEXISTENT\]/)
})

for (const [command, answer] of [
  ['CREATE INBOX', /^NO \[ALREADYEXISTS\]/],
  ['CREATE ""', /^NO \[CANNOT\]/],
  ['CREATE "a*b"', /^NO \[CANNOT\]/],
  ['CREATE "a//b"', /^NO \[CANNOT\]/],
  ['CREATE "&"', /^NO \[CANNOT\] Expected a mailbox name in modified UTF-7 at column/],
  ['DELETE INBOX', /^NO \[CANNOT\]/],
  ['DELETE nowhere', /^NO \[NONEXISTENT\]/],
  ['RENAME nowhere other', /^NO \[NONEXISTENT\]/],
  ['RENAME Junk Sent', /^NO \[ALREADYEXISTS\]/],
  ['SELECT nowhere', /^NO \[NONEXISTENT\]/],
  ['STATUS nowhere (MESSAGES)', /^NO \[NONEXISTENT\]/],
  ['STATUS INBOX ()', /^BAD/],
  ['STATUS INBOX (FOO)', /^BAD Expected one of MESSAGES/],
  ['APPEND nowhere {3+}\r\nabc', /^NO \[TRYCREATE\]/],
  ['FETCH 1 FLAGS', /^BAD FETCH needs a mailbox, SELECT one first/],
  ['UID NOOP', /^BAD NOOP has no UID form/],
  ['FETHC 1 FLAGS', /^BAD Unknown command FETHC, did you mean FETCH\?/],
] as const) {
  test(`${command.split('\r')[0]} is answered ${answer.source}`, async () => {
    const client = await rig.client('bob')
    assert.match(await client.answer(command), answer)
  })
}

test('a renamed mailbox takes its inferiors along and stays selected', async () => {
  await ann.ok(`CREATE ${box}/a/b`)
  await fill(1)
  await ann.ok(`SELECT ${box}`)
  await ann.ok(`RENAME ${box} ${box}new`)
  assert.equal((await ann.ok(`LIST "" ${box}*`)).length, 3)
  assert.deepEqual(await ann.ok('FETCH 1 UID'), ['* 1 FETCH (UID 1)'])
})

test('subscriptions need no mailbox, and LSUB tells parents of what it does not reach', async () => {
  await ann.ok(`SUBSCRIBE ${box}/x/y`)
  assert.deepEqual(await ann.ok(`LSUB "" ${box}*`), [`* LSUB () "/" "${box}/x/y"`])
  assert.deepEqual(await ann.ok(`LSUB "" ${box}/%`), [`* LSUB (\\Noselect) "/" "${box}/x"`])
  await ann.ok(`UNSUBSCRIBE ${box}/x/y`)
  assert.deepEqual(await ann.ok(`LSUB "" ${box}*`), [])
})

test('STATUS counts without opening', async () => {
  await fill(2)
  await fill(1, '(\\Seen) ')
  const [status] = await ann.ok(`STATUS ${box} (MESSAGES RECENT UIDNEXT UNSEEN)`)
  assert.equal(status, `* STATUS "${box}" (MESSAGES 3 RECENT 3 UIDNEXT 4 UNSEEN 2)`)
})

test('SELECT describes the mailbox, EXAMINE may change nothing', async () => {
  await fill(1, '(\\Seen foo) ')
  await fill(1)
  const described = (await ann.command(`SELECT ${box}`)).filter(line => !line.includes('[CLOSED]'))
  assert.deepEqual(described.slice(0, 5), [
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft foo)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft foo \\*)] Flags that are kept',
    '* 2 EXISTS',
    '* 2 RECENT',
    '* OK [UNSEEN 2] First unseen message',
  ])
  assert.match(described[5]!, /^\* OK \[UIDVALIDITY [1-9][0-9]*\]/)
  assert.match(described[6]!, /^\* OK \[UIDNEXT 3\]/)
  assert.equal(described.at(-1), 'OK [READ-WRITE] SELECT done')
  assert.equal((await ann.command(`EXAMINE ${box}`)).at(-1), 'OK [READ-ONLY] EXAMINE done')
  assert.match(await ann.answer('STORE 1 +FLAGS (\\Seen)'), /^NO \[READ-ONLY\]/)
  assert.match(await ann.answer('EXPUNGE'), /^NO \[READ-ONLY\]/)
  assert.match(await ann.answer('MOVE 1 Trash'), /^NO \[READ-ONLY\]/)
  await ann.ok('FETCH 2 BODY[]')
  assert.deepEqual(await ann.ok('FETCH 2 FLAGS'), ['* 2 FETCH (FLAGS ())'])
  await ann.ok('CLOSE')
})

test('a message is recent to the first session that is told of it, and to no other', async () => {
  await fill(2)
  assert.ok((await other.ok(`EXAMINE ${box}`)).includes('* 2 RECENT'))
  assert.match((await other.ok(`STATUS ${box} (RECENT)`))[0]!, /RECENT 2/)
  await ann.ok(`SELECT ${box}`)
  assert.deepEqual(await ann.ok('SEARCH RECENT'), ['* SEARCH 1 2'])
  assert.ok((await other.ok(`SELECT ${box}`)).includes('* 0 RECENT'))
  assert.match((await other.ok(`STATUS ${box} (RECENT)`))[0]!, /RECENT 0/)
  assert.deepEqual(await other.ok('SEARCH OLD'), ['* SEARCH 1 2'])
  assert.deepEqual(await other.ok('SEARCH NEW'), ['* SEARCH'])
  await fill(1)
  await ann.ok('NOOP')
  assert.deepEqual(await ann.ok('FETCH 3 FLAGS'), ['* 3 FETCH (FLAGS (\\Recent))'])
  assert.deepEqual(await other.ok('NOOP'), ['* 3 EXISTS'])
  assert.deepEqual(await other.ok('FETCH 3 FLAGS'), ['* 3 FETCH (FLAGS ())'])
})

test('a SELECT that fails leaves no mailbox selected', async () => {
  await ann.ok(`SELECT ${box}`)
  assert.match(await ann.answer('SELECT nowhere'), /^NO/)
  assert.match(await ann.answer('CHECK'), /^BAD CHECK needs a mailbox/)
})

// ── two sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────

test('FETCH, STORE and SEARCH never tell of expunges, NOOP does', async () => {
  await both(4)
  await ann.ok('STORE 2 +FLAGS.SILENT (\\Deleted)')
  assert.deepEqual(await ann.ok('EXPUNGE'), ['* 2 EXPUNGE'])
  assert.deepEqual(await other.ok('FETCH 4 UID'), ['* 4 FETCH (UID 4)'])
  assert.deepEqual(await other.ok('STORE 4 FLAGS (\\Flagged)'), ['* 4 FETCH (FLAGS (\\Flagged))'])
  assert.deepEqual(await other.ok('SEARCH FLAGGED'), ['* SEARCH 4'])
  assert.deepEqual(await other.ok('NOOP'), ['* 2 EXPUNGE'])
  assert.deepEqual(await other.ok('FETCH 3 UID'), ['* 3 FETCH (UID 4)'])
})

test('the UID forms may tell of expunges', async () => {
  await both(3)
  await ann.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ann.ok('EXPUNGE')
  const said = await other.ok('UID FETCH 3 UID')
  assert.deepEqual(said, ['* 3 FETCH (UID 3)', '* 1 EXPUNGE'])
})

test('asking for the text of a message that has been removed says so', async () => {
  await both(2)
  await ann.ok('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ann.ok('EXPUNGE')
  const said = await other.command('FETCH 1:2 BODY.PEEK[HEADER.FIELDS (SUBJECT)]')
  assert.deepEqual(said.map(line => line.slice(0, 19)), ['* 2 FETCH (BODY[HEA', 'NO [EXPUNGEISSUED] ']) // biome-ignore format: short
  assert.match(await other.answer('STORE 1 +FLAGS (\\Seen)'), /^NO \[EXPUNGEISSUED\]/)
  assert.deepEqual(await other.ok('NOOP'), ['* 1 EXPUNGE'])
})

test('flags another session set are told once', async () => {
  await both(2)
  await ann.ok('STORE 2 +FLAGS (\\Seen kw)')
  const said = await other.ok('NOOP')
  assert.equal(said[0], '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft kw)')
  assert.equal(said[2], '* 2 FETCH (UID 2 FLAGS (\\Seen kw))')
  assert.deepEqual(await other.ok('NOOP'), [])
  assert.deepEqual(await ann.ok('NOOP'), [])
})

test('.SILENT is silent, but not about what others changed', async () => {
  await both(1)
  await ann.ok('STORE 1 +FLAGS.SILENT (\\Flagged)')
  assert.deepEqual(await other.ok('STORE 1 +FLAGS.SILENT (\\Seen)'), ['* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen))'])
  const told = await ann.ok('STORE 1 -FLAGS.SILENT (\\Answered)')
  assert.deepEqual(told, ['* 1 FETCH (UID 1 FLAGS (\\Recent \\Flagged \\Seen))'])
})

test('IDLE hears deliveries, flags and expunges as they happen', async () => {
  await both(2)
  other.send('i IDLE\r\n')
  assert.equal(await other.response(), '+ Idling, end with DONE')
  await ann.append(box, mail('new'))
  assert.equal(await other.response(), '* 3 EXISTS')
  await ann.ok('STORE 1 +FLAGS (\\Deleted)')
  assert.equal(await other.response(), '* 1 FETCH (UID 1 FLAGS (\\Deleted))')
  await ann.ok('EXPUNGE')
  assert.equal(await other.response(), '* 1 EXPUNGE')
  other.send('DONE\r\n')
  assert.deepEqual(await other.answerTo('i'), ['OK IDLE done'])
})

test('IDLE hears what the delivery agent files', async () => {
  const bob = await rig.client('bob')
  const before = await bob.ok('SELECT INBOX')
  const exists = Number(/\* (\d+) EXISTS/.exec(before.join('\n'))![1])
  bob.send('i IDLE\r\n')
  assert.match(await bob.response(), /^\+ /)
  await rig.store.accept({
    message: { id: 'q1', body: { kind: 'memory', bytes: Buffer.from(mail('hi')) }, cuts: [], sender: null, utf8: false, bodyType: '8BITMIME', received: 1, origin: {} },
    rows: [],
    filings: [{ accountId: 'id-bob', mailbox: 'INBOX', flags: [], prefix: 'Return-Path: <>\r\n', date: 1 }],
    trail: [],
  }) // biome-ignore format: a message
  assert.equal(await bob.response(), `* ${exists + 1} EXISTS`)
  bob.send('DONE\r\n')
  await bob.answerTo('i')
  const [fetched] = await bob.ok(`FETCH ${exists + 1} BODY.PEEK[]`)
  assert.ok(fetched!.includes(`Return-Path: <>\r\n${mail('hi')}`))
})

test('IDLE ends with DONE and nothing else', async () => {
  const client = await rig.client('ann')
  client.send('i IDLE\r\n')
  assert.match(await client.response(), /^\+ /)
  client.send('NOOP\r\n')
  assert.deepEqual(await client.answerTo('i'), ['BAD Expected DONE'])
})

test('a mailbox deleted under a session ends it with BYE', async () => {
  await both(1)
  const third = await rig.client('ann')
  await third.ok(`SELECT ${box}`)
  await ann.ok(`DELETE ${box}`)
  assert.match(await ann.answer('CHECK'), /^BAD CHECK needs a mailbox/)
  third.send('a NOOP\r\n')
  assert.match(await third.response(), /^\* BYE/)
  assert.equal(await third.response(), 'END')
  other = await rig.client('ann')
})

test('COPY and MOVE tell the UIDs, and MOVE removes', async () => {
  await fill(4)
  await ann.ok(`CREATE ${box}to`)
  await ann.ok(`SELECT ${box}`)
  await ann.ok('STORE 2 FLAGS (\\Flagged kw)')
  const validity = /UIDVALIDITY (\d+)/.exec((await ann.ok(`STATUS ${box}to (UIDVALIDITY)`))[0]!)![1]
  assert.equal(await ann.answer(`COPY 2:3 ${box}to`), `OK [COPYUID ${validity} 2:3 1:2] COPY done`)
  const moved = await ann.command(`UID MOVE 2,4 ${box}to`)
  assert.deepEqual(moved, [`* OK [COPYUID ${validity} 2,4 3:4] Moved`, '* 4 EXPUNGE', '* 2 EXPUNGE', 'OK MOVE done'])
  assert.match(await ann.answer('COPY 1 nowhere'), /^NO \[TRYCREATE\]/)
  assert.match(await ann.answer(`UID COPY 99 ${box}to`), /^OK There was nothing to copy/)
  await ann.ok(`SELECT ${box}to`)
  assert.deepEqual(await ann.ok('FETCH 1:* (UID FLAGS)'), [
    '* 1 FETCH (UID 1 FLAGS (\\Recent \\Flagged kw))',
    '* 2 FETCH (UID 2 FLAGS (\\Recent))',
    '* 3 FETCH (UID 3 FLAGS (\\Recent \\Flagged kw))',
    '* 4 FETCH (UID 4 FLAGS (\\Recent))',
  ])
})

test('moving within a mailbox gives a new UID', async () => {
  await fill(2)
  await ann.ok(`SELECT ${box}`)
  const moved = await ann.ok(`MOVE 1 ${box}`)
  assert.deepEqual(moved.slice(1), ['* 1 EXPUNGE', '* 2 EXISTS', '* 2 RECENT'])
  assert.deepEqual(await ann.ok('FETCH 1:* UID'), ['* 1 FETCH (UID 2)', '* 2 FETCH (UID 3)'])
})

test('UID EXPUNGE removes only what is named, CLOSE the rest, UNSELECT nothing', async () => {
  await fill(4, '(\\Deleted) ')
  await ann.ok(`SELECT ${box}`)
  assert.deepEqual(await ann.ok('UID EXPUNGE 2:3'), ['* 3 EXPUNGE', '* 2 EXPUNGE'])
  await ann.ok('UNSELECT')
  assert.match((await ann.ok(`STATUS ${box} (MESSAGES)`))[0]!, /MESSAGES 2/)
  await ann.ok(`SELECT ${box}`)
  assert.deepEqual(await ann.ok('CLOSE'), [])
  assert.match((await ann.ok(`STATUS ${box} (MESSAGES)`))[0]!, /MESSAGES 0/)
})

test('APPEND keeps octets, flags and date, and tells the UID', async () => {
  const odd = Buffer.from('X: \xe9\r\n\r\nbare\nand\rand \x80\xff\r\n.\r\n', 'latin1')
  const answer = await ann.append(box, odd, '(\\Draft kw) "17-Jul-1996 02:44:25 -0700" ')
  assert.match(answer, /^OK \[APPENDUID \d+ 1\]/)
  await ann.ok(`SELECT ${box}`)
  const [fetched] = await ann.ok('FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])')
  const head = `* 1 FETCH (FLAGS (\\Recent \\Draft kw) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE ${odd.length} BODY[] {${odd.length}}\r\n`
  assert.equal(fetched, `${head}${odd.toString('latin1')})`)
})

test('pipelined commands are answered in order', async () => {
  await fill(2)
  ann.send(`a SELECT ${box}\r\nb STORE 1 +FLAGS (\\Deleted)\r\nc EXPUNGE\r\nd FETCH 1 UID\r\ne CLOSE\r\n`)
  for (const tag of 'abcde') assert.match((await ann.answerTo(tag)).at(-1)!, /^OK/)
})

test('ID, ENABLE and NAMESPACE answer as their RFCs say', async () => {
  assert.match((await ann.ok('ID ("name" "test" "x" NIL)'))[0]!, /^\* ID \("name" "Posthouse" "version" "/)
  assert.deepEqual(await ann.ok('ENABLE MOVE X-UNKNOWN'), ['* ENABLED'])
  assert.deepEqual(await ann.ok('NAMESPACE'), ['* NAMESPACE (("" "/")) NIL NIL'])
  const stranger = await rig.client()
  assert.deepEqual(await stranger.ok('ID NIL'), ['* ID ("name" "Posthouse")'])
})

test('LOGOUT says BYE, answers and ends; the log has one line for it', async () => {
  const client = await rig.client('bob')
  assert.deepEqual(await client.command('LOGOUT'), ['* BYE Good-bye', 'OK Logged out'])
  assert.equal(await client.response(), 'END')
  const ended = rig.lines.filter(line => line.sentence === 'IMAP session ended').at(-1)!
  assert.equal(ended.facts.reason, 'logout')
  assert.equal(ended.facts.login, 'bob')
})
