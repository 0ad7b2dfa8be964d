/** The Received field: RFC 5321 §4.4 with the keywords of RFC 3848 and 6531, and nothing of what a client said unsanitised. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope, Session } from '../../../core/api/index.js'
import { receivedField } from '../../../core/pipeline/trace.js'
import { ALICE, anEnvelope, aSession } from '../../harness/session.js'

const facts = { server: 'mail.example.test', now: Date.UTC(2024, 10, 21, 12, 17, 0) }
const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }
const account = { id: 'a1', login: 'alice', addresses: [] }

test('a plain message names client, server, protocol, id, recipient and date', () => {
  assert.equal(
    receivedField(aSession(), anEnvelope(), facts),
    'Received: from client.elsewhere.test ([192.0.2.1])\r\n' +
      '\tby mail.example.test with ESMTP id session1.1\r\n' +
      '\tfor <alice@example.test>;\r\n' +
      '\tThu, 21 Nov 2024 12:17:00 +0000\r\n',
  )
})

for (const [keyword, session, envelope] of [
  ['SMTP', { extended: false }, {}],
  ['ESMTP', {}, {}],
  ['ESMTPS', { tls }, {}],
  ['ESMTPA', { account }, {}],
  ['ESMTPSA', { tls, account }, {}],
  ['UTF8SMTP', {}, { utf8: true }],
  ['UTF8SMTPSA', { tls, account }, { utf8: true }],
  ['LMTP', { protocol: 'lmtp' }, {}],
  ['LMTPS', { protocol: 'lmtp', tls }, {}],
  ['UTF8LMTP', { protocol: 'lmtp' }, { utf8: true }],
] as const satisfies readonly (readonly [string, Partial<Session>, Partial<Envelope>])[]) {
  test(`the transport is called ${keyword} when it is ${JSON.stringify({ ...session, ...envelope })}`, () => {
    assert.match(receivedField(aSession(session), anEnvelope(envelope), facts), new RegExp(` with ${keyword} id `))
  })
}

test('TLS facts stand in a comment', () => {
  assert.match(
    receivedField(aSession({ tls }), anEnvelope(), facts),
    /\(using TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384\)/,
  )
})

test('several recipients are not told of each other', () => {
  const recipients = [ALICE, { local: 'bob', domain: 'example.test' }].map(address => ({
    address,
    dsn: { notify: [] },
  }))
  const field = receivedField(aSession(), anEnvelope({ recipients }), facts)
  assert.doesNotMatch(field, /for </)
  assert.match(field, / id session1\.1;\r\n/)
})

test('a name that leads back to the address stands before it, no other name does', () => {
  const named = aSession({ reversed: { kind: 'confirmed', name: 'mail.elsewhere.test' } })
  assert.match(
    receivedField(named, anEnvelope(), facts),
    /^Received: from client\.elsewhere\.test \(mail\.elsewhere\.test \[192\.0\.2\.1\]\)\r\n/,
  )
  for (const reversed of [
    { kind: 'unconfirmed', names: ['liar.test'] },
    { kind: 'none' },
    { kind: 'unknown', why: 'x' },
  ] as const) {
    assert.match(
      receivedField(aSession({ reversed }), anEnvelope(), facts),
      /client\.elsewhere\.test \(\[192\.0\.2\.1\]\)/,
    )
  }
})

test('an IPv6 client is written as a tagged literal', () => {
  const remote = { address: '2001:db8::1', port: 1 }
  assert.match(receivedField(aSession({ remote }), anEnvelope(), facts), /\(\[IPv6:2001:db8::1\]\)/)
})

test('a client name can neither break the line nor open a comment', () => {
  const field = receivedField(aSession({ helo: 'x\r\nSubject: (y)\u2028z' }), anEnvelope(), facts)
  assert.match(field, /^Received: from x\?\?Subject:\?\?y\?\?z \(/)
})

test('a message of our own names no client', () => {
  const field = receivedField(aSession({ protocol: 'internal' }), anEnvelope(), facts)
  assert.match(field, /^Received: by mail\.example\.test id session1\.1\r\n/)
})

test('no line is longer than 998 octets, whatever the recipient', () => {
  const recipients = [{ address: { local: '"'.repeat(600), domain: 'example.test' }, dsn: { notify: [] } }]
  for (const line of receivedField(aSession(), anEnvelope({ recipients }), facts).split('\r\n')) {
    assert.ok(Buffer.byteLength(line) <= 998)
  }
})

test('a priority that was asked for is told (RFC 6710 §4.1)', () => {
  assert.match(
    receivedField(aSession(), anEnvelope({ priority: -3 }), facts),
    /\r\n\tfor <alice@example\.test>\r\n\tPRIORITY -3;\r\n/,
  )
})
