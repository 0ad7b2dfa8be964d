/** Messages made 7-bit: which octets change, and that what a reader decodes does not, by our own reader and by Python's. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  conversionOf,
  converted,
  decodeTransfer,
  type MimePart,
  normaliseNewlines,
  type Octets,
  preceded,
  scanMime,
} from '../../../core/text/index.js'
import { ROOT } from '../../harness/instance.js'
import { heldMemory } from '../../harness/memory.js'
import { runProgram } from '../../harness/programs.js'
import { program, sharedDir } from '../../harness/shared.js'

function octetsOf(bytes: Buffer, step = 7): Octets {
  return {
    size: bytes.length,
    async *chunks() {
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
    },
    read: async (from = 0, to = bytes.length) => bytes.subarray(from, to),
  }
}

const latin = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')

/** `undefined`: needless; a string that begins with a status: impossible. */
async function convert(bytes: Buffer, binary = false, step?: number): Promise<string | undefined> {
  const source = octetsOf(bytes, step)
  const found = await conversionOf(source, binary)
  if (found.kind === 'needless') return undefined
  if (found.kind === 'impossible') return `${found.status} ${found.why}`
  const made = await converted(source, found.edits)
  const whole = await made.read()
  assert.equal(made.size, whole.length)
  assert.deepEqual(await made.read(5, 40), whole.subarray(5, 40))
  return whole.toString('latin1')
}

const MULTIPART = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n'

for (const [what, before, after] of [
  [
    'text becomes quoted-printable',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: 8bit\n\nSch\xf6n = ja \nund gut\t\n',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=latin1\nContent-Transfer-Encoding: quoted-printable\n\nSch=F6n =3D ja=20\nund gut=09\n',
  ],
  [
    'text of few letters that are ASCII becomes base64',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\n\n\xf0\xd2\xc9\n',
    'MIME-Version: 1.0\nContent-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJDQo=\n',
  ],
  [
    'what is no text becomes base64',
    'MIME-Version: 1.0\ncontent-transfer-encoding:\n 8bit\nContent-Type: application/xml\n\n<a>\xe9</a>\n',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Type: application/xml\n\nPGE+6TwvYT4NCg==\n',
  ],
  [
    'mail from before MIME is told to be in an unknown charset',
    'Subject: x\n\nna\xefve but mostly plain\n',
    'Subject: x\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=unknown-8bit\nMIME-Version: 1.0\n\nna=EFve but mostly plain\n',
  ],
  [
    'only the parts that need it change, the labels around them too, and what stands around the parts is masked',
    `${MULTIPART}\npre\xe9\n--b\n\nplain\n--b\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9 au lait\n--b\nContent-Transfer-Encoding: 8bit\n\nclean\n--b--\npost\xe9\n`,
    `${MULTIPART.replace('8bit', '7bit')}\npre?\n--b\n\nplain\n--b\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 au lait\n--b\nContent-Transfer-Encoding: 7bit\n\nclean\n--b--\npost?\n`,
  ],
  [
    'a message inside is converted inside',
    'MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nMIME-Version: 1.0\nSubject: inner\nContent-Type: text/html\n\n<p>d\xe9j\xe0 vu, more or less</p>\n',
    'MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\nMIME-Version: 1.0\nSubject: inner\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>d=E9j=E0 vu, more or less</p>\n',
  ],
  [
    'quoted-printable that lies is mended',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\na=E9b\xe9c=\xe9=3D=\nd\n',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\na=E9b=E9c=3D=E9=3D=\nd\n',
  ],
  [
    'base64 that lies is mended',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nYWJj\xe9\nZGVm\n',
    'MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nYWJj\nZGVm\n',
  ],
  ['raw text in header fields stays as it is', 'Subject: caf\xe9\n\nplain\n', undefined],
  [
    'labels alone are left, and with them signatures',
    `${MULTIPART}\n--b\nContent-Transfer-Encoding: 8bit\n\nclean\n--b--\n`,
    undefined,
  ],
  ['a message of nothing stays', '', undefined],
] as const) {
  test(`7 bits: ${what}`, async () => {
    for (const step of [1, 7, 100_000])
      assert.equal(
        await convert(latin(before), false, step),
        after === undefined ? undefined : latin(after).toString('latin1'),
      )
  })
}

const SIGNED =
  'MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/plain\n\nna\xefve\n--b\n\nsignature\n--b--\n'
for (const [what, bytes, reason] of [
  ['a signed part', SIGNED, '5.6.2 a part that is signed or encrypted would no longer be what was signed'],
  [
    'a signed part deep inside',
    `${MULTIPART}\n--b\nContent-Type: message/rfc822\n\n${SIGNED.replaceAll('=b', '=c').replaceAll('--b', '--c')}\n--b--\n`,
    '5.6.2 a part that is signed or encrypted would no longer be what was signed',
  ],
  [
    'a multipart without an end or a beginning',
    'Content-Type: multipart/mixed; boundary=b\n\nna\xefve\n',
    '5.6.5 a part of type multipart/mixed cannot be encoded',
  ],
  [
    'a delivery report',
    'Content-Type: message/delivery-status\n\nDiagnostic-Code: smtp; caf\xe9\n',
    '5.6.5 a part of type message/delivery-status cannot be encoded',
  ],
  [
    'an encoding of its own',
    'Content-Transfer-Encoding: x-uuencode\n\nna\xefve\n',
    '5.6.5 a part has the encoding x-uuencode, which is not known here',
  ],
  [
    'a header that is broken',
    'Subject: x\nnot a field\n\nna\xefve\n',
    '5.6.5 a line in the header of a part is no header field',
  ],
] as const) {
  test(`7 bits: ${what} with octets above 127 is not converted`, async () => {
    assert.equal(await convert(latin(bytes)), reason)
  })
}

test('a signed part that is 7-bit stays octet for octet beside one that is converted', async () => {
  const signed = SIGNED.replace('\xef', 'i').replaceAll('=b', '=c').replaceAll('--b', '--c')
  const made = await convert(latin(`${MULTIPART}\n--b\n${signed}\n--b\n\ncaf\xe9 au lait\n--b--\n`))
  assert.ok(made?.includes(latin(signed).toString('latin1')))
  assert.ok(made?.includes('caf=E9'))
})

test('binary parts lose their bare line ends, NUL and endless lines in base64, and nothing is lost', async () => {
  const binary = Buffer.concat([
    latin(`${MULTIPART}\n--b\nContent-Transfer-Encoding: binary\n\n`),
    Buffer.from([0, 10, 13, 65, 13, 10]),
    latin('\n--b\n\n'),
    Buffer.alloc(2000, 'x'),
    latin('\n--b--\n'),
  ])
  const made = Buffer.from((await convert(binary, true))!, 'latin1')
  const { children } = scanMime(made).root
  const [first, second] = children.map(part => decodeTransfer(made.subarray(part.start, part.end), part.encoding))
  assert.deepEqual(first, Buffer.from([0, 10, 13, 65, 13, 10]))
  assert.deepEqual(second, Buffer.alloc(2000, 'x'))
  assert.doesNotMatch(made.toString('latin1'), /[^\r]\n|\r[^\n]|\0|.{999}/)
})

test('what stands in front of a converted message is read with it', async () => {
  const whole = preceded(octetsOf(Buffer.from('world')), Buffer.from('hello '))
  assert.equal(whole.size, 11)
  for (const [from, to, text] of [
    [0, 11, 'hello world'],
    [2, 8, 'llo wo'],
    [7, 9, 'or'],
    [0, 3, 'hel'],
  ] as const)
    assert.equal((await whole.read(from, to)).toString(), text)
})

/** Everything a reader gets of it: types and decoded octets of the leaves, in order. */
function contents(bytes: Buffer): readonly string[] {
  const said: string[] = []
  const look = (part: MimePart): void => {
    said.push(`${part.type}/${part.subtype}`)
    if (part.message !== undefined) look(part.message)
    else if (part.children.length > 0) part.children.forEach(look)
    else
      said.push(
        decodeTransfer(bytes.subarray(part.start, part.end), part.encoding)
          .toString('latin1')
          .replace(/(\r\n)+$/, ''),
      )
  }
  look(scanMime(bytes).root)
  return said
}

const line = fc.constantFrom(
  '',
  'plain',
  'caf\xe9',
  '\xff\xfe\xe9\xe9',
  'a'.repeat(90),
  `${'x\xe9'.repeat(60)}`,
  ' ends with space ',
  'ends with tab\t',
  '=',
  '=E',
  '.',
  'From me',
  '--',
  '--bx',
  'tab\tand = equals',
)
const leaf = fc
  .tuple(
    fc.constantFrom(
      '',
      'Content-Type: text/plain\n',
      'Content-Type: application/pdf\n',
      'Content-Transfer-Encoding: 8bit\n',
      'X: y\n',
    ),
    fc.array(line, { maxLength: 6 }),
  )
  .map(([header, lines]) => `${header}\n${lines.join('\n')}`)
const tree: fc.Arbitrary<string> = fc.letrec<{ part: string }>(tie => ({
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.nat(9), fc.array(tie('part'), { minLength: 1, maxLength: 3 }), line)
      .map(
        ([n, parts, around]) =>
          `Content-Type: multipart/mixed; boundary="m${n}${parts.join('').length}"\n\n${around.replace(/^--/, '')}\n${parts.map(part => `--m${n}${parts.join('').length}\n${part}\n`).join('')}--m${n}${parts.join('').length}--\n${around.replace(/^--/, '')}`,
      ),
    tie('part').map(
      part => `Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: inside\n${part}`,
    ),
  ),
})).part

test('whatever a message is built of, what a reader decodes is the same before and after, and the bodies are 7-bit', async () => {
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 50 }), fc.boolean(), async (part, step, binary) => {
      const before = latin(`MIME-Version: 1.0\n${part}\n`)
      const made = await convert(before, binary, step)
      if (made === undefined) {
        assert.ok(/^[\x00-\x7f]*$/.test(before.toString('latin1')))
        return
      }
      assert.match(made, /^[\x00-\x7f]*$/)
      assert.deepEqual(contents(Buffer.from(made, 'latin1')), contents(before))
      // Nothing is left to do.
      assert.equal(await convert(Buffer.from(made, 'latin1'), binary, step), undefined)
    }),
    { numRuns: Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 300) },
  )
})

test('a message of 20 MB is looked at and converted a piece at a time', async () => {
  const head = latin(`${MULTIPART}\n--b\nContent-Type: text/plain\n\n`)
  const size = 20_000_000
  const line = latin('caf\xe9 au lait, and then some more of it, so that the line is long\n')
  const read = async (from = 0, to = size) => {
    if (from < head.length)
      return Buffer.concat([head.subarray(from, to), Buffer.alloc(Math.max(0, to - head.length), line)])
    return Buffer.alloc(to - from, line)
  }
  const source: Octets = {
    size,
    read,
    async *chunks() {
      for (let at = 0; at < size; at += 65_536) yield await read(at, Math.min(size, at + 65_536))
    },
  }
  const before = await heldMemory()
  const found = await conversionOf(source)
  assert.ok(found.kind === 'edits')
  const made = await converted(source, found.edits)
  assert.ok(made.size > size)
  let at = 0
  for await (const chunk of made.chunks()) {
    if (at < size / 2 && at + chunk.length >= size / 2) {
      const held = (await heldMemory()) - before
      assert.ok(held < 4_000_000, `${held} octets more than before`)
    }
    at += chunk.length
  }
  assert.equal(at, made.size)
})

const shared = sharedDir()
const python = program('python3')
const missing = shared === undefined ? 'no shared data' : python === undefined ? 'no python3' : false

test('real mails say the same to Python before and after', { skip: missing }, async t => {
  const folder = join(shared!, 'data/mail-sample')
  const to = await mkdtemp(join(tmpdir(), 'posthouse-7bit-'))
  t.after(() => rm(to, { recursive: true, force: true }))
  let count = 0
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.eml')) continue
    const before = normaliseNewlines(await readFile(join(folder, name)))
    for (const binary of [false, true]) {
      const made = await convert(before, binary, 1000)
      if (made === undefined) continue
      assert.doesNotMatch(made, /^\d\.\d\.\d/, name)
      count += 1
      await writeFile(join(to, `${binary}-${name}`), before)
      await writeFile(join(to, `${binary}-${name.slice(0, -4)}.out`), made, 'latin1')
    }
  }
  assert.ok(count > 20, `${count} mails`)
  const { stdout, stderr } = await runProgram(python!, [join(ROOT, 'test/clients/seven_bit.py'), to])
  assert.deepEqual(JSON.parse(stdout || '["nothing said"]'), [], stderr)
})
