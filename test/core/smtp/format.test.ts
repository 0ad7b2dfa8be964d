/** Replies on the wire: one reply is one reply, whatever text stands in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SmtpReply } from '../../../core/api/index.js'
import { formatReply } from '../../../core/smtp/format.js'
import { REPLY } from '../../../core/smtp/replies.js'

for (const [reply, enhanced, wire] of [
  [{ code: 250, status: '2.0.0', text: 'OK' }, true, '250 2.0.0 OK\r\n'],
  [{ code: 250, status: '2.0.0', text: 'OK' }, false, '250 OK\r\n'],
  [{ code: 250, text: ['a', 'b', 'c'] }, true, '250-a\r\n250-b\r\n250 c\r\n'],
  [{ code: 550, status: '5.7.1', text: ['no', 'never'] }, true, '550-5.7.1 no\r\n550 5.7.1 never\r\n'],
  [{ code: 334, text: '' }, true, '334 \r\n'],
  [{ code: 550, status: '5.1.1', text: 'a\r\n250 OK\u2028é' }, true, '550 5.1.1 a??250 OK??\r\n'],
  [{ code: 550, status: '4.7.1', text: 'classes differ' }, true, '550 classes differ\r\n'],
  [{ code: 550, status: '5.7\r\n1', text: 'x' }, true, '550 x\r\n'],
  [{ code: 42, status: '5.7.1', text: 'not a code' }, true, '451 not a code\r\n'],
  [{ code: 250, text: [] }, true, '250 \r\n'],
] as const satisfies readonly (readonly [SmtpReply, boolean, string])[]) {
  test(`${JSON.stringify(reply)} is written ${JSON.stringify(wire)}`, () => {
    assert.equal(formatReply(reply, enhanced), wire)
  })
}

test('any text gives whole lines of one code, none longer than 512 octets', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), fc.integer({ min: 200, max: 599 }), (text, code) => {
      const lines = formatReply({ code, status: `${String(code)[0]}.1.1`, text }, true).split('\r\n')
      assert.equal(lines.pop(), '')
      const last = lines.pop()!
      assert.ok(last.startsWith(`${code} `))
      for (const line of lines) assert.ok(line.startsWith(`${code}-`))
      for (const line of [...lines, last]) assert.match(line, /^[\x20-\x7e]{4,510}$/)
    }),
    { numRuns: 300 },
  )
})

test('every reply of ours carries an enhanced code of its own class, but for 220, 334 and 354', () => {
  for (const [name, reply] of Object.entries<SmtpReply>(REPLY)) {
    if (reply.code >= 300 && reply.code < 400) continue
    assert.match(reply.status ?? '', new RegExp(`^${String(reply.code)[0]}\\.\\d{1,3}\\.\\d{1,3}$`), name)
  }
})
