/** Look-ups with the AD bit, against a name server on loopback that plays a validating resolver. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { ValidatedResolver } from '../../../core/api/index.js'
import { createResolver } from '../../../core/dns/resolver.js'
import { SignedDns, type SignedEntry } from '../../harness/signed-dns.js'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

interface World {
  readonly dns: SignedDns
  readonly resolver: ValidatedResolver
  pass(ms: number): void
}

async function makeWorld(
  zones: Readonly<Record<string, SignedEntry>>,
  before: readonly string[] = [],
  timeoutMs = 5000,
): Promise<World> {
  const dns = await SignedDns.start({ zones })
  open.push(() => dns.stop())
  let now = 0
  const options = { servers: [...before, dns.address], timeoutMs, tries: 2, clock: { now: () => now } }
  const { validated } = createResolver({ ...options, trustAd: true })
  assert.ok(validated !== undefined)
  const pass = (ms: number) => {
    now += ms
  }
  return { dns, resolver: validated, pass }
}

const KEY = `3 1 1 ${'ab'.repeat(32)}` as const
const HOST = { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] }

test('without trust nothing is told of what was validated', async () => {
  const options = { timeoutMs: 300, tries: 1, clock: { now: Date.now } }
  assert.equal(createResolver({ ...options, servers: ['127.0.0.1'] }).validated, undefined)
  assert.equal(createResolver({ ...options, servers: [], trustAd: true }).validated, undefined)
})

describe('what is asked for', () => {
  test('comes as it was published, with the word of the resolver on it', async () => {
    const { resolver } = await makeWorld({
      'them.test': { mx: [[10, 'MX.them.test']] },
      'mx.them.test': HOST,
      '_25._tcp.mx.them.test': { tlsa: [KEY, '255 9 7 00', '2 0 0 '] },
      'plain.test': { a: ['192.0.2.2'], signed: false },
    })
    assert.deepEqual(await resolver.mx('Them.Test'), {
      records: [{ preference: 10, exchange: 'mx.them.test' }],
      secure: true,
      name: 'them.test',
    })
    assert.deepEqual((await resolver.a('mx.them.test')).records, ['192.0.2.1'])
    assert.deepEqual((await resolver.aaaa('mx.them.test')).records, ['2001:db8::1'])
    assert.deepEqual((await resolver.tlsa('_25._tcp.mx.them.test')).records, [
      { usage: 3, selector: 1, matching: 1, data: 'ab'.repeat(32) },
      { usage: 255, selector: 9, matching: 7, data: '00' },
      { usage: 2, selector: 0, matching: 0, data: '' },
    ])
    const plain = await resolver.a('plain.test')
    assert.deepEqual(plain, { records: ['192.0.2.2'], secure: false, name: 'plain.test' })
  })

  test('and is not there is an answer, which may be proven too', async () => {
    const { resolver } = await makeWorld({ 'them.test': {}, 'plain.test': { signed: false } })
    for (const [name, secure] of [['them.test', true], ['nobody.test', true], ['plain.test', false]] as const) // biome-ignore format: a table
      assert.deepEqual(await resolver.tlsa(name), { records: [], secure, name })
  })

  test('by no name at all is nothing, and nobody vouches for it', async () => {
    const { resolver, dns } = await makeWorld({})
    assert.deepEqual(await resolver.a('no name'), { records: [], secure: false, name: 'no name' })
    assert.deepEqual(dns.asked, [])
  })

  test('is asked for with an id of its own each time, and from ports that change', async () => {
    const { resolver, dns } = await makeWorld({})
    for (let i = 0; i < 200; i += 1) await resolver.a(`n${i}.test`)
    assert.ok(new Set(dns.places.map(({ id }) => id)).size > 150)
    assert.ok(new Set(dns.places.map(({ port }) => port)).size > 2)
  })
})

describe('an alias', () => {
  for (const [
    what,
    bare,
  ] of [['that the answer follows', false], ['of which the answer says nothing else', true]] as const) // biome-ignore format: a table
    test(`${what} is followed, and tells its end`, async () => {
      const fails = bare ? ({ A: 'bare' } as const) : undefined
      const { resolver } = await makeWorld({
        'a.test': { cname: 'b.test', ...(fails && { fails }) },
        'b.test': { cname: 'c.test', ...(fails && { fails }) },
        'c.test': HOST,
      })
      assert.deepEqual(await resolver.a('a.test'), { records: ['192.0.2.1'], secure: true, name: 'c.test' })
    })

  for (const [what, first, last] of [
    ['that is not signed', false, true],
    ['that leads out of what is signed', true, false],
  ] as const)
    for (const bare of [true, false])
      test(`${what} proves nothing${bare ? ', step by step' : ''}`, async () => {
        const fails = bare ? { fails: { A: 'bare' } as const } : {}
        const { resolver } = await makeWorld({
          'a.test': { cname: 'b.test', signed: first, ...fails },
          'b.test': { ...HOST, signed: last },
        })
        assert.deepEqual(await resolver.a('a.test'), { records: ['192.0.2.1'], secure: false, name: 'b.test' })
        // Of the alias alone more may be known.
        assert.deepEqual(await resolver.cname('a.test'), { records: ['b.test'], secure: first, name: 'a.test' })
      })

  test('without end is trouble', async () => {
    const { resolver } = await makeWorld({ 'a.test': { cname: 'b.test' }, 'b.test': { cname: 'a.test' } })
    await assert.rejects(resolver.a('a.test'), /aliases without end/)
    const bare = { fails: { A: 'bare' } } as const
    const zones = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`n${i}.test`, { cname: `n${i + 1}.test`, ...bare }]),
    )
    await assert.rejects((await makeWorld(zones)).resolver.a('n0.test'), /aliases without end/)
  })
})

describe('trouble', () => {
  for (const [misconduct, why] of [
    ['servfail', /SERVFAIL/],
    ['refused', /REFUSED/],
    ['garbage', /broken/],
    ['lame', /not responsible/],
    ['silent', /no answer in time/],
    ['wrong-id', /no answer in time/],
    ['wrong-name', /no answer in time/],
  ] as const)
    test(`of the kind "${misconduct}" is no answer`, async () => {
      // Only those that never answer are waited for.
      const timeoutMs = /no answer/.test(why.source) ? 100 : 5000
      const { resolver } = await makeWorld(
        { 'a.test': { a: ['192.0.2.1'], fails: { '*': misconduct } } },
        [],
        timeoutMs,
      )
      await assert.rejects(resolver.a('a.test'), why)
    })

  test('at one server has the next one asked', async () => {
    const bad = await SignedDns.start({ zones: { 'a.test': { fails: { '*': 'servfail' } } } })
    open.push(() => bad.stop())
    for (const first of [bad.address, '127.0.0.1:1']) {
      const { resolver } = await makeWorld({ 'a.test': { a: ['192.0.2.1'] } }, [first])
      assert.deepEqual((await resolver.a('a.test')).records, ['192.0.2.1'])
    }
  })

  test('of a caller who leaves does not end the question of others', async () => {
    const { resolver } = await makeWorld({ 'a.test': { a: ['192.0.2.1'] } })
    const leaving = new AbortController()
    const left = resolver.a('a.test', leaving.signal)
    const stays = resolver.a('a.test')
    leaving.abort()
    await assert.rejects(left, /stopped waiting/)
    assert.deepEqual((await stays).records, ['192.0.2.1'])
  })
})

test('an answer that is cut short is fetched by TCP', async () => {
  const tlsa = Array.from({ length: 60 }, (_, i) => `3 1 1 ${i.toString(16).padStart(2, '0').repeat(32)}` as const)
  const { resolver, dns } = await makeWorld({ 'a.test': { tlsa, fails: { TLSA: 'truncated' } } })
  assert.equal((await resolver.tlsa('a.test')).records.length, 60)
  assert.deepEqual(dns.asked, ['TLSA a.test', 'tcp TLSA a.test'])
})

test('what somebody else says before is not heard', async () => {
  const { resolver } = await makeWorld({ 'a.test': { a: ['192.0.2.1'], fails: { A: 'forged-first' } } })
  assert.deepEqual((await resolver.a('a.test')).records, ['192.0.2.1'])
})

test('answers are kept by their TTL, "no" for a minute, trouble not at all, and the same question is asked once', async () => {
  const { resolver, dns, pass } = await makeWorld({
    'a.test': { a: ['192.0.2.1'], ttl: 100 },
    'zero.test': { a: ['192.0.2.1'], ttl: 0 },
    'no.test': {},
    'bad.test': { fails: { '*': 'servfail' } },
  })
  const count = (name: string) => dns.asked.filter(question => question === `A ${name}`).length
  await Promise.all([resolver.a('a.test'), resolver.a('a.test'), resolver.a('no.test'), resolver.a('zero.test')])
  await resolver.a('zero.test')
  for (const _ of [1, 2]) await assert.rejects(resolver.a('bad.test'))
  assert.deepEqual(['a.test', 'no.test', 'zero.test', 'bad.test'].map(count), [1, 1, 2, 2])
  pass(59_000)
  await Promise.all([resolver.a('a.test'), resolver.a('no.test')])
  assert.deepEqual(['a.test', 'no.test'].map(count), [1, 1])
  pass(2_000)
  await Promise.all([resolver.a('a.test'), resolver.a('no.test')])
  assert.deepEqual(['a.test', 'no.test'].map(count), [1, 2])
  pass(40_000)
  await resolver.a('a.test')
  assert.equal(count('a.test'), 2)
})
