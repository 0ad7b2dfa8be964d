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
