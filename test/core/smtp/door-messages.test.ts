/** Messages at the door: to whom they go, what the intake is given, what is left of them, and what the log says. Real sockets, scripts in place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MailError, reject } from '../../../core/api/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { logged, open, talk } from './door-talk.js'

test('a mailbox of ours that is named in several spellings gets the message once', async t => {
  const door = await open(t)
  await talk(
    door,
    `S: 220 …
    C> EHLO c.test\\r\\nMAIL FROM:<a@elsewhere.test>\\r\\n
    S: <any>
    S: 250 2.1.0 …
    C> RCPT TO:<Alice@example.test>\\r\\nRCPT TO:<alice@Example.Test>\\r\\nRCPT TO:<"alice"@example.test>\\r\\nRCPT TO:<alice+x@example.test>\\r\\nDATA\\r\\n
    S: 250 2.1.5 …
    S: 250 2.1.5 …
    S: 250 2.1.5 …
    S: 250 2.1.5 …
    S: 354 …
    C> Subject: x\\r\\n\\r\\n.\\r\\n
    S: 250 …`,
  )
  assert.deepEqual(
    door.taken[0]!.envelope.recipients.map(({ address }) => address.local),
    ['Alice', 'alice+x'],
  )
})

test('the intake is given exactly the octets, with envelope and session', async t => {
  const door = await open(t)
  await talk(
    door,
    `S: 220 …
    C> EHLO c.test\\r\\nMAIL FROM:<a@elsewhere.test> BODY=8BITMIME RET=HDRS ENVID=x SIZE=7\\r\\nRCPT TO:<alice@example.test> NOTIFY=NEVER\\r\\nDATA\\r\\n
    S: <any>
    S: 250 2.1.0 …
    S: 250 2.1.5 …
    S: 354 …
    C> Subject: \\xff\\r\\n\\r\\n..dot\\r\\n\\x01\\r\\n.\\r\\n
    S: 250 …`,
  )
  const { bytes, envelope, session } = door.taken[0]!
  assert.deepEqual(bytes, Buffer.from('Subject: \xff\r\n\r\n.dot\r\n\x01\r\n', 'latin1'))
  assert.equal(envelope.id, `${session.id}.1`)
  assert.deepEqual([envelope.body, envelope.ret, envelope.envid, envelope.utf8], ['8BITMIME', 'HDRS', 'x', false])
  assert.equal(envelope.parameters.get('SIZE'), '7')
  assert.deepEqual(envelope.recipients, [
    { address: { local: 'alice', domain: 'example.test' }, dsn: { notify: ['never'] } },
  ])
})

test('one line tells of a message, one of the session', async t => {
  const door = await open(t)
  await talk(door, '{envelope}\nC> x\\r\\n.\\r\\nQUIT\\r\\n\nS: 250 …\nS: 221 …')
  const accepted = await logged(door, 'message accepted')
  assert.deepEqual(
    [accepted.sender, accepted.recipients, accepted.size, accepted.code, accepted.helo],
    ['a@elsewhere.test', 1, 3, 250, 'c.test'],
  )
  const ended = await logged(door, 'session ended')
  assert.deepEqual([ended.messages, ended.commands, ended.errors, ended.end], [1, 5, 0, 'quit'])
})

for (const [what, judge, left] of [
  ['refused', () => [reject('spam')], 0],
  ['taken', undefined, 1],
  [
    'not stored',
    () => {
      throw new MailError('store-full', 'no room')
    },
    0,
  ],
] as const) {
  test(`of a large message that is ${what}, ${left} bodies are left in the store`, async t => {
    const { blobs } = createMemoryStore()
    const ids: string[] = []
    const door = await open(t, {
      blobs,
      memoryBytes: 1000,
      limits: { messageBytes: 1_000_000 },
      judge: received => {
        if (received.body.kind === 'stored') ids.push(received.body.id)
        return judge?.() ?? received.routed.map(() => ({ kind: 'accepted', text: 'Message accepted' }))
      },
    })
    await talk(door, `{envelope}\nC> Subject: x\\r\\n\\r\\n${'0123456789'.repeat(7000)}\\r\\n.\\r\\n\nS: …`)
    assert.equal(ids.length, 1)
    const found = await Promise.all(
      ids.map(id =>
        blobs.read(id).then(
          () => 1,
          () => 0,
        ),
      ),
    )
    assert.deepEqual(found, [left])
  })
}
