import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeWords,
  type Field,
  isAsciiOnly,
  mailboxOf,
  scanHeader,
  surrogateHeader,
} from '../../../core/text/index.js'
import { dataDir } from '../../harness/data.js'
import { mutate, mutations } from '../../harness/mutate.js'

const written = (header: string) => surrogateHeader(Buffer.from(header)).toString('latin1')
const field = (line: string) => written(`${line}\r\n`)

test('a header in ASCII stays the very same buffer', () => {
  const header = Buffer.from('Subject: x\r\n\tfolded\r\nbroken\r\n\r\n')
  assert.equal(surrogateHeader(header), header)
})

test('what people read becomes encoded words, fields in ASCII stay as written', () => {
  const header = 'X-A:  as  it\t is\r\nSubject: Grüße aus Bonn\r\n\r\n'
  assert.equal(written(header), 'X-A:  as  it\t is\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?= aus Bonn\r\n\r\n')
})

test('octets that are no UTF-8 are read as others would', () => {
  const octets = Buffer.concat([Buffer.from('Subject: caf'), Buffer.from([0xe9]), Buffer.from('\r\n')])
  assert.equal(surrogateHeader(octets).toString('latin1'), 'Subject: =?UTF-8?B?Y2Fmw6k=?=\r\n')
})

test('RFC 6858 §2.1: a display name is encoded whole, an address beyond ASCII becomes one that nobody has', () => {
  assert.equal(field('From: "Müller, Jürgen" <j@x.test>'), 'From: =?UTF-8?B?TcO8bGxlciwgSsO8cmdlbg==?= <j@x.test>\r\n')
  assert.equal(
    field('To: a@x.test, jörg@x.test'),
    'To: a@x.test, =?UTF-8?B?asO2cmdAeC50ZXN0?=\r\n <invalid@internationalized-address.invalid>\r\n',
  )
  assert.equal(
    field('Cc: Ann <ann@müller.test>;'),
    'Cc: =?UTF-8?B?QW5uIChhbm5AbcO8bGxlci50ZXN0KQ==?=\r\n <invalid@internationalized-address.invalid>\r\n',
  )
  assert.equal(field('To: Freunde é: a@x.test, b@x.test;'), 'To: =?UTF-8?B?RnJldW5kZSDDqQ==?=: a@x.test, b@x.test;\r\n')
  assert.equal(field('From: é <"a b"@x.test>'), 'From: =?UTF-8?B?w6k=?= <"a b"@x.test>\r\n')
})

test('parameters keep their value by RFC 2231; what has no form in ASCII goes (RFC 6858 §2.4)', () => {
  assert.equal(
    field('Content-Type: text/plain; charset="utf-8"; name="Gruß 1.txt"'),
    `Content-Type: text/plain; charset="utf-8"; name*=UTF-8''Gru%C3%9F%201.txt\r\n`,
  )
  assert.equal(written('X-Note: größer\r\nMessage-ID: <é@x>\r\nSubject: a\r\n\r\n'), 'Subject: a\r\n\r\n')
})

test('of fields without end, so much is written anew, and what does not fit goes; those in ASCII stay', () => {
  const long = `To: ${'é <a@b.test>,\r\n '.repeat(1500)}x@b.test\r\n`
  const header = Buffer.from(`Subject: é\r\n${long}${long}X-Plain: ${'a'.repeat(40_000)}\r\nCc: é <a@b.test>\r\n\r\n`)
  const { fields, ended } = scanHeader(surrogateHeader(header), Number.MAX_SAFE_INTEGER)
  assert.deepEqual([...fields.map(({ name }) => name), ended], ['Subject', 'To', 'X-Plain', 'Cc', true])
})

test('whatever a header holds, what comes out is in ASCII and has the same end', () => {
  const raw = Buffer.from(
    'From: Jürgen <jü@x.test>, b@x.test\r\nSubject: Grüße\r\n a\r\nContent-Type: text/plain; name="ü"\r\n\r\n',
  )
  fc.assert(
    fc.property(mutations, changes => {
      const octets = mutate(raw, changes)
      const surrogate = surrogateHeader(octets.subarray(0, scanHeader(octets).bodyStart))
      assert.ok(isAsciiOnly(surrogate))
      assert.equal(scanHeader(surrogate).ended, scanHeader(octets).ended)
    }),
  )
})

const mime = dataDir('mime')
test('real headers say the same as before', { skip: mime === undefined && 'no shared material here' }, () => {
  let changed = 0
  for (const path of filesBelow(mime!)) {
    const octets = readFileSync(path)
    const before = scanHeader(octets, Number.MAX_SAFE_INTEGER)
    const header = octets.subarray(0, before.bodyStart)
    const surrogate = surrogateHeader(header)
    assert.ok(isAsciiOnly(surrogate), path)
    if (surrogate === header) continue
    changed += 1
    const after = scanHeader(surrogate, Number.MAX_SAFE_INTEGER)
    assert.equal(after.ended, before.ended, path)
    assert.equal(subjectOf(after.fields), subjectOf(before.fields), path)
    const [from, shown] = [mailboxOf(before.fields, 'from'), mailboxOf(after.fields, 'from')]
    if (from !== undefined && isAsciiOnly(Buffer.from(from.local))) assert.equal(shown?.domain, from.domain, path)
  }
  assert.ok(changed > 5, String(changed))
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(file => file.isFile())
    .map(file => join(file.parentPath, file.name))
}

function subjectOf(fields: readonly Field[]): string | undefined {
  const found = fields.find(({ name }) => name.toLowerCase() === 'subject')
  return found && decodeWords(found.raw).replace(/\s+/g, ' ').trim()
}
