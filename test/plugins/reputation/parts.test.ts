/** The pure parts: estimates, sentences of time, the field that stays with a message, keys of odd names, and what WHO may be. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AuthFacts, DmarcOverride, DmarcPolicy, History, IdentityKind } from 'posthouse/api'
import { aMessage } from 'posthouse/testing'
import { foldField } from '../../../core/text/index.js'
import { readWho } from '../../../plugins/reputation/commands.js'
import { badPoints, estimate } from '../../../plugins/reputation/estimate.js'
import { originOf } from '../../../plugins/reputation/identity.js'
import { historyKey, prefixesOf } from '../../../plugins/reputation/keys.js'
import { effectOf } from '../../../plugins/reputation/marks.js'
import { originField, readOrigin } from '../../../plugins/reputation/origin-field.js'
import { since } from '../../../plugins/reputation/words.js'
import { forged, passed } from './scene.js'

const history = (kind: IdentityKind, ham: number, spam: number, more: Partial<History> = {}): History => ({
  ...{ kind, name: 'x', since: 0, latest: 0, ham, spam, unsure: 0, refused: 0, junked: 0, rescued: 0 },
  ...more,
})

test('an estimate lies between what the wider one did and what the narrower did itself, nearer the one with more behind it', () => {
  const network = history('network', 0, 1000)
  const shares = [0, 1, 3, 10, 100].map(ham => estimate([network, history('organisation', ham, 0)]).spam)
  assert.deepEqual(
    shares,
    shares.toSorted((a, b) => b - a),
  )
  assert.ok(shares[0]! > 0.98 && shares[4]! < 0.06, shares.join(' '))
})

test('a mail speaks once: what only one address did says nothing more of it by way of its organisation', () => {
  for (const [ham, spam] of [
    [10, 0],
    [0, 50],
    [7, 3],
  ] as const) {
    const address = history('address', ham, spam)
    assert.equal(estimate([history('organisation', ham, spam), address]).spam, estimate([address]).spam)
  }
  const others = estimate([history('organisation', 0, 50), history('address', 0, 0)])
  assert.ok(others.spam > 0.9, 'but of the other addresses there')
})

test('points are never less than 0 nor more than the bound, and none where spam is rarer than ham', () => {
  const sums = fc.double({ min: 0, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(sums, sums, sums, sums, (a, b, c, d) => {
      const found = estimate([history('site', a, b), history('network', c, d)])
      const points = badPoints(found, 2.5)
      assert.ok(points >= 0 && points <= 2.5)
      if (found.spam <= 0.5) assert.equal(points, 0)
    }),
  )
})

for (const [at, words] of [
  ['2026-11-20', '20 November'],
  ['2026-03-02', 'March'],
  ['2025-03-02', 'March 2025'],
] as const) {
  test(`on 21 November 2026, ${at} is told as "since ${words}"`, () => {
    assert.equal(since(Date.parse(at), Date.parse('2026-11-21')), words)
  })
}

test('what the field says of a message is read back, however odd the names and however it is folded', () => {
  const name = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
  fc.assert(
    fc.property(fc.array(name, { maxLength: 5 }), fc.constantFrom('ham', 'spam', 'unsure'), (names, counted) => {
      const identities = names.map(one => ({ kind: 'dkim', name: one }) as const)
      const at = 1_795_000_000_000
      const value = originField({ class: counted, at, identities: [{ kind: 'site', name: 'all' }, ...identities] })
      const prefix = `Return-Path: <a@b.test>\r\n${foldField('X-Posthouse-Origin', value)}Received: x\r\n`
      assert.deepEqual(readOrigin(prefix), { class: counted, at, identities })
    }),
  )
})

for (const prefix of [
  '',
  'Received: x\r\n X-Posthouse-Origin: ham; at=1\r\n',
  'X-Posthouse-Origin: nonsense\r\n',
  'X-Posthouse-Origin: ham; address=a\r\n',
  'X-Posthouse-Originx: ham; at=1\r\n',
]) {
  test(`${JSON.stringify(prefix)} says nothing of a message`, () => assert.equal(readOrigin(prefix), undefined))
}

test('what cannot be read in the field is left out, and the rest is read', () => {
  const found = readOrigin('X-Posthouse-Origin: spam; at=5; dkim=%; site=all; x; network=192.0.2.0%2F24\r\n')
  assert.deepEqual(found, { class: 'spam', at: 5000, identities: [{ kind: 'network', name: '192.0.2.0/24' }] })
})

test('the effect of a word is undone by its opposite only where the message was counted so', () => {
  assert.deepEqual(effectOf('junk', 'ham', 0.5), { ham: -0.5, junked: 1 })
  assert.deepEqual(effectOf('junk', 'spam', 1), {})
  assert.deepEqual(effectOf('not-junk', 'spam', 1), { spam: -1, rescued: 1 })
  assert.deepEqual(effectOf('not-junk', 'ham', 1), {})
  assert.deepEqual(effectOf('not-junk', 'unsure', 1), { rescued: 1 })
})

test('an address of the house has no network to ask for', () => {
  assert.throws(() => readWho('127.0.0.1'), /is an address of the house/)
})

test('no name of a stranger leads to the key of another', () => {
  const key = (name: string) => historyKey({ kind: 'address', name })
  assert.equal(key('ann@example.org'), 'address/example.org/ann')
  assert.equal(key('a/b@example.org'), 'address/example.org/a%2Fb')
  assert.equal(key('"x@evil.test/"@example.org'), 'address/example.org/%22x%40evil.test%2F%22')
  assert.ok(key('\ud800@example.org'))
  for (const prefix of prefixesOf({ domain: 'example.org', local: 'a' }))
    assert.ok(prefix.endsWith('/example.org/a/'), prefix)
  for (const prefix of prefixesOf({ domain: 'example.org' })) assert.ok(prefix.endsWith('/example.org/'), prefix)
})

for (const [text, told] of [
  ['Ann@Example.ORG', 'ann@example.org'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['192.0.2.77', '192.0.2.0/24'],
  ['192.0.2.0/24', '192.0.2.0/24'],
  ['2001:db8:1:2::3', '2001:db8:1::/48'],
  ['2001:db8:1::/48', '2001:db8:1::/48'],
] as const) {
  test(`${text} means ${told}`, () => {
    const who = readWho(text)
    const name =
      who.kind === 'address'
        ? `${who.author.local}@${who.author.domain}`
        : who.kind === 'domain'
          ? who.domain
          : who.network.name
    assert.equal(name, told)
  })
}

for (const text of ['', '@', 'a b', 'x@', '192.0.2.0/16', '1.2.3.4/x', `${'a'.repeat(400)}@b.test`])
  test(`${JSON.stringify(text.slice(0, 20))} means nobody`, () =>
    assert.throws(() => readWho(text), /expected an address/))

const PROOFS: readonly (readonly [what: string, auth: AuthFacts | undefined, proved: string])[] = [
  ['DMARC passes', passed('far.test'), 'yes'],
  ['DMARC fails, though another signs', passed('list.test', 'far.test'), 'no'],
  [
    'there is no policy, and the same organisation signs',
    withDmarc(passed('mail.far.test'), 'none', 'far.test'),
    'yes',
  ],
  ['there is no policy, and nobody of theirs vouches', withDmarc(passed('list.test'), 'none', 'far.test'), 'no'],
  ['the name service has trouble', withDmarc(forged('far.test'), 'temperror', 'far.test'), 'unknown'],
  ['DMARC fails behind a forwarder the admin trusts', overridden('trusted_forwarder', 'none'), 'unknown'],
  ['DMARC fails and nothing is enforced', overridden('local_policy', 'reject'), 'no'],
  ['From names several domains', withDmarc(passed('far.test'), 'permerror', ''), 'no'],
  ['nobody checks', undefined, 'unknown'],
]

function overridden(kind: DmarcOverride['kind'], disposition: DmarcPolicy): AuthFacts {
  const auth = forged('far.test')
  return { ...auth, dmarc: { ...auth.dmarc, disposition, overrides: [{ kind, why: '' }] } }
}

function withDmarc(auth: AuthFacts, result: AuthFacts['dmarc']['result'], domain: string): AuthFacts {
  return { ...auth, dmarc: { ...auth.dmarc, result, domain } }
}

for (const [what, auth, proved] of PROOFS) {
  test(`who From names is proved: ${proved}, where ${what}`, () => {
    assert.equal(originOf(aMessage('From: eve@far.test\n\nx\n'), '192.0.2.1', auth).proved, proved)
  })
}

test('mail without From, or from no address of the network, has the identities that are left', () => {
  const kinds = (text: string, address: string, auth?: AuthFacts) =>
    originOf(aMessage(text), address, auth).identities.map(({ kind }) => kind)
  assert.deepEqual(kinds('Subject: x\n\n', '192.0.2.1', passed('far.test')), ['site', 'network', 'dkim'])
  assert.deepEqual(kinds('From: a@b.test\n\n', 'unix:/x'), ['site'])
  for (const house of ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1'])
    assert.deepEqual(kinds('From: a@b.test\n\n', house), ['site'], house)
  const many = passed('far.test').dkim[0]!
  const signers = Array.from({ length: 9 }, (_, at) => ({ ...many, domain: `s${at}.test` }))
  assert.equal(kinds('From: a@b.test\n\n', '', { ...forged('b.test'), dkim: signers }).length, 4)
})
