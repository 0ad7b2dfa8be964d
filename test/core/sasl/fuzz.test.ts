/**
 * Whatever octets a client answers with, a mechanism reads them or refuses them, every exchange ends, and nobody gets in who does not
 * know the secret. Bounded by `POSTHOUSE_FUZZ_RUNS`; `npm run fuzz` goes on for longer.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ChannelBinding, type Peer, reject, type SaslStep } from '../../../core/api/index.js'
import { signatureHash } from '../../../core/net/signature-hash.js'
import { readOauthBearer, readXoauth2 } from '../../../core/sasl/bearer.js'
import { readClientFinal, readClientFirst } from '../../../core/sasl/scram-messages.js'
import { prepareName, ReadError, readBase64 } from '../../../core/text/index.js'
import { authenticatorOf } from '../../harness/authenticator.js'
import { mutate, mutations } from '../../harness/mutate.js'
import { TEST_CERT } from '../../harness/test-cert.js'
import { keysOf } from './keys.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 300)

const CLIENT_FIRST = 'p=tls-exporter,a=us=2Cer,n=us=2Cer,r=fyko+d2lbbFgONRv9qkxdawL,x=y'
const CLIENT_FINAL = 'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts='
const OAUTHBEARER = 'n,a=user@example.test,\u0001host=x\u0001port=143\u0001auth=Bearer abc.def\u0001\u0001'
const XOAUTH2 = 'user=user@example.test\u0001auth=Bearer abc.def\u0001\u0001'
const PLAIN = 'user\0user\0pencil'
const GOOD = [CLIENT_FIRST, CLIENT_FINAL, OAUTHBEARER, XOAUTH2, PLAIN, 'user', 'n,,n=user,r=abc', 'y,,n=user,r=abc', '']

const changed = (good: string) => mutations.map(changes => mutate(Buffer.from(good), changes))
const responses = fc.oneof(
  fc.constantFrom(...GOOD).map(good => Buffer.from(good)),
  fc.constantFrom(...GOOD).chain(changed),
  fc.uint8Array({ maxLength: 60 }).map(octets => Buffer.from(octets)),
)

for (const [what, good, read] of [
  ['the first message of SCRAM', CLIENT_FIRST, readClientFirst],
  ['the last message of SCRAM', CLIENT_FINAL, readClientFinal],
  ['OAUTHBEARER', OAUTHBEARER, (octets: Buffer) => readOauthBearer(octets.toString())],
  ['XOAUTH2', XOAUTH2, (octets: Buffer) => readXoauth2(octets.toString())],
] as const) {
  test(`${what} is read, and with any octets changed read or refused`, () => {
    read(Buffer.from(good))
    const again = fc.property(changed(good), octets => {
      try {
        read(octets)
      } catch (error) {
        if (!(error instanceof ReadError)) throw error
      }
    })
    fc.assert(again, { numRuns: numRuns * 5 })
  })
}

test('what SCRAM signs is what the client sent, octet for octet', () => {
  const again = fc.property(changed(CLIENT_FIRST), octets => {
    let read: ReturnType<typeof readClientFirst>
    try {
      read = readClientFirst(octets)
    } catch (error) {
      if (error instanceof ReadError) return
      throw error
    }
    assert.deepEqual(Buffer.from(read.header.text + read.bare), octets)
  })
  fc.assert(again, { numRuns: numRuns * 5 })
})

const END = { address: '127.0.0.1', port: 1 }
const CHANNEL: ChannelBinding = { data: () => Buffer.alloc(32, 1) }
const PEER: Peer = {
  id: 'p',
  protocol: 'imap',
  listener: 'imap',
  remote: END,
  local: END,
  tls: { protocol: 'TLSv1.3', cipher: 'x', client: { fingerprint: 'ab', addresses: [], hosts: [] } },
}

/** Refuses everything that hooks are asked about; SCRAM has keys of a password that no response knows. */
const authenticator = authenticatorOf(() => reject('no', { code: 535, status: '5.7.8' }), {
  checks: ['token', 'certificate'],
  accounts: {
    byLogin: async login => ({ id: 'id', login, addresses: [] }),
    byAddress: async () => undefined,
    byId: async () => undefined,
    list: async () => [],
    scramKeys: async (_login, mechanism) => keysOf('not pencil', mechanism, 1, 'QSXCR+Q6sek8bf92'),
  },
})

for (const mechanism of authenticator.mechanisms(PEER, CHANNEL, true)) {
  test(`${mechanism} ends whatever the client answers, and lets nobody in`, async () => {
    const again = fc.asyncProperty(fc.array(responses, { maxLength: 6 }), fc.boolean(), async (said, late) => {
      const wish = { peer: PEER, mechanism, binding: CHANNEL, clear: true, signal: new AbortController().signal }
      const exchange = authenticator.start(wish)!
      const steps: SaslStep[] = []
      if (late) steps.push(await exchange.step(undefined))
      for (const response of [...said, ...said]) steps.push(await exchange.step(response))
      assert.ok(steps.every(step => step.kind !== 'done'))
      const after = steps.findIndex(step => step.kind !== 'challenge')
      if (after >= 0) assert.ok(steps.slice(after + 1).every(step => step.kind === 'malformed'))
      assert.ok(
        steps.slice(5).every(step => step.kind !== 'challenge'),
        'an exchange has no end',
      )
    })
    await fc.assert(again, { numRuns })
  })
}

test('a prepared name stays as it is when it is prepared again', () => {
  const again = fc.property(fc.string({ unit: 'binary' }), name => {
    const prepared = prepareName(name)
    if (prepared !== undefined) assert.equal(prepareName(prepared), prepared)
  })
  fc.assert(again, { numRuns: numRuns * 5 })
})

test('base64 is read as it was written, and nothing else is', () => {
  fc.assert(
    fc.property(fc.uint8Array(), octets => {
      const text = Buffer.from(octets).toString('base64')
      assert.deepEqual(readBase64(text), Buffer.from(octets))
      assert.equal(readBase64(`${text} `), undefined)
    }),
  )
  fc.assert(
    fc.property(fc.string(), text => {
      const read = readBase64(text)
      if (read !== undefined) assert.equal(read.length, Math.floor((text.replace(/=+$/, '').length * 3) / 4))
    }),
  )
})

test('a certificate with any octets changed has a hash or none', () => {
  const { raw } = new X509Certificate(TEST_CERT)
  const again = fc.property(mutations, changes => {
    const hash = signatureHash(mutate(raw, changes))
    assert.ok(hash === undefined || /^sha\d{3}$/.test(hash))
  })
  fc.assert(again, { numRuns: numRuns * 5 })
})
