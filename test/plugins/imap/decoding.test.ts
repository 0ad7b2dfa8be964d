/** Parts without their encoding, piece by piece, and messages without NUL. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scanMime } from 'posthouse/text'
import { withoutNul } from '../../../plugins/imap/binary.js'
import { decoded } from '../../../plugins/imap/decoding.js'

async function decodeBy(pieceBytes: number, bytes: Buffer, encoding: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  const read = async (from: number, to: number) => bytes.subarray(from, to)
  for await (const piece of decoded(read, 0, bytes.length, encoding, pieceBytes)) pieces.push(piece)
  return Buffer.concat(pieces)
}

const base64 = fc.array(fc.constantFrom('QUJD', 'a', '=', '==', '\r\n', ' ', '!', '+/', 'Zm9v'), { maxLength: 60 })
const quoted = fc.array(
  fc.constantFrom('=C3=BC', '=\r\n', '= \t\n', 'abc', '=3', '=', ' ', '\t', '\r\n', '\n', '=0A'),
  {
    maxLength: 60,
  },
)

test('base64 says the same however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(base64, fc.integer({ min: 1, max: 40 }), async (parts, pieceBytes) => {
      const bytes = Buffer.from(parts.join(''))
      assert.deepEqual(await decodeBy(pieceBytes, bytes, 'base64'), await decodeBy(10_000, bytes, 'base64'))
    }),
  )
})

test('quoted-printable says the same however it is cut, line by line', async () => {
  await fc.assert(
    fc.asyncProperty(quoted, fc.integer({ min: 150, max: 300 }), async (parts, pieceBytes) => {
      const bytes = Buffer.from(`${'x'.repeat(140)}${parts.join('')}`)
      const wish = await decodeBy(10_000, bytes, 'quoted-printable')
      assert.deepEqual(await decodeBy(pieceBytes, bytes, 'quoted-printable'), wish)
    }),
  )
})

for (const [encoding, text, wish] of [
  ['base64', ' aGVs \n bG8g', 'hello '],
  ['base64', 'YQ==YmM=', 'abc'],
  ['quoted-printable', 'a=\r\nb =\r\n c', 'ab  c'],
  ['quoted-printable', 'a  \r\nb\t\n', 'a\r\nb\n'],
  ['quoted-printable', 'a=20\r\n', 'a \r\n'],
  ['binary', 'a  \r\n', 'a  \r\n'],
] as const) {
  test(`${encoding} ${JSON.stringify(text)} says ${JSON.stringify(wish)}`, async () =>
    assert.equal((await decodeBy(100, Buffer.from(text), encoding)).toString(), wish))
}

const PARTS = [
  'Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n',
  'Content-Type: text/plain\r\n\r\ntext\r\n--b\r\n',
  'X: 1\r\ncontent-transfer-ENCODING:\r\n binary\r\nY: 2\r\n\r\n\0\x01\xff\r\n--b\r\n',
  '\r\nno header \0\r\n--b--\r\nepilogue',
].join('')

test('parts with NUL become base64, and nothing else changes', () => {
  const encoded = withoutNul(Buffer.from(PARTS, 'latin1'))!.toString('latin1')
  assert.equal(
    encoded,
    PARTS.replace('content-transfer-ENCODING:\r\n binary', 'Content-Transfer-Encoding: base64')
      .replace('\0\x01\xff\r\n--b', 'AAH/\r\n\r\n--b')
      .replace('\r\nno header \0\r\n--b', 'Content-Transfer-Encoding: base64\r\n\r\nbm8gaGVhZGVyIAA=\r\n\r\n--b'),
  )
  assert.equal(scanMime(Buffer.from(encoded, 'latin1')).root.children.length, 3)
})

for (const [where, text] of [
  ['in a header', 'Subject: \0\r\n\r\ntext'],
  ['in a preamble', PARTS.replace('preamble', 'pre\0amble')],
  ['in what is encoded already', 'Content-Transfer-Encoding: base64\r\n\r\nQU\0JD\r\n'],
] as const) {
  test(`NUL ${where} cannot be encoded`, () => assert.equal(withoutNul(Buffer.from(text, 'latin1')), undefined))
}
