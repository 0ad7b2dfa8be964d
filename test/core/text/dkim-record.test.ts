/** Records of public keys, lists of tags, and what a signature is made of. */
import assert from 'node:assert/strict'
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fitnessOf, readDkimRecord, samePublicKey, writeDkimRecord } from '../../../core/text/dkim-record.js'
import { digestMessage, digestOf } from '../../../core/text/message-digest.js'
import { headerInput, signatureInput, signedNames, withoutSignature } from '../../../core/text/signed-header.js'
import { readTagList } from '../../../core/text/tag-list.js'

// RFC 8463 appendix A: keys and a message signed with both.
const ED25519 = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='
const RSA =
  'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB'
const MAIL = [
  'DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=brisbane; t=1528637909; h=from : to :',
  ' subject : date : message-id : from : subject : date;',
  ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
  ' b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus',
  ' Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==',
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=test; t=1528637909; h=from : to : subject :',
  ' date : message-id : from : subject : date;',
  ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
  ' b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3',
  ' DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz',
  ' dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=',
  'From: Joe SixPack <joe@football.example.com>',
  'To: Suzie Q <suzie@shopping.example.net>',
  'Subject: Is dinner ready?',
  'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
  'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
  '',
  'Hi.',
  '',
  'We lost the game.  Are you hungry yet?',
  '',
  'Joe.',
  '',
].join('\r\n')

async function* inPieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size), 'latin1')
}

describe('the message of RFC 8463 appendix A', () => {
  for (const [i, record] of [ED25519, RSA].entries())
    for (const size of [1, 7, 100_000])
      test(`verifies by ${i === 0 ? 'Ed25519' : 'RSA'}, read in pieces of ${size}`, async () => {
        const digest = await digestMessage(inPieces(MAIL, size), () => ['relaxed'])
        const field = digest.fields[i]!
        const tags = readTagList(field.raw)!
        assert.equal(tags.get('bh'), digest.bodyHashes.get('relaxed'))
        const names = tags
          .get('h')!
          .split(':')
          .map(name => name.trim())
        const own = digest.octets.toString('latin1', field.start, field.end)
        const input = Buffer.from(headerInput(digest, names, 'relaxed') + signatureInput(own, 'relaxed'), 'latin1')
        const read = readDkimRecord(record)
        assert.equal(read.kind, 'key')
        const signature = Buffer.from(tags.get('b')!, 'base64')
        const good =
          i === 0
            ? verify(null, createHash('sha256').update(input).digest(), read.key, signature)
            : verify('sha256', input, read.key, signature)
        assert.ok(good)
      })
})

describe('a record', () => {
  for (const type of ['rsa', 'ed25519'] as const)
    test(`of an ${type} key is read as it was written`, () => {
      const pair = type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : generateKeyPairSync('ed25519')
      const read = readDkimRecord(writeDkimRecord(pair.privateKey))
      assert.equal(read.kind, 'key')
      assert.equal(read.type, type)
      assert.ok(samePublicKey(read.key, pair.publicKey))
    })

  test('of an RSA key may hold the bare key of PKCS#1', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const bare = publicKey.export({ format: 'der', type: 'pkcs1' }).toString('base64')
    const read = readDkimRecord(`p=${bare}`)
    assert.ok(read.kind === 'key' && samePublicKey(read.key, publicKey) && read.bits === 1024)
  })

  for (const [text, wanted] of [
    ['v=DKIM1; p=', 'revoked'],
    ['v=DKIM2; p=x', 'broken'],
    ['p=x; v=DKIM1', 'broken'],
    ['v=DKIM1; k=dsa; p=eA==', 'broken'],
    ['v=DKIM1', 'broken'],
    ['v=DKIM1; p=eA==', 'broken'],
    ['v=DKIM1; k=ed25519; p=eA==', 'broken'],
    [`${ED25519}; h=sha1`, 'broken'],
    [`${ED25519}; h=sha1:sha256`, 'key'],
    [`${ED25519}; s=tlsrpt`, 'broken'],
    [`${ED25519}; s=email; t=y:s`, 'key'],
    [`${ED25519}; s=email:tlsrpt`, 'key'],
    [`${ED25519}; p=x`, 'broken'],
    ['hello', 'broken'],
    ['', 'broken'],
  ] as const)
    test(`${JSON.stringify(text)} is ${wanted}`, () => {
      assert.equal(readDkimRecord(text).kind, wanted)
    })

  test('for reports about TLS alone says what to write instead', () => {
    const read = readDkimRecord(`${ED25519}; s=tlsrpt`)
    assert.ok(read.kind === 'broken')
    assert.match(read.why, /for reports about TLS alone, .*s=email:tlsrpt/)
    assert.equal(readDkimRecord(`${ED25519}; s=tlsrpt`, ['email', 'tlsrpt']).kind, 'key')
    assert.equal(readDkimRecord(`${ED25519}; s=other`, ['email', 'tlsrpt']).kind, 'broken')
  })

  test('is read without a throw, whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => void readDkimRecord(`p=${text}`)))
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => void readDkimRecord(text)))
  })
})

for (const [bits, exponent, wanted] of [
  [1016, 'AQAB', 'weak'],
  [1024, 'AQAB', 'fit'],
  [4096, 'AQAB', 'fit'],
  [4104, 'AQAB', 'costly'],
  [2048, 'AQAAAAAAAQ', 'costly'],
] as const)
  test(`a key of ${bits} bits with the exponent ${exponent} is ${wanted}`, () => {
    const modulus = randomBytes(bits / 8)
    modulus[0]! |= 0x80
    const n = modulus.toString('base64url')
    const record = readDkimRecord(
      writeDkimRecord(createPublicKey({ key: { kty: 'RSA', n, e: exponent }, format: 'jwk' })),
    )
    assert.ok(record.kind === 'key')
    assert.equal(fitnessOf(record), wanted)
  })

test('a record that is read again is not made anew, and many others push it out', () => {
  const text = writeDkimRecord(generateKeyPairSync('ed25519').privateKey)
  const first = readDkimRecord(text)
  assert.equal(readDkimRecord(text), first)
  for (let i = 0; i < 500; i += 1) readDkimRecord(`v=DKIM1; p=; n=${i}`)
  assert.notEqual(readDkimRecord(text), first)
})

describe('a message at hand', () => {
  const octets = Buffer.from(`From: a@b.test\r\nSubject: x\r\n\r\n${'some  text \r\n'.repeat(20_000)}\r\n`)

  test('has the digests it has in pieces', async () => {
    for (const forms of [['relaxed'], ['simple'], ['simple', 'relaxed'], []] as const) {
      const message = { size: octets.length, read: (from: number, to: number) => octets.subarray(from, to) }
      const found = await digestOf(message, () => forms)
      const wanted = await digestMessage([octets] as never, () => forms)
      assert.deepEqual(found, wanted)
    }
  })

  test('is read once for each form, whoever asks', async () => {
    let read = 0
    const message = {
      size: octets.length,
      read: async (from: number, to: number) => {
        read += to - from
        return octets.subarray(from, to)
      },
    }
    await Promise.all(Array.from({ length: 5 }, () => digestOf(message, () => ['relaxed'])))
    await digestOf(message, () => ['relaxed'])
    assert.ok(read < octets.length + 70_000, `${read} octets of ${octets.length}`)
  })
})

test('a key of Ed25519 is fit', () => {
  const record = readDkimRecord(writeDkimRecord(generateKeyPairSync('ed25519').privateKey))
  assert.ok(record.kind === 'key')
  assert.equal(fitnessOf(record), 'fit')
})

describe('what is signed', () => {
  const fields = ['Received', 'From', 'Subject', 'subject'].map(name => ({ name }))

  test('has each field as often as it is there, and once more where none may be added', () => {
    assert.deepEqual(signedNames(fields, ['From', 'Subject', 'To', 'Cc'], new Set(['from', 'to'])), [
      'From',
      'From',
      'Subject',
      'Subject',
      'To',
    ])
  })

  test('takes fields of one name from the bottom up', async () => {
    const digest = await digestMessage(inPieces('A: 1\r\nB: x\r\na: 2\r\n\r\n', 3), () => [])
    assert.equal(headerInput(digest, ['A', 'A', 'A', 'B'], 'relaxed'), 'a:2\r\na:1\r\nb:x\r\n')
  })

  for (const [field, wanted] of [
    ['DKIM-Signature: v=1; b=abc\r\n def; bh=x\r\n', 'DKIM-Signature: v=1; b=; bh=x\r\n'],
    ['DKIM-Signature: v=1; bh=b=; b =\r\n abc\r\n', 'DKIM-Signature: v=1; bh=b=; b =\r\n'],
    ['DKIM-Signature:b=abc;h=a:b\r\n', 'DKIM-Signature:b=;h=a:b\r\n'],
  ] as const)
    test(`leaves the value of b= out of ${JSON.stringify(field)}`, () => {
      assert.equal(withoutSignature(field), wanted)
    })
})
