/** SPF where the name service is hostile or in trouble: bounded, and never worse for the sender than no answer. The suite has the rest. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MailError, type Resolver } from '../../../core/api/index.js'
import { checkHost } from '../../../plugins/mail-auth/spf/check.js'
import { type DnsServer, startDnsServer, type ZoneEntry } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'

const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i))

const ZONES: Readonly<Record<string, ZoneEntry>> = {
  'bomb.test': { txt: [`v=spf1 ${many(30, i => `include:b${i}.test`).join(' ')} -all`] },
  ...Object.fromEntries(many(30, i => `b${i}.test`).map(name => [name, { txt: ['v=spf1 a:x.test -all'] }])),
  'x.test': { a: ['203.0.113.1'] },
  'loop.test': { txt: ['v=spf1 include:loop.test -all'] },
  'void.test': { txt: ['v=spf1 a:n1.test a:n2.test a:n3.test -all'] },
  'mx.test': { txt: ['v=spf1 mx -all'], mx: many(50, i => `h${i}.test`).map(host => [1, host] as const) },
  'two.test': { txt: ['v=spf1 -all', 'v=spf1 +all'] },
  'thousand.test': { txt: [...many(1000, i => `text ${i}`), 'v=spf1 -all'] },
  'long.test': { txt: [`v=spf1 ${'ip4:192.0.2.1 '.repeat(2000)}`] },
  'circle.test': { cname: 'circle2.test' },
  'circle2.test': { cname: 'circle.test' },
  'alias.test': { cname: 'good.test' },
  'good.test': { txt: ['v=spf1 ip4:192.0.2.1 -all'] },
  'servfail.test': { fails: 'servfail' },
  'refused.test': { fails: 'refused' },
  'silent.test': { fails: 'drop' },
  'garbage.test': { fails: 'garbage' },
  'lame.test': { fails: 'lame' },
  'truncated.test': { fails: 'truncated' },
  'behind.test': { txt: ['v=spf1 include:servfail.test -all'] },
  'tagged.test': { txt: ['v=spf1 exists:%{l}.users.tagged.test -all'] },
  'user+tag.users.tagged.test': { cname: 'bob o`users.tagged.test' },
  'bob o`users.tagged.test': { cname: 'x.test' },
  'untagged.test': { txt: ['v=spf1 exists:%{l}.users.untagged.test -all'] },
  'mute.test': { txt: ['v=spf1 exists:%{l}.silent.mute.test -all'] },
  'user+tag.silent.mute.test': { fails: 'drop' },
  'liar.test': { txt: ['v=spf1 exists:%{l}.liar.test -all'] },
  'user+tag.liar.test': { fails: 'wrong-name' },
}

describe('SPF of bad zones', () => {
  let server: DnsServer
  let dns: Resolver
  before(async () => {
    server = await startDnsServer(ZONES)
    dns = patientResolver(server)
  })
  after(() => server.close())

  for (const [domain, wanted, most] of [
    ['bomb.test', 'permerror', 11],
    ['loop.test', 'permerror', 12],
    ['void.test', 'permerror', 4],
    ['mx.test', 'permerror', 2],
    ['two.test', 'permerror', 1],
    ['alias.test', 'pass', 1],
    ['servfail.test', 'temperror', 1],
    ['refused.test', 'temperror', 1],
    ['silent.test', 'temperror', 1],
    ['garbage.test', 'temperror', 1],
    ['lame.test', 'temperror', 1],
    ['truncated.test', 'temperror', 1],
    ['circle.test', 'temperror', 1],
    ['behind.test', 'temperror', 2],
    ['tagged.test', 'pass', 2],
    ['untagged.test', 'fail', 2],
    ['mute.test', 'temperror', 2],
    ['liar.test', 'temperror', 2],
  ] as const)
    test(`${domain}: ${wanted}, after ${most} questions at most`, async () => {
      const question = { ip: '192.0.2.1', domain, local: 'user+tag', helo: 'mx.test' }
      const found = await checkHost(question, { dns, signal: AbortSignal.timeout(10_000) })
      assert.equal(found.result, wanted, found.why)
      assert.ok(found.questions <= most, `${found.questions}`)
    })

  for (const domain of ['thousand.test', 'long.test'])
    test(`${domain} has an end, and its sender does not fail for it`, async () => {
      const question = { ip: '192.0.2.1', domain, helo: 'mx.test' }
      const found = await checkHost(question, { dns, signal: AbortSignal.timeout(10_000) })
      assert.notEqual(found.result, 'fail', found.why)
    })

  test('a budget that is over is temperror at once', async () => {
    const question = { ip: '192.0.2.1', domain: 'good.test', helo: 'mx.test' }
    const found = await checkHost({ ...question, domain: 'other.good.test' }, { dns, signal: AbortSignal.abort() })
    assert.equal(found.result, 'temperror')
  })
})

test('who fails only because his reverse name cannot be looked up is not known to fail', async () => {
  const trouble = () => Promise.reject(new MailError('dns-unavailable', 'PTR'))
  const question = { ip: '192.0.2.1', domain: 'first.test', helo: 'mx.test' }
  for (const [record, wanted] of [
    ['v=spf1 ptr -all', 'temperror'],
    ['v=spf1 exists:%{p}.first.test ~all', 'temperror'],
    ['v=spf1 ptr +all', 'pass'],
    ['v=spf1 ptr ?all', 'neutral'],
  ] as const) {
    const dns = { txt: async () => [record], a: async () => [], ptr: trouble } as unknown as Resolver
    const found = await checkHost(question, { dns, signal: AbortSignal.timeout(10_000) })
    assert.equal(found.result, wanted, `${record}: ${found.why}`)
  }
})

test('a host of more addresses than we are told is not known to be another one', async () => {
  const a = async () => many(100, i => `203.0.113.${i}`)
  const dns = { txt: async () => ['v=spf1 a -all'], a } as unknown as Resolver
  const question = { ip: '192.0.2.1', domain: 'first.test', helo: 'mx.test' }
  const found = await checkHost(question, { dns, signal: AbortSignal.timeout(10_000) })
  assert.equal(found.result, 'temperror', found.why)
})

describe('a local part beyond ASCII (RFC 8616 §4)', () => {
  for (const [record, wanted] of [
    ['v=spf1 exists:%{l}.x.test +all', 'pass'],
    ['v=spf1 -include:%{S}.x.test ~all', 'softfail'],
    ['v=spf1 exists:%{d}.x.test -all', 'pass'],
    ['v=spf1 redirect=%{l}.x.test', 'neutral'],
  ] as const)
    test(`${record}: ${wanted}`, async () => {
      const dns = { txt: async () => [record], a: async () => ['127.0.0.2'] } as unknown as Resolver
      const question = { ip: '192.0.2.1', domain: 'first.test', local: 'j\u00f6rg', helo: 'mx.test' }
      const found = await checkHost(question, { dns, signal: AbortSignal.timeout(10_000) })
      assert.equal(found.result, wanted, found.why)
    })
})
