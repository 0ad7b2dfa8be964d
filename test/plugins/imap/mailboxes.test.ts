/** LIST, STATUS and CREATE over the wire: extended lists, numbers with them, special uses. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Client, type Rig, startRig } from './rig.js'

let rig: Rig
let client: Client

before(async () => {
  rig = await startRig({ maxMessageBytes: 12345 })
  client = await rig.client('ann')
})
after(() => rig.end())

test('LIST tells the numbers of what it selects, and of nothing else', async () => {
  await client.append('Junk', 'Subject: 12\r\n\r\n', '(\\Deleted) ')
  await client.ok('CREATE gone/inside')
  await client.ok('DELETE gone')
  assert.deepEqual(await client.ok('LIST "" (Junk gone) RETURN (STATUS (MESSAGES SIZE DELETED-STORAGE) SUBSCRIBED)'), [
    '* LIST (\\HasNoChildren \\Junk \\Subscribed) "/" "Junk"',
    '* STATUS "Junk" (MESSAGES 1 SIZE 15 DELETED-STORAGE 15)',
    '* LIST (\\NonExistent \\HasChildren) "/" "gone"',
  ])
  assert.deepEqual(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" gone RETURN (STATUS (MESSAGES))'), [])
  await client.ok('SUBSCRIBE gone/inside')
  assert.deepEqual(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" gone RETURN (STATUS (MESSAGES))'), [
    '* LIST (\\NonExistent \\HasChildren) "/" "gone" ("CHILDINFO" ("SUBSCRIBED"))',
  ])
})

test('STATUS tells each item once, and the largest message there may be', async () => {
  assert.deepEqual(await client.ok('STATUS Trash (SIZE size APPENDLIMIT DELETED)'), [
    '* STATUS "Trash" (SIZE 0 APPENDLIMIT 12345 DELETED 0)',
  ])
  assert.match(await client.answer('STATUS Trash (MESSAGE)'), /^BAD Expected one of MESSAGES .* at column 19/)
  assert.match(await client.answer('STATUS Trash ()'), /^BAD/)
})

for (const [without, item] of [
  ['STATUS=SIZE', 'SIZE'],
  ['QUOTA', 'DELETED-STORAGE'],
  ['APPENDLIMIT', 'APPENDLIMIT'],
] as const) {
  test(`without ${without} STATUS knows no ${item}`, async () => {
    const other = await startRig({ config: { disable: [without] } })
    try {
      const ann = await other.client('ann')
      assert.match(await ann.answer(`STATUS INBOX (${item})`), /^BAD Expected one of/)
    } finally {
      await other.end()
    }
  })
}

test('a mailbox is made for a use nobody has yet', async () => {
  await client.ok('DELETE Archive')
  assert.match(await client.answer('CREATE Old (USE (\\archive))'), /^OK/)
  assert.deepEqual(await client.ok('LIST (SPECIAL-USE) "" Old'), ['* LIST (\\HasNoChildren \\Archive) "/" "Old"'])
  assert.match(await client.answer('CREATE Plain (USE ())'), /^OK/)
})

for (const [what, args, answer] of [
  ['a use another mailbox has', '(USE (\\Sent))', /^NO \[USEATTR\] Another mailbox has that use already/],
  ['a use there is not', '(USE (\\All))', /^NO \[USEATTR\] Uses here are \\Archive/],
  ['two uses', '(USE (\\Sent \\Drafts))', /^NO \[USEATTR\] A mailbox has one use/],
  ['a use without its backslash', '(USE (Sent))', /^BAD/],
  ['a parameter there is not', '(PARTITION (a))', /^BAD/],
] as const) {
  test(`CREATE with ${what} makes nothing`, async () => {
    assert.match(await client.answer(`CREATE New ${args}`), answer)
    assert.deepEqual(await client.ok('LIST "" New'), [])
  })
}

test('there are never more mailboxes than there may be, however they are made', async () => {
  const few = await startRig({ config: { max_mailboxes: 10 } })
  try {
    const ann = await few.client('ann')
    assert.match(await ann.answer('CREATE a/b/c/d/e'), /^NO \[LIMIT\]/)
    await ann.ok('CREATE a/b/c')
    assert.match(await ann.answer('RENAME Sent x/y/Sent'), /^NO \[LIMIT\]/)
    await ann.ok('RENAME Sent x/Sent')
    for (const command of ['RENAME INBOX Old', 'RENAME Trash y/Trash', 'CREATE Old'])
      assert.match(await ann.answer(command), /^NO \[LIMIT\]/, command)
    await ann.ok('RENAME Trash x/Trash')
    assert.match(await ann.answer('CREATE inbox/'), /^NO \[ALREADYEXISTS\]/)
    assert.equal((await ann.ok('LIST "" *')).length, 10)
  } finally {
    await few.end()
  }
})
