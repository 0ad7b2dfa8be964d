/** Digests: what is read from them is what the message says, whoever made them; PREVIEW; and that they are kept in the background. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rememberingLog } from '../../../core/testing/index.js'
import { scanHeader, scanMime } from '../../../core/text/index.js'
import { digestOf, digestReader, headDigestOf } from '../../../plugins/imap/digest.js'
import { factsOf } from '../../../plugins/imap/finding/facts.js'
import { previewOf } from '../../../plugins/imap/finding/preview.js'
import { Gate } from '../../../plugins/imap/gate.js'
import { Keeper } from '../../../plugins/imap/keeper.js'
import { structureOf } from '../../../plugins/imap/structure.js'
import { writeEnvelope } from '../../../plugins/imap/wire/envelope.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { freshPath } from '../store-lmdb/backend.js'
import { type Client, type Rig, startRig } from './rig.js'

const MIXED = [
  'Date: Mon, 2 Jan 2023 10:00:00 +0000',
  'From: =?utf-8?Q?J=C3=BCrgen?= <j@a.test>',
  'Subject: Re: [x] hello',
  'Message-ID: <1@a>',
  'References: <a@a> <b@b>',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: multipart/alternative; boundary=y',
  '',
  '--y',
  'Content-Type: text/html; charset=iso-8859-1',
  '',
  '<style>p {}</style><p>not me</p>',
  '--y',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '> quoted',
  'Gr=FC=DFe   from',
  'here',
  '--y--',
  '--x',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  '',
  'inside',
  '--x--',
  '',
].join('\r\n')

test('what is read from a digest is what the octets say', () => {
  const bytes = Buffer.from(MIXED)
  const digest = digestReader(digestOf(bytes))!
  const { root } = scanMime(bytes)
  assert.equal(digest.envelope(), writeEnvelope(root.header))
  assert.deepEqual({ ...digest.structure(), weight: 0 }, { ...structureOf(bytes), weight: 0 })
  assert.deepEqual(digest.facts(), factsOf(root.header))
  assert.equal(Buffer.from(digest.preview()!, 'latin1').toString(), 'Grüße from here')
})

test('a digest of another version, or cut, is none', () => {
  const digest = digestOf(Buffer.from(MIXED))
  assert.equal(digestReader(digest.subarray(0, -1)), undefined)
  assert.equal(digestReader(Buffer.concat([Buffer.from([255]), digest.subarray(1)])), undefined)
  assert.equal(digestReader(Buffer.alloc(0)), undefined)
})

test('what would be too long is left out, and the rest is there', () => {
  const digest = digestReader(digestOf(Buffer.from(`To: ${'a@b.test, '.repeat(20_000)}\r\n\r\nhello`)))!
  assert.equal(digest.envelope(), undefined)
  assert.equal(digest.preview(), 'hello')
})

for (const [what, message, preview] of [
  ['nothing to be read', 'Content-Type: image/png\r\n\r\nxx', ''],
  ['HTML alone', 'Content-Type: text/html\r\n\r\n<p>Hello &amp; <b>good</b></p><p>bye', 'Hello & good bye'],
  ['only what is quoted', 'Subject: x\r\n\r\n> one\r\n> two\r\n', '> one > two'],
  ['an attached text', 'Content-Disposition: attachment\r\n\r\nfile', ''],
  [
    'invisible filling',
    'Content-Type: text/plain; charset=utf-8\r\n\r\nSale\u200c\u00a0\u200c\u034f\u00a0 now',
    'Sale now',
  ],
] as const) {
  test(`the preview of ${what} is ${JSON.stringify(preview)}`, () => {
    const bytes = Buffer.from(message)
    assert.equal(previewOf(bytes, scanMime(bytes).root), preview)
  })
}

test('a preview has at most 200 characters, whole ones', () => {
  const bytes = Buffer.from(`Content-Type: text/plain; charset=utf-8\r\n\r\n${'😀'.repeat(1000)}`)
  assert.equal(previewOf(bytes, scanMime(bytes).root), '😀'.repeat(200))
})

test('a preview finds what somebody wrote under a long quotation, and between torn lines', () => {
  const previewIn = (text: string) => {
    const bytes = Buffer.from(`Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`)
    return previewOf(bytes, scanMime(bytes).root)
  }
  const quoted = '> quoted before\r\n'.repeat(500)
  assert.equal(previewIn(`${quoted}own words`), 'own words')
  assert.equal(previewIn(`${' \r\n'.repeat(900)}late`), 'late')
  assert.equal(previewIn(`${quoted}${'😀 '.repeat(900)}`), '😀 '.repeat(100).trimEnd())
  // Characters of two halves, wherever the first look ends.
  for (const before of [0, 1, 2, 3]) {
    const text = `${'a'.repeat(before)}${'😀'.repeat(2000)}`
    assert.equal(previewIn(text), [...text].slice(0, 200).join(''))
  }
})

let rig: Rig
let ann: Client

before(async () => {
  rig = await startRig()
  ann = await rig.client('ann')
  await ann.append('INBOX', MIXED)
  await ann.ok('SELECT INBOX')
})
after(() => rig.end())

test('PREVIEW (LAZY) is NIL until the preview is there', async () => {
  assert.deepEqual(await ann.ok('FETCH 1 (PREVIEW (LAZY) UID)'), ['* 1 FETCH (PREVIEW NIL UID 1)'])
  const preview = 'PREVIEW {17}\r\nGr\xc3\xbc\xc3\x9fe from here'
  assert.deepEqual(await ann.ok('FETCH 1 PREVIEW'), [`* 1 FETCH (${preview})`])
  assert.deepEqual(await ann.ok('FETCH 1 PREVIEW (LAZY)'), [`* 1 FETCH (${preview})`])
  assert.deepEqual(await ann.ok('FETCH 1 (PREVIEW BODY.PEEK[2.HEADER])'), [
    `* 1 FETCH (${preview} BODY[2.HEADER] {18}\r\nSubject: inner\r\n\r\n)`,
  ])
})

test('who asks for envelopes alone has them kept, and everything else is worked out when it is asked for', async () => {
  await ann.ok('CREATE heads')
  await ann.append('heads', MIXED)
  await ann.append('heads', `Subject: large\r\n\r\n${'x'.repeat(100_000)}`)
  await ann.ok('SELECT heads')
  const all = '(ENVELOPE BODY BODYSTRUCTURE PREVIEW)'
  const envelopes = await ann.ok('FETCH 1:2 (UID ENVELOPE)')
  await ann.ok('STORE 1 FLAGS.SILENT (\\Seen)')
  const { mail } = rig.store
  const box = await mail.open('id-ann', (await mail.find('id-ann', 'heads'))!.id)
  const kept = () => box.list().then(entries => box.digests(entries, octets => digestReader(octets)?.whole))
  assert.deepEqual(await kept(), [false, false])
  assert.deepEqual(await ann.ok('FETCH 1:2 (UID ENVELOPE)'), envelopes)
  assert.deepEqual(await ann.ok('FETCH 1 (PREVIEW (LAZY))'), ['* 1 FETCH (PREVIEW NIL)'])
  const told = await ann.ok(`FETCH 1:2 ${all}`)
  await ann.ok('STORE 1 FLAGS.SILENT ()')
  assert.deepEqual(await kept(), [true, false])
  assert.deepEqual(await ann.ok(`FETCH 1:2 ${all}`), told)
  assert.deepEqual(await ann.ok('FETCH 1:2 (UID ENVELOPE)'), envelopes)
  await ann.ok('SELECT INBOX')
  assert.equal((await ann.ok(`FETCH 1 ${all}`))[0], told[0])
  assert.deepEqual(await ann.ok('SEARCH SUBJECT large'), ['* SEARCH'])
})

test('lists are the same with digests and without', async () => {
  const items = '(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)'
  await ann.append('Archive', MIXED)
  await ann.ok('SELECT Archive')
  const without = await ann.ok(`FETCH 1:* ${items}`)
  assert.deepEqual(await ann.ok(`FETCH 1:* ${items}`), without)
})

for (const [backend, make] of [
  ['memory', createMemoryStore],
  ['LMDB', () => createLmdbStore({ path: freshPath() })],
] as const) {
  test(`what is asked together with a part is told from the digest that is kept, and kept where there was none (${backend})`, async () => {
    const store = make()
    const rig = await startRig({ store })
    const ann = await rig.client('ann')
    await ann.append('INBOX', MIXED)
    await ann.ok('SELECT INBOX')
    const wish = 'FETCH 1 (ENVELOPE BODY BODY.PEEK[HEADER.FIELDS (Message-ID)])'
    const [first] = await ann.ok(wish)
    // Nobody waits for the digest; what is written after it is.
    await ann.ok('STORE 1 FLAGS.SILENT (\\Seen)')
    const box = await store.mail.open('id-ann', (await store.mail.find('id-ann', 'INBOX'))!.id)
    const entries = await box.list()
    const [envelope] = await box.digests(entries, digest => digestReader(digest)?.envelope())
    assert.ok(first!.startsWith(`* 1 FETCH (ENVELOPE ${envelope} BODY`))
    await box.keepDigests([[entries[0]!, digestOf(Buffer.from(MIXED.replace('hello', 'olleh')))]])
    assert.deepEqual(await ann.ok(wish), [first!.replace('hello', 'olleh')])
    await rig.end()
  })
}

for (const [backend, make] of [
  ['memory', createMemoryStore],
  ['LMDB', () => createLmdbStore({ path: freshPath() })],
] as const) {
  test(`a digest of the header alone that comes late does not take the place of a whole one; one that is damaged is replaced (${backend})`, async t => {
    const store = make()
    t.after(() => store.close())
    const keeper = new Keeper(store.mail, new Gate(1), rememberingLog([]), 8 * 1024 * 1024)
    const box = await store.mail.open('ann', (await store.mail.find('ann', 'INBOX'))!.id)
    const bytes = Buffer.from(MIXED)
    await box.append([{ body: { kind: 'memory', bytes }, flags: [], date: 0 }])
    const entries = await box.list()
    const [whole, head] = [digestOf(bytes), headDigestOf(scanHeader(bytes, 100).fields)]
    const keptAfter = async (...digests: readonly Buffer[]) => {
      for (const digest of digests) keeper.keep(box, [[entries[0]!, digest]])
      // A change of its own is made after those.
      await box.flag([1], { kind: 'add', flags: ['\\Seen'] })
      const [kept] = await box.digests(entries, octets => Buffer.from(octets.subarray(0, octets.length)))
      return kept
    }
    assert.deepEqual(await keptAfter(head), head)
    assert.deepEqual(await keptAfter(whole, head), whole)
    await box.keepDigests([[entries[0]!, whole.subarray(0, -1)]])
    assert.deepEqual(await keptAfter(head), head)
    assert.deepEqual(await keptAfter(whole), whole)
  })
}

test('what arrives gets its digest in the background, each message once', async () => {
  const store = createMemoryStore()
  const keeper = new Keeper(store.mail, new Gate(1), rememberingLog([]), 8 * 1024 * 1024, () => 0)
  keeper.start()
  const inbox = (await store.mail.find('ann', 'INBOX'))!
  const box = await store.mail.open('ann', inbox.id)
  await box.append(
    [1, 2].map(n => ({ body: { kind: 'memory', bytes: Buffer.from(`Subject: ${n}\r\n\r\n`) }, flags: [], date: 0 })),
  )
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await keeper.settled()
  const subjects = await box.digests(await box.list(), digest => digestReader(digest)?.facts()?.subject)
  assert.deepEqual(subjects, ['1', '2'])
  await keeper.stop()
})

test('however much comes before there is time, all of it gets digests', async () => {
  const store = createMemoryStore()
  const keeper = new Keeper(store.mail, new Gate(1), rememberingLog([]), 8 * 1024 * 1024, () => 300)
  keeper.start()
  const box = await store.mail.open('ann', (await store.mail.find('ann', 'INBOX'))!.id)
  const mail = { body: { kind: 'memory', bytes: Buffer.from('Subject: 1\r\n\r\n') }, flags: [], date: 0 } as const
  await box.append([mail])
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await box.append(Array.from({ length: 150 }, () => mail))
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  await keeper.settled()
  assert.equal((await box.digests(await box.list(), digest => digestReader(digest)?.whole)).filter(Boolean).length, 151)
  await keeper.stop()
})

test('what is more than is held at once is told whole and in order, with digests and without', async () => {
  await ann.ok('CREATE many')
  const parts = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n\r\n'.repeat(900)}`
  for (let i = 1; i <= 30; i++) await ann.append('many', i % 3 === 0 ? `Subject: m${i}\r\n\r\n` : parts)
  await ann.ok('SELECT many')
  const first = await ann.ok('FETCH 1:* (UID UID BODY BODYSTRUCTURE)', 30_000)
  assert.ok(first.join('').length > 1024 * 1024)
  assert.deepEqual(
    first.map(line => /^\* \d+ FETCH \(UID \d+ BODY/.exec(line)?.[0]),
    Array.from({ length: 30 }, (_, i) => `* ${i + 1} FETCH (UID ${i + 1} BODY`),
  )
  assert.deepEqual(await ann.ok('FETCH 1:* (UID BODY BODYSTRUCTURE)', 30_000), first)
})
