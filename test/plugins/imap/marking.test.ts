/** What is told when people move mail into Junk and out of it, or mark it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saysKeywords, saysTransfer } from '../../../plugins/imap/marking.js'
import { eventually } from '../../harness/instance.js'
import { type Client, type Rig, startRig } from './rig.js'

const MAIL = 'Subject: an offer\r\n\r\nBuy now.\r\n'
const PREFIX = 'Received: from elsewhere\r\n'

async function withMail(run: (rig: Rig, ann: Client) => Promise<void>): Promise<void> {
  const rig = await startRig()
  try {
    const filing = { accountId: 'id-ann', mailbox: 'INBOX', flags: [], prefix: PREFIX, date: 1 }
    await rig.store.accept({
      message: {
        ...{ id: 'q1', body: { kind: 'memory', bytes: Buffer.from(MAIL) }, cuts: [], sender: null, utf8: false },
        ...{ bodyType: '7BIT', received: 1, origin: { listener: 'mx' } },
      },
      ...{ rows: [], filings: [filing, filing], trail: [] },
    })
    const ann = await rig.client('ann')
    await ann.ok('SELECT INBOX')
    await run(rig, ann)
  } finally {
    await rig.end()
  }
}

function said({ markings }: Rig): string[] {
  return markings.map(({ accountId, says, by }) => `${accountId} ${says} ${by}`)
}

/** What is told of transfers comes after the answer. */
async function heard(rig: Rig, count: number): Promise<string[]> {
  await eventually(() => (rig.markings.length >= count ? true : undefined))
  return said(rig)
}

test('a move into Junk is told with the octets at hand, and one out of it too', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('UID MOVE 1 Junk')
    assert.deepEqual(await heard(rig, 1), ['id-ann junk move'])
    const [marking] = rig.markings
    assert.equal(marking!.prefix, PREFIX)
    assert.equal((await marking!.read()).toString(), PREFIX + MAIL)
    await ann.ok('SELECT Junk')
    await ann.ok('UID MOVE 1 INBOX')
    assert.deepEqual(await heard(rig, 2), ['id-ann junk move', 'id-ann not-junk move'])
    assert.equal(rig.markings[1]!.emailId, marking!.emailId)
  })
})

test('a copy into Junk is told for each message, and what was uploaded there has nothing in front', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('APPEND INBOX {3+}\r\nx\r\n')
    await ann.ok('COPY 1:* Junk')
    assert.deepEqual(await heard(rig, 3), Array(3).fill('id-ann junk copy'))
    assert.deepEqual(
      rig.markings.map(({ prefix }) => prefix),
      [PREFIX, PREFIX, ''],
    )
  })
})

test('keywords are told once, when they are new', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('STORE 1 +FLAGS ($Junk)')
    await ann.ok('STORE 1 +FLAGS ($Junk \\Seen)')
    await ann.ok('STORE 1 FLAGS ($NotJunk)')
    await ann.ok('STORE 1 -FLAGS ($NotJunk)')
    await ann.ok('STORE 2 +FLAGS.SILENT (NonJunk)')
    assert.deepEqual(said(rig), ['id-ann junk keyword', 'id-ann not-junk keyword', 'id-ann not-junk keyword'])
  })
})

test('of a refused or empty command nothing is told', async () => {
  await withMail(async (rig, ann) => {
    await ann.command('UID MOVE 1 Nowhere')
    await ann.ok('UID MOVE 77 Junk')
    await ann.ok('EXAMINE INBOX')
    await ann.command('STORE 1 +FLAGS ($Junk)')
    await ann.ok('SELECT INBOX')
    await ann.ok('UID MOVE 1 Junk')
    assert.deepEqual(await heard(rig, 1), ['id-ann junk move'])
  })
})

for (const [from, to, says] of [
  [undefined, 'Junk', 'junk'],
  ['Trash', 'Junk', 'junk'],
  ['Junk', undefined, 'not-junk'],
  ['Junk', 'Archive', 'not-junk'],
  ['Junk', 'Trash', undefined],
  ['Junk', 'Junk', undefined],
  [undefined, 'Trash', undefined],
  [undefined, undefined, undefined],
] as const) {
  test(`from ${from ?? 'INBOX'} to ${to ?? 'a folder'} says ${says ?? 'nothing'}`, () => {
    assert.equal(saysTransfer(from, to), says)
  })
}

for (const [before, set, says] of [
  [[], ['$junk'], 'junk'],
  [[], ['$Junk', '$NotJunk'], undefined],
  [['$Junk'], ['$NotJunk'], 'not-junk'],
  [['$Junk'], ['$Junk', '$NotJunk'], 'not-junk'],
  [['Junk'], ['$Junk'], 'junk'],
  [[], ['\\Seen'], undefined],
] as const) {
  test(`${set.join(' ')} on a message with [${before}] says ${says ?? 'nothing'}`, () => {
    assert.equal(saysKeywords(before, set), says)
  })
}
