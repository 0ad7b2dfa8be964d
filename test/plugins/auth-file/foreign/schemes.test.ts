/** Password hashes of other servers: those that others have made fit, and what is not whole, too dear or of no use is told apart. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { matches } from '../../../../plugins/auth-file/foreign/check.js'
import { isForeign, readForeign } from '../../../../plugins/auth-file/foreign/schemes.js'
import { MADE_ELSEWHERE } from './made-elsewhere.js'

describe('hashes of other programs', () => {
  for (const [password, hash] of MADE_ELSEWHERE) {
    test(`${hash.slice(0, 40)} of ${password.length} letters fits its password alone`, async () => {
      assert.equal(await matches(password, hash), true)
      const cut = hash.includes('$2') && password.length > 72
      for (const wrong of ['', `!${password}`, password.toUpperCase(), ...(cut ? [] : [password.slice(1)])])
        assert.equal(await matches(wrong, hash), false, wrong)
    })
  }

  test('bcrypt looks at 72 octets and ends at a zero, as it does elsewhere', async () => {
    const hash = '{BLF-CRYPT}$2y$04$icklIFzZ4XP'
    assert.equal(readForeign(hash).kind, 'unreadable')
    const [, long] = MADE_ELSEWHERE.find(([password, text]) => password.length === 100 && text.includes('$2'))!
    assert.equal(await matches('x'.repeat(72), long), true)
    assert.equal(await matches('x'.repeat(71), long), false)
    assert.equal(await matches(`${'x'.repeat(71)}\0x`, long), false)
  })
})

describe('what is no hash for us', () => {
  const sum = (letters: number) => 'a'.repeat(letters)
  for (const [text, why] of [
    ['', /is empty/],
    ['{SSHA}', /is empty/],
    ['{SSHA}short', /octets where 20 and a salt/],
    ['{SHA256}AAAA', /has 3 octets where 32 were/],
    ['{SSHA512}not base64!', /neither hexadecimal nor base64/],
    ['{SSHA256.HEX}xyz', /neither hexadecimal nor base64/],
    [`$6$salt$${sum(85)}`, /is not whole/],
    [`$5$rounds=999$salt$${sum(43)}`, /999 rounds/],
    [`$6$rounds=2000000$salt$${sum(86)}`, /2000000 rounds, where 1000 to 1000000/],
    [`$2y$31$${sum(53)}`, /the cost 31/],
    [`$2x$05$${sum(53)}`, /faulty bcrypt/],
    [`$argon2id$v=19$m=4194304,t=3,p=1$${sum(22)}$${sum(43)}`, /m=4194304/],
    [`$argon2id$v=19$m=1,t=3,p=1$${sum(22)}$${sum(43)}`, /not whole/],
    [`$argon2i$m=64,t=3,p=1$${sum(22)}$${sum(43)}`, /old version/],
    [`$y$j9T$salt$${sum(43)}`, /yescrypt/],
    ['$99$salt$sum', /unknown kind \$99\$/],
    ['ab0123456789.', /DES-CRYPT is cut after eight letters/],
    ['hello', /--scheme says what/],
    ['{DIGEST-MD5}77c1a8c437c9b08ba2f460fe5d58db5d', /name and realm/],
    ['{NTLM}aaaa', /MD4/],
    ['{SSHA25}aaaa', /unknown scheme SSHA25; did you mean SSHA256\?/],
    ['{PBKDF2}$1$salt$99999999$0000000000000000000000000000000000000000', /99999999 rounds/],
    ['{SCRAM-SHA-256}4096,c2FsdA==,AAAA,AAAA', /not whole/],
    ['{CRYPT.B64}JDYk', /without \.HEX or \.B64/],
  ] as const) {
    test(`${text === '' ? 'nothing' : text.slice(0, 50)} is told apart`, async () => {
      const read = readForeign(text)
      assert.ok(read.kind === 'unreadable')
      assert.match(read.why, why)
      assert.equal(await matches('', text), false)
    })
  }

  test('a password as it is can be read and not kept', () => {
    assert.deepEqual(readForeign('{PLAIN}sesame'), { kind: 'plain', password: 'sesame' })
    assert.deepEqual(readForeign('sesame', 'PLAIN'), { kind: 'plain', password: 'sesame' })
    assert.deepEqual(readForeign('{PLAIN.HEX}736573616d65'), { kind: 'plain', password: 'sesame' })
    assert.equal(isForeign('{PLAIN}sesame'), false)
    assert.equal(isForeign('$6$salt$sum'), false)
  })

  test('whatever stands there, reading it says what it is and does not throw', () => {
    const schemes = fc.constantFrom('CRYPT', 'SSHA', 'SSHA512', 'PBKDF2', 'SCRAM-SHA-1', 'SHA.HEX', 'BLF-CRYPT', 'X')
    const texts = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom(...MADE_ELSEWHERE.map(([, hash]) => hash)))
    fc.assert(
      fc.property(schemes, texts, fc.nat(200), (scheme, text, at) => {
        for (const one of [`{${scheme}}${text}`, text.slice(0, at), text.slice(at)]) {
          const read = readForeign(one)
          if (read.kind === 'unreadable') assert.ok(read.why.length > 0)
        }
      }),
    )
  })
})
