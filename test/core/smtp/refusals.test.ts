/** What the trail is told of refusals that the intake never sees: at each stage of the dialogue, once for each transaction. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reject } from '../../../core/api/index.js'
import type { Refusal } from '../../../core/pipeline/refusal-entry.js'
import { logged, open, talk } from './door-talk.js'

function words({ stage, said, envelope, turnedAway, size }: Refusal): string {
  const away = turnedAway?.named.map(({ address }) => address).join(' ')
  const id = envelope === undefined ? '' : ` ${envelope.id.replace(/^[^.]+/, '')}`
  return `${stage}${id} ${said.code}${away === undefined ? '' : ` away ${away}`}${size === undefined ? '' : ` ${size}`}`
}

test('a session, a greeting and a sender that are refused', async t => {
  const refusals: Refusal[] = []
  const hooks = {
    helo: ({ name }: { name: string }) => (name === 'bad' ? reject('no') : undefined),
    mail: () => reject('nor this'),
  }
  const door = await open(t, { refusals, hooks })
  await talk(door, 'S: 220 …\nC: HELO bad\nS: 550 …\nC: HELO good\nS: 250 …\nC: MAIL FROM:<a@b.test>\nS: 550 …')
  const closed = await open(t, { refusals, hooks: { connect: () => reject('go away') } })
  await talk(closed, 'S: 554 …\nC: QUIT\nS: 221 …')
  assert.deepEqual(refusals.map(words), ['greeting 550', 'mail .1 550', 'connect 554'])
})

test('recipients that are refused are told once, when the transaction ends without a message', async t => {
  const refusals: Refusal[] = []
  const door = await open(t, { refusals })
  await talk(
    door,
    `S: 220 …
    C: HELO c.test
    S: 250 …
    C: MAIL FROM:<a@b.test>
    S: 250 …
    C: RCPT TO:<unknown@example.test>
    S: 550 …
    C: RCPT TO:<unknown@example.test>
    S: 550 …
    C: RSET
    S: 250 …
    C: MAIL FROM:<a@b.test>
    S: 250 …
    C: RCPT TO:<alice@example.test>
    S: 250 …
    C: RSET
    S: 250 …`,
  )
  assert.deepEqual(refusals.map(words), ['rcpt .1 550 away unknown@example.test unknown@example.test'])
})

test('when a message comes for others, the intake is given them, and nothing is told twice', async t => {
  const refusals: Refusal[] = []
  const door = await open(t, { refusals })
  await talk(
    door,
    `S: 220 …
    C: HELO c.test
    S: 250 …
    C: MAIL FROM:<a@b.test>
    S: 250 …
    C: RCPT TO:<unknown@example.test>
    S: 550 …
    C: RCPT TO:<alice@example.test>
    S: 250 …
    C: DATA
    S: 354 …
    C> x\\r\\n.\\r\\n
    S: 250 …`,
  )
  assert.deepEqual(refusals, [])
  assert.equal(door.taken[0]!.turnedAway!.count, 1)
})

test('a message that the intake does not get to see is told with its size', async t => {
  const refusals: Refusal[] = []
  const door = await open(t, { refusals, judge: () => Promise.reject(new Error('the disk is on fire')) })
  await talk(door, '{envelope}\nC> x\\ny\\r\\n.\\r\\n\nS: 554 …')
  await talk(door, '{envelope}\nC> x\\r\\n.\\r\\n\nS: 451 …')
  assert.deepEqual(refusals.map(words), ['data .1 554 5', 'data .1 451 3'])
})

test('a message that is broken off is told with what had come: by DATA, in chunks, and when it is taken back', async t => {
  for (const [what, rest] of [
    ['DATA', 'C: DATA\nS: 354 …\nC> half a message\\r\\n'],
    ['a chunk', 'C> BDAT 100\\r\\nhalf a message\\r\\n'],
    ['between chunks', 'C> BDAT 16\\r\\nhalf a message\\r\\n\nS: 250 …'],
    ['RSET', 'C> BDAT 16\\r\\nhalf a message\\r\\n\nS: 250 …\nC: RSET\nS: 250 …'],
  ] as const) {
    const refusals: Refusal[] = []
    const door = await open(t, { refusals })
    await talk(
      door,
      `S: 220 …
      C: EHLO c.test
      S: <any>
      S: /^250 /
      C: MAIL FROM:<a@b.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 250 …
      ${rest}`,
    )
    await logged(door, 'session ended')
    // Of what is under way when the connection breaks, some may be lost.
    assert.match(refusals.map(words).join(), /^unfinished \.1 451 (?:16|0)$/, what)
  }
})
