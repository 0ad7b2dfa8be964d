/**
 * What goes over the wire in DATA, for any bytes cut in any way.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataEncoder } from '../../../core/text/index.js'

function encode(bytes: Buffer, cuts: readonly number[]): string {
  const encoder = new DataEncoder()
  const out: Buffer[] = []
  let at = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut < at || cut > bytes.length) continue
    out.push(encoder.push(bytes.subarray(at, cut)))
    at = cut
  }
  out.push(encoder.push(bytes.subarray(at)), encoder.end())
  return Buffer.concat(out).toString('latin1')
}

test('only CRLF goes out, the end stands once and at the end, and unstuffing gives the message back', () => {
  const piece = fc.constantFrom('\r', '\n', '\r\n', '.', 'a', '\xff', '\r\n.\r\n', '\n.\n', '\r.\r')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(60)), (pieces, cuts) => {
      const message = pieces.join('')
      const sent = encode(Buffer.from(message, 'latin1'), cuts)
      assert.doesNotMatch(sent, /[^\r]\n|^\n|\r(?!\n)/)
      assert.equal(sent.indexOf('\r\n.\r\n'), sent.startsWith('.\r\n') ? -1 : sent.length - 5)
      const body = sent.slice(0, -3).replace(/(^|\r\n)\./g, '$1')
      const wished = message.replace(/\r\n|\r|\n/g, '\r\n')
      assert.equal(body, wished === '' || wished.endsWith('\r\n') ? wished : `${wished}\r\n`)
    }),
    { numRuns: 1000 },
  )
})
