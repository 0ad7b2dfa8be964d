import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeWords, foldField, scanHeader } from '../../../core/text/index.js'

test('fields are found with their places and unfolded', () => {
  const bytes = Buffer.from('Subject: one\r\n two\r\nX-A:\tb \r\n\r\nbody')
  const { fields, bodyStart, ended, broken } = scanHeader(bytes)
  assert.deepEqual(fields, [
    { name: 'Subject', raw: 'one two', start: 0, end: 20 },
    { name: 'X-A', raw: 'b ', start: 20, end: 29 },
  ])
  assert.equal(bytes.subarray(bodyStart).toString(), 'body')
  assert.equal(ended, true)
  assert.deepEqual(broken, [])
})

for (const [what, text, names, body, complaint] of [
  ['bare line feeds', 'A: 1\nB: 2\n\nx', ['A', 'B'], 'x', undefined],
  ['no body', 'A: 1\r\n\r\n', ['A'], '', undefined],
  ['no header', '\r\nx', [], 'x', undefined],
  ['no empty line', 'A: 1\r\n', ['A'], '', 'header has no end'],
  ['a cut last line', 'A: 1', ['A'], '', 'header has no end'],
  ['a line without colon', 'A: 1\r\nnonsense\r\nB: 2\r\n\r\nx', ['A', 'B'], 'x', 'line at octet 6 is no header field'],
  ['an mbox line', 'From joe Thu\r\nA: 1\r\n\r\n', ['A'], '', 'line at octet 0 is no header field'],
  ['a space before the colon', 'A : 1\r\n\r\n', ['A'], '', undefined],
  ['a continuation first', ' x\r\nA: 1\r\n\r\n', ['A'], '', 'line at octet 0 is no header field'],
  ['a name with a space', 'A b: 1\r\n\r\n', [], '', 'line at octet 0 is no header field'],
] as const) {
  test(`a header with ${what} is read as far as it goes`, () => {
    const bytes = Buffer.from(text)
    const { fields, bodyStart, broken } = scanHeader(bytes)
    assert.deepEqual(
      fields.map(field => field.name),
      names,
    )
    assert.equal(bytes.subarray(bodyStart).toString(), body)
    assert.deepEqual(broken, complaint === undefined ? [] : [complaint])
  })
}

test('raw gives back the octets of the wire', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), octets => {
      const value = Buffer.from(octets).filter(octet => octet !== 10 && octet !== 13 && octet !== 32 && octet !== 9)
      const { fields } = scanHeader(Buffer.concat([Buffer.from('A: x'), value, Buffer.from('x\r\n\r\n')]))
      assert.deepEqual(Buffer.from(fields[0]!.raw, 'latin1').subarray(1, -1), Buffer.from(value))
    }),
  )
})

test('fields cover the header without gaps', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.stringMatching(/^[!-9;-~]{1,8}$/), fc.stringMatching(/^[ -~]{0,20}$/))), pairs => {
      const text = pairs.map(([name, value]) => `${name}:${value}\r\n`).join('')
      const { fields, bodyStart } = scanHeader(Buffer.from(`${text}\r\n`))
      assert.equal(fields.length, pairs.length)
      for (const [i, field] of fields.entries()) assert.equal(field.start, i === 0 ? 0 : fields[i - 1]!.end)
      assert.equal(bodyStart, text.length + 2)
    }),
  )
})

test('a header of too many fields is read to its end, kept in part', () => {
  const { fields, bodyStart, broken } = scanHeader(Buffer.from(`${'a: b\r\n'.repeat(100_000)}\r\nx`))
  assert.equal(fields.length, 2000)
  assert.equal(bodyStart, 600_002)
  assert.deepEqual(broken, ['98000 header fields too many'])
})

for (const [raw, text] of [
  ['plain', 'plain'],
  ['=?utf-8?Q?gr=C3=BCn?=', 'grün'],
  ['=?UTF-8?b?Z3LDvG4=?= end', 'grün end'],
  ['=?iso-8859-1?q?a_b=E4?=', 'a bä'],
  ['=?utf-8?q?a?= =?utf-8?q?b?=', 'ab'],
  ['=?utf-8?q?a?=\r\n =?utf-8?q?b?=', 'ab'],
  ['=?utf-8?q?a?= x =?utf-8?q?b?=', 'a x b'],
  ['=?utf-8?q?a?= =?iso-8859-1?q?=E4?=', 'aä'],
  ['=?utf-8?b?w6Q?= =?utf-8?q?=C3?= =?utf-8?q?=A4?=', 'ää'],
  ['=?utf-8*en?q?hi?=', 'hi'],
  ['=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=', 'テスト'],
  ['=?koi8-r?B?8NLJ18XU?=', 'Привет'],
  ['=?gb2312?B?1tDOxA==?=', '中文'],
  ['=?utf-7?Q?+AOQ-?=', 'ä'],
  ['=?cp850?Q?=84?=', 'ä'],
  ['=?x-nobody-knows?q?=E4?=', 'ä'],
  ['=?utf-8?q?two words?=', 'two words'],
  ['=?utf-8?q?a=0D=0AEvil:_yes?=', 'a  Evil: yes'],
  ['=?utf-8?x?abc?=', '=?utf-8?x?abc?='],
  ['=?utf-8?q?no end', '=?utf-8?q?no end'],
  ['=?utf-8?b?!!!?=', ''],
  ['gr\xc3\xbcn', 'grün'],
  ['gr\xfcn', 'grün'],
  ['schon grün ✓', 'schon grün ✓'],
] as const) {
  test(`${JSON.stringify(raw)} reads ${JSON.stringify(text)}`, () => {
    assert.equal(decodeWords(raw), text)
  })
}

test('no field makes decoding throw', () => {
  const piece = fc.oneof(fc.constantFrom('=?', '?=', '?', 'q?', 'b?', 'utf-8', ' ', '=', '=?utf-16?b?'), fc.string())
  fc.assert(fc.property(fc.array(piece), pieces => void decodeWords(pieces.join(''))))
})

test('a folded field has short lines, and unfolds to what it was', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[!-~]{1,70}$/), { minLength: 1, maxLength: 40 }), words => {
      const value = words.join(' ')
      const folded = foldField('X-Test', value)
      for (const line of folded.split('\r\n')) assert.ok(line.length <= 78, line)
      assert.equal(scanHeader(Buffer.from(`${folded}\r\n`)).fields[0]!.raw, value)
    }),
  )
})

test('no value breaks out of its field or its line limit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 4000 }), value => {
      const folded = foldField('X-Test', value)
      const { fields, broken } = scanHeader(Buffer.from(`${folded}\r\n`))
      assert.equal(fields.length, 1)
      assert.deepEqual(broken, [])
      for (const line of folded.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 998)
    }),
  )
})

test('a word longer than a line is cut, never over 998 octets', () => {
  const lines = foldField('X-Long', 'ä'.repeat(3000)).split('\r\n')
  for (const line of lines) assert.ok(Buffer.byteLength(line) <= 998)
  assert.equal(lines.join('').replace(/[^ä]/g, ''), 'ä'.repeat(3000))
})
