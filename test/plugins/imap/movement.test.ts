/** What the trail is told of mail that is moved, copied and removed by IMAP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../../harness/instance.js'
import { type Client, type Rig, startRig } from './rig.js'

const PREFIX = 'Received: by here id 1m80cb19mbcmqkwj.1; today\r\n'

async function withMail(run: (rig: Rig, ann: Client) => Promise<void>): Promise<void> {
  const rig = await startRig()
  try {
    const filing = { accountId: 'id-ann', mailbox: 'INBOX', flags: [], prefix: PREFIX, date: 1 }
    await rig.store.accept({
      message: {
        ...{ id: 'q1', body: { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\ny\r\n') }, cuts: [] },
        ...{ sender: null, utf8: false, bodyType: '7BIT', received: 1, origin: { listener: 'mx' } },
      },
      ...{ rows: [], filings: [filing, filing, filing], trail: [] },
    })
    const ann = await rig.client('ann')
    await ann.ok('APPEND INBOX {3+}\r\nx\r\n')
    await ann.ok('SELECT INBOX')
    await run(rig, ann)
  } finally {
    await rig.end()
  }
}

/** What is told of transfers comes after the answer. */
async function heard({ movements }: Rig, count: number) {
  await eventually(() => (movements.length >= count ? true : undefined))
  return movements.map(({ kind, login, protocol, from, to, prefixes }) => [
    `${kind} ${login} ${protocol} ${from} ${to ?? '-'}`,
    prefixes.length,
  ])
}

test('MOVE and COPY are told with what stands in front of each message, of uploads nothing', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('COPY 1:4 Archive')
    await ann.ok('UID MOVE 1:2 Junk')
    assert.deepEqual(await heard(rig, 2), [
      ['copied ann imap INBOX Archive', 3],
      ['moved ann imap INBOX Junk', 2],
    ])
    assert.equal(rig.movements[1]!.prefixes[0], PREFIX)
  })
})

test('EXPUNGE and CLOSE tell what they removed, and of what they left nothing', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('STORE 1 +FLAGS (\\Deleted)')
    await ann.ok('EXPUNGE')
    await ann.ok('STORE 1,3 +FLAGS (\\Deleted)')
    await ann.ok('CLOSE')
    assert.deepEqual(await heard(rig, 2), [
      ['removed ann imap INBOX -', 1],
      ['removed ann imap INBOX -', 1],
    ])
  })
})

test('nothing is told of uploads alone, or when nothing is removed', async () => {
  await withMail(async (rig, ann) => {
    await ann.ok('EXPUNGE')
    await ann.ok('MOVE 4 Trash')
    await ann.ok('MOVE 1 Trash')
    assert.deepEqual(await heard(rig, 1), [['moved ann imap INBOX Trash', 1]])
  })
})
