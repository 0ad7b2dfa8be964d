/** What a chain of strangers may cost: keys of a bounded length, all asked for at once, and no more octets than a seal over all of them is worth. */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { digestMessage, foldField, scanHeader, writeDkimRecord } from '../../../core/text/index.js'
import { readChain } from '../../../plugins/arc/chain.js'
import { sealFields } from '../../../plugins/arc/seal.js'
import type { SetTexts } from '../../../plugins/arc/seal-input.js'
import { bodyFormsOf, validate } from '../../../plugins/arc/validate.js'

const MAIL = Buffer.from('From: a@first.test\r\nSubject: x\r\n\r\nhello\r\n')
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const now = 1_700_000_000_000
const signal = new AbortController().signal

async function* whole(octets: Buffer) {
  yield octets
}

/** Each by a sealer of its own, all with one key. */
async function sealedBy(sealers: number): Promise<Buffer> {
  let mail = MAIL
  const before: SetTexts[] = []
  for (let instance = 1; instance <= sealers; instance += 1) {
    const digest = await digestMessage(whole(mail), () => ['relaxed'])
    const key = {
      ...{ domain: `d${instance}.test`, selector: 's', algorithm: 'rsa-sha256' as const, signatureBytes: 128 },
      sign: async (octets: Buffer) => sign('sha256', octets, privateKey),
    }
    const cv = instance === 1 ? 'none' : 'pass'
    const wish = { digest, before: [...before], instance, cv, key, now, results: 'x.test; none' } as const
    const [seal, signature, results] = (await sealFields(wish)).map(({ name, value }) => foldField(name, value)) as [
      string,
      string,
      string,
    ]
    before.push({ seal, signature, results })
    mail = Buffer.concat([Buffer.from(seal + signature + results), mail])
  }
  return mail
}

async function check(mail: Buffer, txt: (name: string) => Promise<readonly string[]>) {
  const chain = readChain({ octets: mail, fields: scanHeader(mail, 1000).fields })
  const digest = await digestMessage(whole(mail), () => bodyFormsOf(chain))
  return validate(chain, digest, { dns: { txt }, now, signal })
}

describe('a chain of fifty sealers', () => {
  let mail: Buffer
  before(async () => {
    mail = await sealedBy(50)
  })

  test('is good, and all its keys are asked for before the first answer, each once', async () => {
    const asked: string[] = []
    let answer: (records: readonly string[]) => void = () => undefined
    const answered = new Promise<readonly string[]>(resolve => {
      answer = resolve
    })
    const found = check(mail, name => {
      asked.push(name)
      if (asked.length === 50) answer([writeDkimRecord(publicKey)])
      return answered
    })
    assert.deepEqual(await found, { cv: 'pass', instance: 50 })
    assert.equal(new Set(asked).size, 50)
    assert.equal(asked.length, 50)
  })

  test('costs no question once the body is another one', async () => {
    const changed = Buffer.from(mail.toString().replace('hello', 'hullo'))
    const found = await check(changed, () => Promise.reject(new Error('asked')))
    assert.equal(found.cv, 'fail')
  })
})

test('a key that a stranger chose to be long is not reckoned with', async () => {
  const modulus = randomBytes(4352 / 8)
  modulus[0]! |= 0x80
  const long = createPublicKey({ key: { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }, format: 'jwk' })
  const found = await check(await sealedBy(1), async () => [writeDkimRecord(long)])
  assert.deepEqual(found, { cv: 'fail', why: 'message signature 1: its key is longer than we reckon with' })
})

test('a signature that covers seals has failed', async () => {
  const mail = (await sealedBy(1)).toString().replace(/h=From/, 'h=ARC-Seal:From')
  const found = await check(Buffer.from(mail), async () => [writeDkimRecord(publicKey)])
  assert.deepEqual(found, { cv: 'fail', why: 'message signature 1: it covers a seal' })
})

test('a chain of more octets than 256 KB is broken', async () => {
  const [seal, rest] = (await sealedBy(1)).toString().split('ARC-Authentication-Results: i=1;')
  const long = (octets: number) =>
    Buffer.from(`${seal}ARC-Authentication-Results: i=1;${' x=y;'.repeat(octets / 5)}${rest}`)
  const kindOf = (octets: Buffer) => readChain({ octets, fields: scanHeader(octets).fields }).kind
  assert.equal(kindOf(long(250 * 1024)), 'sets')
  assert.equal(kindOf(long(256 * 1024)), 'broken')
})
