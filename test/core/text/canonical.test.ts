/** Canonical forms: the examples of RFC 6376 §3.4.5, and that it does not matter in which pieces a body comes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CanonicalBody, type CanonicalForm, canonicalField } from '../../../core/text/canonical.js'

function bodyOf(form: CanonicalForm, ...pieces: readonly string[]): string {
  const out: string[] = []
  const body = new CanonicalBody(form, octets => out.push(octets.toString('latin1')))
  for (const piece of pieces) body.update(Buffer.from(piece, 'latin1'))
  body.end()
  return out.join('')
}

/** The rule as it is written, on a whole body: slow and plain. */
function plainly(form: CanonicalForm, body: string): string {
  const spaced =
    form === 'simple'
      ? body
      : `${body}\0`
          .replace(/[ \t]+(?=\r\n|\0$)/g, '')
          .slice(0, -1)
          .replace(/[ \t]+/g, ' ')
  let text = spaced
  while (text.endsWith('\r\n')) text = text.slice(0, -2)
  if (text === '') return form === 'simple' ? '\r\n' : ''
  return `${text}\r\n`
}

describe('a header field in canonical form', () => {
  for (const [form, field, wanted] of [
    ['relaxed', 'A: X\r\n', 'a:X\r\n'],
    ['relaxed', 'B : Y\t\r\n\tZ  \r\n', 'b:Y Z\r\n'],
    ['simple', 'B : Y\t\r\n\tZ  \r\n', 'B : Y\t\r\n\tZ  \r\n'],
    ['relaxed', 'Subject:\r\n', 'subject:\r\n'],
    ['relaxed', 'Subject: \r\n \r\n', 'subject:\r\n'],
    ['relaxed', 'Subject: \xc3\xa0 \xc3\xa0\r\n', 'subject:\xc3\xa0 \xc3\xa0\r\n'],
    ['relaxed', 'X: a:b : c\r\n', 'x:a:b : c\r\n'],
  ] as const)
    test(`${form}: ${JSON.stringify(field)}`, () => {
      assert.equal(canonicalField(field, form), wanted)
    })
})

describe('a body in canonical form', () => {
  for (const [form, body, wanted] of [
    ['relaxed', ' C \r\nD \t E\r\n\r\n\r\n', ' C\r\nD E\r\n'],
    ['simple', ' C \r\nD \t E\r\n\r\n\r\n', ' C \r\nD \t E\r\n'],
    ['simple', '', '\r\n'],
    ['relaxed', '', ''],
    ['relaxed', '\r\n\r\n', ''],
    ['simple', '\r\n\r\n', '\r\n'],
    ['relaxed', ' \t\r\n \r\n', ''],
    ['simple', 'no end', 'no end\r\n'],
    ['relaxed', 'no end \t', 'no end\r\n'],
    ['relaxed', 'x \r', 'x \r\r\n'],
    ['simple', 'x\r', 'x\r\r\n'],
    ['relaxed', '\r\n\r\na', '\r\n\r\na\r\n'],
    ['relaxed', 'a \rb\n c', 'a \rb\n c\r\n'],
  ] as const)
    test(`${form}: ${JSON.stringify(body)}`, () => {
      assert.equal(bodyOf(form, body), wanted)
      assert.equal(bodyOf(form, ...body), wanted)
    })

  test('is the same in whatever pieces it comes, and what the rule says', () => {
    const octets = fc.array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', 'a', '\xa0'), { maxLength: 60 })
    fc.assert(
      fc.property(fc.constantFrom('simple', 'relaxed'), fc.array(octets, { maxLength: 6 }), (form, parts) => {
        const pieces = parts.map(part => part.join(''))
        assert.equal(bodyOf(form, ...pieces), plainly(form, pieces.join('')))
      }),
      { numRuns: 3000 },
    )
  })

  test('holds nothing of a million empty lines', () => {
    let most = 0
    let all = 0
    const body = new CanonicalBody('relaxed', octets => {
      most = Math.max(most, octets.length)
      all += octets.length
    })
    for (let i = 0; i < 1000; i++) body.update(Buffer.from(' \r\n'.repeat(1000)))
    body.update(Buffer.from('end'))
    body.end()
    assert.equal(all, 2_000_000 + 5)
    assert.ok(most <= 64 * 1024, `${most} octets at a time`)
  })
})
