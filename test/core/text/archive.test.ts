/** Attached archives and documents as they are told: by their directories, whoever made them, and whatever they say of themselves. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type PartFacts, readMessage } from '../../../core/text/index.js'
import { zipOf } from '../../harness/zip.js'

const SOME = Buffer.from('something')

function attached(octets: Buffer, name = 'file.bin', type = 'application/octet-stream'): PartFacts {
  const mail = [
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    '',
    'See the file.',
    '--b',
    `Content-Type: ${type}`,
    `Content-Disposition: attachment; filename="${name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    octets.toString('base64').replace(/.{76}/g, '$&\r\n'),
    '--b--',
    '',
  ]
  return readMessage(Buffer.from(mail.join('\r\n'))).parts[2]!
}

function tarOf(files: readonly (readonly [string, Buffer])[]): Buffer {
  const blocks = files.flatMap(([name, octets]) => {
    const head = Buffer.alloc(512)
    head.write(name, 0)
    head.write(`${octets.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('0', 156)
    head.write('ustar\0', 257)
    return [head, octets, Buffer.alloc((512 - (octets.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function hex(...pieces: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    pieces.map(piece => (typeof piece === 'string' ? Buffer.from(piece.replace(/ /g, ''), 'hex') : piece)),
  )
}

/** RAR 5: checksum, size, then the header itself. */
function newRar(...headers: readonly Buffer[]): Buffer {
  const framed = headers.map(header => hex('00000000', Buffer.of(header.length), header))
  return hex('52617221 1a070100', ...framed)
}

const newFile = (name: string, encrypted: boolean) => {
  const extra = encrypted ? '02 01 00' : ''
  const length = Buffer.of(name.length)
  return hex(encrypted ? '02 01 03' : '02 00', '00 89 01 00 00 00', length, Buffer.from(name), extra)
}

const oldFile = (name: string, flags: number) => {
  const head = Buffer.alloc(32)
  head.writeUInt8(0x74, 2)
  head.writeUInt16LE(flags, 3)
  head.writeUInt16LE(32 + name.length, 5)
  head.writeUInt32LE(3, 7)
  head.writeUInt32LE(77, 11)
  head.writeUInt16LE(name.length, 26)
  return hex(head, Buffer.from(name), 'aabbcc')
}
const oldMain = (flags: string) => hex('0000 73', flags, '0d00 000000000000')
const OLD_RAR = '52617221 1a0700'

function cabOf(name: string): Buffer {
  const head = Buffer.alloc(36)
  head.write('MSCF')
  head.writeUInt32LE(36, 16)
  head.writeUInt16LE(1, 28)
  return hex(head, '2a000000 00000000 0000 0000 0000 0000', Buffer.from(`${name}\0`))
}

/** 7z with a directory that is not packed. */
function sevenZip(directory: Buffer): Buffer {
  const lengths = Buffer.alloc(20)
  lengths.writeBigUInt64LE(0n, 0)
  lengths.writeBigUInt64LE(BigInt(directory.length), 8)
  return hex('377abcaf271c 0004 00000000', lengths, directory)
}
const sevenNames = (name: string) => {
  const text = Buffer.from(`${name}\0`, 'utf16le')
  return hex('01 05 01 11', Buffer.of(text.length + 1), '00', text, '00 00')
}

function oleOf(...names: readonly string[]): Buffer {
  const octets = Buffer.alloc(512 * 4, 0)
  octets.write('d0cf11e0a1b11ae1', 0, 'hex')
  octets.writeUInt16LE(9, 30)
  octets.writeUInt32LE(1, 48)
  octets.writeUInt32LE(0, 76)
  // The allocation table: the directory is one sector, and the last of its chain.
  octets.writeUInt32LE(0xfffffffe, 512 + 4)
  for (const [i, name] of names.entries()) {
    const at = 1024 + 128 * i
    octets.write(name, at, 'utf16le')
    octets.writeUInt16LE(2 * name.length + 2, at + 64)
  }
  return octets
}

describe('what is in an archive is told by its directory', () => {
  for (const [what, octets, kind, names] of [
    ['zip', zipOf([['a.txt', SOME], ['sub\\run.exe', SOME]]), 'zip', ['a.txt', 'sub/run.exe']],
    ['zip with lengths behind', zipOf([['a.txt', SOME]], { streamed: true }), 'zip', ['a.txt']],
    ['zip cut short', zipOf([['a.txt', SOME], ['b.js', SOME]]).subarray(0, -60), 'zip', ['a.txt', 'b.js']],
    ['gzip', hex('1f8b0808 00000000 0003', Buffer.from('run.js\0'), '00'.repeat(20)), 'gzip', ['run.js']],
    ['tar', tarOf([['a.txt', SOME], ['b/c.scr', Buffer.alloc(700)]]), 'tar', ['a.txt', 'b/c.scr']],
    ['cab', cabOf('run.vbs'), 'cab', ['run.vbs']],
    ['rar 5', newRar(newFile('run.exe', false), newFile('b', false)), 'rar', ['run.exe', 'b']],
    ['rar 4', hex(OLD_RAR, oldMain('0000'), oldFile('run.exe', 0), oldFile('b', 0)), 'rar', ['run.exe', 'b']],
    ['7z', sevenZip(sevenNames('run.exe')), '7z', ['run.exe']],
  ] as const) {
    test(what, () => {
      const { kind: found, archive } = attached(octets)
      assert.equal(found, kind)
      assert.deepEqual(archive?.entries.map(({ name }) => name), names)
      assert.equal(archive?.encrypted, false)
    })
  }
}) // biome-ignore format: a table

for (const [what, octets] of [
  ['zip', zipOf([['a.txt', SOME]], { flags: 1 })],
  ['rar 5', newRar(newFile('run.exe', true))],
  ['rar 5 with its directory', newRar(hex('04 00'))],
  ['rar 4', hex(OLD_RAR, oldMain('0000'), oldFile('run.exe', 4))],
  ['rar 4 with its directory', hex(OLD_RAR, oldMain('8000'))],
  ['7z', sevenZip(hex('17 06 06f10701 00'))],
  ['a document', oleOf('Root Entry', 'EncryptedPackage')],
] as const) {
  test(`${what} that is encrypted is told to be so`, () => {
    assert.equal(attached(octets).archive?.encrypted, true)
  })
}

for (const [what, octets, kind, macros] of [
  [
    'a new document',
    zipOf([
      ['[Content_Types].xml', SOME],
      ['word/document.xml', SOME],
    ]),
    'ooxml',
    false,
  ],
  [
    'a new document with macros',
    zipOf([
      ['[Content_Types].xml', SOME],
      ['word/vbaProject.bin', SOME],
    ]),
    'ooxml',
    true,
  ],
  ['an old document', oleOf('Root Entry', 'WordDocument'), 'ole', false],
  ['an old document with macros', oleOf('Root Entry', 'Macros', 'VBA'), 'ole', true],
  ['an archive', zipOf([['a', SOME]]), 'zip', undefined],
  [
    'a program of Java',
    zipOf([
      ['x.class', SOME],
      ['META-INF/MANIFEST.MF', SOME],
    ]),
    'jar',
    undefined,
  ],
] as const) {
  test(`${what} has ${macros === undefined ? 'nothing to say of' : macros ? 'its' : 'no'} macros`, () => {
    const { kind: found, macros: told } = attached(octets)
    assert.deepEqual([found, told], [kind, macros])
  })
}

test('an archive that would burst says so by its ratio', () => {
  const bomb = attached(zipOf([['zeros', Buffer.alloc(1_000_000)]])).archive
  assert.ok(bomb!.ratio! > 500)
  assert.ok(attached(gzipSync(Buffer.alloc(1_000_000))).archive!.ratio! > 500)
})

for (const [name, octets, odd] of [
  ['invoice.pdf.exe', hex('4d5a9000 03000000 0400 0000 ffff 0000'), ['double-extension']],
  ['invoice.pdf      .exe', hex('4d5a9000 03000000 0400 0000 ffff 0000'), ['double-extension', 'spaced-extension']],
  ['invoice.pdf', hex('4d5a9000 03000000 0400 0000 ffff 0000'), ['name-lies']],
  ['report.pdf.zip', zipOf([['a', SOME]]), []],
  ['photo.jpg', Buffer.from('<html><script>x</script>'), ['name-lies']],
  ['cod\u202efdp.exe', hex('4d5a9000 03000000 0400 0000 ffff 0000'), ['turned-name']],
  ['letter v1.2.pdf', Buffer.from('%PDF-1.7'), []],
] as const) {
  test(`${JSON.stringify(name)} is odd in ${odd.length} ways`, () => {
    assert.deepEqual(attached(octets, name).odd, odd)
  })
}

test('winmail.dat and a disk image are known for what they are', () => {
  assert.equal(attached(hex('789f3e22 0100'), 'winmail.dat', 'application/ms-tnef').kind, 'tnef')
  const disk = Buffer.alloc(0x8800)
  disk.write('CD001', 0x8001)
  assert.equal(attached(disk, 'bill.img').kind, 'disk-image')
})

test('sizes are those of the decoded octets', () => {
  for (const size of [0, 1, 2, 3, 56, 57, 58, 1000, 5001]) assert.equal(attached(Buffer.alloc(size, 'x')).size, size)
})

test('no directory makes the reader throw', () => {
  const whole = [
    zipOf([['a.txt', SOME], ['b', SOME]]),
    newRar(newFile('run.exe', true)),
    hex(OLD_RAR, oldMain('0000'), oldFile('run.exe', 0)),
    sevenZip(sevenNames('run.exe')),
    tarOf([['a', SOME]]),
    cabOf('x'),
    oleOf('Root Entry', 'Macros'),
  ] // biome-ignore format: a table
  const broken = fc.tuple(fc.constantFrom(...whole), fc.nat(), fc.uint8Array({ maxLength: 8 }))
  fc.assert(
    fc.property(broken, ([octets, place, put]) => {
      const copy = Buffer.from(octets)
      copy.set(put.subarray(0, copy.length - (place % copy.length)), place % copy.length)
      attached(copy)
      attached(copy.subarray(0, place % copy.length))
    }),
  )
})
