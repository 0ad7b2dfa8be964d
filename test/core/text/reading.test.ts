/** A message read as a reader would: charsets that lie, flowed lines, messages inside, text under wrong names, and what is said to be broken. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeWords, type Reading, readMessage } from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'
import { mutate, mutations } from '../../harness/mutate.js'

function read(header: string, body: string | Buffer): Reading {
  const head = Buffer.from(`From: a@b.test\r\n${header}\r\n\r\n`, 'latin1')
  return readMessage(Buffer.concat([head, typeof body === 'string' ? Buffer.from(body, 'latin1') : body]))
}

function mixed(...parts: readonly string[]): Reading {
  return read('Content-Type: multipart/mixed; boundary=b', `--b\r\n${parts.join('\r\n--b\r\n')}\r\n--b--\r\n`)
}

const RUSSIAN = {
  koi8: 'f0d2c9d7c5d420cdc9d22c20cbc1cb20c4c5ccc1',
  windows: 'cff0e8e2e5f220ece8f02c20eae0ea20e4e5ebe0',
}
const GB = 'c4e3bac3a3acd5e2cac7d2bbb7e2b2e2cad4d3cabcfe'
const BIG5 = 'a741a66ea141b36fac4fa440abcab4fab8d5b66ca5f3'
const SJIS = '82b182ea82cd8365835883678381815b838b82c582b7'
const JIS = '1b2442246b24462539254824471b2842'
const KOREAN = 'bec8b3e7c7cfbcbcbfe4'

describe('text is read in the charset it is in', () => {
  for (const [said, octets, text, found, odd] of [
    ['iso-8859-1', 'e4', 'ä', 'iso-8859-1', undefined],
    ['utf-8', 'c3a4', 'ä', 'utf-8', undefined],
    ['', 'c3a4', 'ä', 'utf-8', undefined],
    ['us-ascii', 'c3a4', 'ä', 'utf-8', undefined],
    ['iso-8859-1', 'c3a4c3b6', 'äö', 'utf-8', 'charset-lies'],
    ['utf-8', 'e4f6fc', 'äöü', 'windows-1252', 'charset-lies'],
    ['us-ascii', 'e4', 'ä', 'windows-1252', 'charset-lies'],
    ['x-nonsense', 'c3a4', 'ä', 'utf-8', 'charset-unknown'],
    ['x-nonsense', 'e4', 'ä', 'windows-1252', 'charset-unknown'],
    ['koi8-r', RUSSIAN.koi8, 'Привет мир, как дела', 'koi8-r', undefined],
    ['windows-1251', RUSSIAN.windows, 'Привет мир, как дела', 'windows-1251', undefined],
    ['', RUSSIAN.koi8, 'Привет мир, как дела', 'koi8-r', undefined],
    ['us-ascii', RUSSIAN.windows, 'Привет мир, как дела', 'windows-1251', 'charset-lies'],
    ['gb2312', GB, '你好，这是一封测试邮件', 'gb2312', undefined],
    ['', GB, '你好，这是一封测试邮件', 'gb18030', undefined],
    ['big5', BIG5, '你好，這是一封測試郵件', 'big5', undefined],
    ['', SJIS, 'これはテストメールです', 'shift_jis', undefined],
    ['iso-2022-jp', JIS, 'るてストで', 'iso-2022-jp', undefined],
    ['', JIS, 'るてストで', 'iso-2022-jp', undefined],
    ['utf-8', JIS, 'るてストで', 'iso-2022-jp', 'charset-lies'],
    ['euc-kr', KOREAN, '안녕하세요', 'euc-kr', undefined],
    ['utf-7', Buffer.from('+AOQ-').toString('hex'), 'ä', 'utf-7', undefined],
    ['utf-16', Buffer.from('plain').toString('hex'), 'plain', 'us-ascii', 'charset-lies'],
    ['', 'fffe6100e400', 'aä', 'utf-16le', undefined],
    ['utf-8', 'efbbbf61', 'a', 'utf-8', undefined],
  ] as const) {
    test(`${octets.slice(0, 16)} called ${JSON.stringify(said)} is ${found}`, () => {
      const type = said === '' ? 'text/plain' : `text/plain; charset=${said}`
      const { body, parts } = read(`Content-Type: ${type}`, Buffer.from(octets, 'hex'))
      assert.deepEqual([body, parts[0]!.charsetFound], [text, found])
      assert.deepEqual(parts[0]!.odd, odd === undefined ? [] : [odd])
    })
  }

  test('one octet that is broken does not make all of it another charset', () => {
    const text = `${'schöne Grüße '.repeat(20)}`
    const { body } = read(
      'Content-Type: text/plain; charset=utf-8',
      Buffer.concat([Buffer.from(text), Buffer.of(0xc3)]),
    )
    assert.ok(body.startsWith('schöne Grüße'))
  })

  test('HTML may name its charset itself', () => {
    const { body } = read('Content-Type: text/html', Buffer.from('<meta charset=koi8-r>\xf0\xd2\xc9', 'latin1'))
    assert.equal(body, 'При')
  })
})

describe('lines that flow are put together (RFC 3676)', () => {
  for (const [more, written, text] of [
    ['', 'buy \r\nnow\r\nor later', 'buy now\nor later'],
    ['; delsp=yes', 'vi \r\nagra', 'viagra'],
    ['', '>> a \r\n>> b\r\n> c', '>> a b\n> c'],
    ['', ' From me \r\n to you', 'From me to you'],
    ['', 'text\r\n-- \r\nme', 'text\n-- \nme'],
  ] as const) {
    test(JSON.stringify(written), () => {
      assert.equal(read(`Content-Type: text/plain; format=flowed${more}`, written).body, text)
    })
  }
})

describe('text is found under wrong names', () => {
  for (const [what, reading, body, odd] of [
    [
      'HTML called plain',
      read('Content-Type: text/plain', '<html><b>b</b>uy'),
      '<html><b>b</b>uy\nbuy',
      'html-as-text',
    ],
    ['no type at all', read('Content-Type: html', '<b>b</b>uy'), 'buy', 'type-broken'],
    ['a type nobody can read', read('Content-Type: text', 'buy'), 'buy', 'type-broken'],
    ['a multipart without boundary', read('Content-Type: multipart/mixed', 'buy'), 'buy', 'no-boundary'],
    ['a multipart without parts', read('Content-Type: multipart/mixed; boundary=x', 'buy'), 'buy', 'no-parts'],
    ['an encoding nobody knows', read('Content-Transfer-Encoding: x-own', 'buy'), 'buy', 'encoding-unknown'],
    [
      'text that was never encoded',
      read('Content-Transfer-Encoding: base64', 'buy it now, all of you. '.repeat(9)),
      'buy it now, all of you. '.repeat(9),
      'encoding-broken',
    ],
    ['text encoded without need', read('Content-Transfer-Encoding: base64', 'YnV5'), 'buy', 'encoding-needless'],
    ['plain text called HTML', read('Content-Type: text/html', 'buy'), 'buy', 'text-as-html'],
  ] as const) {
    test(what, () => {
      assert.equal(reading.body, body)
      assert.deepEqual(reading.parts[0]!.odd, [odd])
    })
  }
})

test('a message inside is read with the rest, one that is attached apart from it', () => {
  const inside = (how: string) => `Content-Type: message/rfc822\r\n${how}\r\nSubject: in\r\n\r\ninner`
  const plain = mixed('\r\nouter', inside(''))
  assert.deepEqual([plain.body, plain.attached], ['outer\nin\ninner', ''])
  const apart = mixed('\r\nouter', inside('Content-Disposition: attachment\r\n'))
  assert.deepEqual([apart.body, apart.attached], ['outer', 'in\ninner'])
  assert.deepEqual(apart.attachments, [{ name: '', type: 'message/rfc822', size: 20 }])
  assert.deepEqual(
    apart.parts.map(({ role, depth }) => `${depth} ${role}`),
    ['0 multipart', '1 body', '1 file', '2 body'],
  )
})

test('a multipart that nothing closes is told, and read', () => {
  const inner = 'Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\ninner'
  const { body, parts } = mixed(inner, '\r\nouter')
  assert.equal(body, 'inner\nouter')
  assert.deepEqual(
    parts.filter(({ odd }) => odd.includes('no-end')).map(({ path }) => path),
    ['1'],
  )
})

test('what a report is about is not what it says', () => {
  const parts = ['\r\nNot delivered.', 'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nBuy!'].join('\r\n--b\r\n')
  const { body, attached } = read('Content-Type: multipart/report; boundary=b', `--b\r\n${parts}\r\n--b--\r\n`)
  assert.deepEqual([body, attached], ['Not delivered.', 'x\nBuy!'])
})

test('a message inside that is encoded, against the standard, is read and said to be', () => {
  const inner = Buffer.from('Subject: in\r\n\r\ninner').toString('base64')
  const { body, broken } = mixed(
    '\r\nouter',
    `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${inner}`,
  )
  assert.equal(body, 'outer\nin\ninner')
  assert.match(broken.join(), /a message inside is encoded/)
})

test('text in the encoding of before MIME is read', () => {
  const lines = [
    'begin 644 note.txt',
    'M:&5L;&\\L(\'=O<FQD(&]F(&]L9"!M86EL+"!M;W)E(\'1H86X@;VYE(&QI;F4@',
    "4;V8@9F]R='DM9FEV92!O8W1E=', ",
    '`',
    'end',
  ]
  const { body, parts } = read('Content-Transfer-Encoding: x-uuencode', lines.join('\r\n'))
  assert.equal(body, 'hello, world of old mail, more than one line of forty-five octets')
  assert.deepEqual(parts[0]!.odd, [])
})

test('what a mailing list puts under encoded text is not decoded', () => {
  const { body, parts } = read('Content-Transfer-Encoding: base64', '5L2g5aW9\r\n-----\r\nThis list is free\r\n')
  assert.equal(body, '你好')
  assert.deepEqual(parts[0]!.odd, ['encoding-broken'])
})

test('text of an attached page stands apart, with its links', () => {
  const page = '<a href="http://steal.test/">Log in</a>'
  const { body, links, attached, attachedLinks, parts } = mixed(
    '\r\nSee the file.',
    `Content-Type: application/octet-stream; name=bill.html\r\nContent-Disposition: attachment\r\n\r\n<html>${page}`,
  )
  assert.deepEqual([body, links, attached], ['See the file.', [], 'Log in'])
  assert.deepEqual(attachedLinks, [{ href: 'http://steal.test/', text: 'Log in' }])
  assert.equal(parts[2]!.kind, 'html')
})

test('a program that is called text is a file, and no text', () => {
  const { body, parts } = mixed('\r\nhello', 'Content-Type: text/plain\r\n\r\nMZ\x90\x00\x03\x00\x00\x00\x04\x00')
  assert.equal(body, 'hello')
  assert.deepEqual([parts[2]!.role, parts[2]!.kind, parts[2]!.odd], ['file', 'exe', ['type-lies']])
})

for (const [what, mail] of [
  ['boundaries of every length', `${Array.from({ length: 90 }, (_, i) => `Content-Type: multipart/mixed; boundary=${'b'.repeat(i + 1)}\r\n\r\n--${'b'.repeat(i + 1)}\r\n`).join('')}${'\r\n--a'.repeat(200_000)}`],
  ['parts', `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(100_000)}`],
  ['messages in messages', 'Content-Type: message/rfc822\r\n\r\n'.repeat(30_000)],
  ['fields', `${'X-Y: z\r\n'.repeat(120_000)}\r\nx`],
  ['parameters', `Content-Type: text/plain; ${'a*0*="x";'.repeat(110_000)}\r\n\r\nx`],
  ['shifts', `Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n${'\x1b$B!!\x1b(B'.repeat(125_000)}`],
  ['quoting', `Content-Type: text/plain; format=flowed\r\n\r\n${'> \r\n'.repeat(250_000)}`],
  ['equals signs', `Content-Transfer-Encoding: quoted-printable\r\n\r\n${'='.repeat(1_000_000)}`],
  ['UTF-7', `Content-Type: text/plain; charset=utf-7\r\n\r\n${'+AD4-'.repeat(200_000)}`],
] as const) {
  test(`endless ${what} cost no more than their length`, () => {
    const ms = cpuMs(() => void readMessage(Buffer.from(mail, 'latin1')))
    assert.ok(ms < 3000, `${ms} ms`)
  })
} // biome-ignore format: a table

test('of too much text both ends are read, and it is said', () => {
  const { body, broken } = readMessage(Buffer.from(`\r\nfirst ${'x'.repeat(5000)} last`), { textOctets: 1000 })
  assert.match(body, /^first x+.* ?x+ last$/s)
  assert.ok(body.length < 1100)
  assert.match(broken.join(), /of a text of 5011 octets both ends were looked at/)
})

test('no change to a message makes the reader throw', () => {
  const mail = Buffer.from(
    [
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=gb2312; format=flowed',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      '=C4=E3 ',
      '--b',
      'Content-Type: text/html; charset="utf-8"',
      '',
      '<p style="color:#fff">x</p><table><td bgcolor=red>',
      '--b',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: base64',
      '',
      'U3ViamVjdDogeA0KDQp5',
      '--b',
      'Content-Type: application/zip; name="=?utf-8?q?a=2Ezip?="',
      'Content-Transfer-Encoding: base64',
      '',
      'UEsDBBQ=',
      '--b--',
    ].join('\r\n'),
  )
  fc.assert(fc.property(mutations, changes => void readMessage(mutate(mail, changes))))
})

test('names of files are readable whoever encoded them', () => {
  const name = '=?utf-8?B?w6RwZmVs?=.pdf'
  const { attachments } = mixed('\r\nx', `Content-Type: application/pdf; name="${name}"\r\n\r\n%PDF-1.4`)
  assert.deepEqual(attachments, [{ name: decodeWords(name), type: 'application/pdf', size: 8 }])
})

test('of very many encoded messages inside some are opened, and it is said that there were more', () => {
  const inner = Buffer.from('Subject: inner\r\n\r\nhello').toString('base64')
  const part = `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${inner}\r\n`
  const { body, broken } = mixed(...Array.from({ length: 80 }, () => part))
  assert.equal(body.match(/hello/g)?.length, 50)
  assert.ok(broken.includes('more than 50 messages inside are encoded'))
})
