/**
 * Reading replies of any shape: whole, in pieces, multi-line, broken, hostile.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ProtocolFault, type Reply, ReplyReader } from '../../../plugins/mx/client/reply.js'

function readAll(bytes: Buffer | string, step = 1_000_000): readonly Reply[] {
  const all = Buffer.from(bytes)
  const reader = new ReplyReader()
  const replies: Reply[] = []
  for (let at = 0; at < all.length; at += step) reader.push(all.subarray(at, at + step), reply => replies.push(reply))
  return replies
}

describe('the reply reader', () => {
  for (const [sent, code, status, text] of [
    ['250 2.1.0 Ok\r\n', 250, '2.1.0', '250 2.1.0 Ok'],
    ['250\r\n', 250, undefined, '250'],
    ['250 \r\n', 250, undefined, '250'],
    ['354 go\n', 354, undefined, '354 go'],
    ['550 5.7.26 a b\r\n', 550, '5.7.26', '550 5.7.26 a b'],
    ['550-5.7.26 a\r\n550-5.7.26 b\r\n550 5.7.26 c\r\n', 550, '5.7.26', '550 5.7.26 a b c'],
    ['550-first\r\n550 5.1.1 second\r\n', 550, '5.1.1', '550 5.1.1 first second'],
    ['450 5.7.1 class of another\r\n', 450, undefined, '450 5.7.1 class of another'],
    ['550 5.1.1\r\n', 550, '5.1.1', '550 5.1.1'],
    ['550 5.1.1000 no\r\n', 550, undefined, '550 5.1.1000 no'],
    ['250 \x1b[31mred\u202e\r\n', 250, undefined, '250 ?[31mred?'],
    ['250-\r\n250 x\r\n', 250, undefined, '250 x'],
    ['550No such user\r\n', 550, undefined, '550 No such user'],
    ['550\t5.1.1 nobody\r\n', 550, '5.1.1', '550 5.1.1 nobody'],
    ['550 5.1.1: nobody\r\n', 550, '5.1.1', '550 5.1.1 nobody'],
    ['550-5.1.1 a\r\n554 5.7.1 b\r\n', 554, '5.1.1', '554 5.1.1 a b'],
  ] as const) {
    test(`reads ${JSON.stringify(sent)}`, () => {
      const [reply, ...more] = readAll(sent)
      assert.deepEqual(more, [])
      assert.equal(reply?.code, code)
      assert.equal(reply?.status, status)
      assert.equal(reply?.text, text)
    })
  }

  for (const sent of [
    'HTTP/1.1 400 Bad Request\r\n',
    '25 short\r\n',
    '2500 long\r\n',
    '199 low\r\n',
    '650 high\r\n',
    '250-2.1.0 ok\r\n550 5.1.1 no\r\n',
    '250-2.1.0 ok\r\n354 go\r\n',
    '\r\n',
    '250-a\r\nwhat\r\n',
    'x'.repeat(5000),
    `250 ${'x'.repeat(5000)}\r\n`,
    '250-again\r\n'.repeat(1000),
  ]) {
    test(`refuses ${JSON.stringify(sent.slice(0, 30))}`, () => {
      assert.throws(() => readAll(sent), ProtocolFault)
    })
  }

  test('reads the same however the octets are cut', () => {
    const sent = '250-a.test\r\n250-SIZE 1\r\n250 PIPELINING\r\n250 2.1.0 ok\r\n550 5.1.1 nö\r\n354 x\r\n'
    const whole = readAll(sent)
    assert.equal(whole.length, 4)
    for (let step = 1; step < 20; step += 1) assert.deepEqual(readAll(sent, step), whole)
  })

  test('a line that was a whole reply before ends a longer one, and is no reply of its own', () => {
    const [short] = readAll('250 2.1.0 ok\r\n')
    assert.equal(readAll('250 2.1.0 ok\r\n')[0], short)
    const [long, ...more] = readAll('250-first\r\n250 2.1.0 ok\r\n')
    assert.deepEqual([long?.lines, long?.text, more], [['first', 'ok'], '250 2.1.0 first ok', []])
    assert.throws(() => readAll('550-no\r\n250 2.1.0 ok\r\n'), ProtocolFault)
  })

  test('knows of something that was begun', () => {
    const reader = new ReplyReader()
    assert.equal(reader.open, false)
    reader.push(Buffer.from('25'), () => undefined)
    assert.equal(reader.open, true)
    reader.push(Buffer.from('0-x\r\n'), () => undefined)
    assert.equal(reader.open, true)
    reader.push(Buffer.from('250 y\r\n'), () => undefined)
    assert.equal(reader.open, false)
  })

  test('whatever comes, it answers or throws a protocol fault', () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.integer({ min: 100, max: 700 }), fc.string()).map(([n, s]) => `${n} ${s}\r\n`),
    )
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 50 }), (lines, step) => {
        try {
          for (const reply of readAll(lines.join(''), step)) assert.ok(reply.code >= 200 && reply.text.length <= 1000)
        } catch (error) {
          assert.ok(error instanceof ProtocolFault)
        }
      }),
      { numRuns: 300 },
    )
  })
})
