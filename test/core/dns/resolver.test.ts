/**
 * The resolver against a name server on loopback that tells the truth, lies, and says nothing.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MailError, type Resolver } from '../../../core/api/index.js'
import type { Engine } from '../../../core/dns/engine.js'
import { answerName, questionName } from '../../../core/dns/names.js'
import { createResolver } from '../../../core/dns/resolver.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'

class FakeClock {
  ms = 1_000_000
  now(): number {
    return this.ms
  }
}

const LIES = { a: ['192.0.2.66'], aaaa: ['2001:db8::66'], mx: [[1, 'liar.example']], txt: ['a lie'] } as const

function unavailable(error: unknown): boolean {
  return error instanceof MailError && error.errorCode === 'dns-unavailable'
}

describe('the resolver', () => {
  let server: DnsServer
  const clock = new FakeClock()
  let resolver: Resolver

  before(async () => {
    server = await startDnsServer({
      'example.org': {
        mx: [
          [20, 'Backup.Example.org'],
          [10, 'mx.example.org'],
        ],
        txt: ['v=spf1 -all'],
      },
      'mx.example.org': { a: ['192.0.2.1', '192.0.2.2'], aaaa: ['2001:db8::1'], ttl: 30 },
      'alias.example.org': { cname: 'mx.example.org' },
      'nomail.example': { mx: [[0, '']] },
      'round.example': { cname: 'circle.example' },
      'circle.example': { cname: 'round.example' },
      'self.example': { cname: 'self.example' },
      'dangling.example': { cname: 'not-there.example' },
      'rooted.example': { cname: '' },
      'broken.example': { fails: 'servfail' },
      'refused.example': { fails: 'refused' },
      'silent.example': { fails: 'drop' },
      'garbage.example': { fails: 'garbage' },
      'lame.example': { fails: 'lame' },
      'truncated.example': { fails: 'truncated' },
      'wrong-id.example': { fails: 'wrong-id' },
      'wrong-name.example': { fails: 'wrong-name' },
      'slow.example': { a: ['192.0.2.9'], delayMs: 80 },
      'many.example': { a: Array.from({ length: 120 }, (_, i) => `192.0.2.${i}`) },
      'evil.example': {
        mx: [
          [1, 'bad name\r\nX.example'],
          [2, 'good.example'],
        ],
      },
      '1.2.0.192.in-addr.arpa': { ptr: ['mx.example.org'] },
      'liar.example': { a: ['192.0.2.7'], poison: { 'victim.example': LIES, 'mx.example.org': LIES } },
      'victim.example': { txt: ['its own'] },
    })
    resolver = createResolver({ servers: [server.address], timeoutMs: 20_000, tries: 2, clock })
  })
  after(() => server.close())

  test('finds mail exchanges with their preference, in lower case', async () => {
    const found = [...(await resolver.mx('example.org'))].sort((a, b) => a.preference - b.preference)
    assert.deepEqual(found, [
      { preference: 10, exchange: 'mx.example.org' },
      { preference: 20, exchange: 'backup.example.org' },
    ])
  })

  test('finds addresses of both families, through an alias too', async () => {
    assert.deepEqual([...(await resolver.a('mx.example.org'))].sort(), ['192.0.2.1', '192.0.2.2'])
    assert.deepEqual(await resolver.aaaa('mx.example.org'), ['2001:db8::1'])
    assert.equal((await resolver.a('alias.example.org')).length, 2)
  })

  test('finds texts and reverse names', async () => {
    assert.deepEqual(await resolver.txt('example.org'), ['v=spf1 -all'])
    assert.deepEqual(await resolver.ptr('192.0.2.1'), ['mx.example.org'])
  })

  test('a null MX is an empty exchange', async () => {
    assert.deepEqual(await resolver.mx('nomail.example'), [{ preference: 0, exchange: '' }])
  })

  test('no such name and no such record are empty answers', async () => {
    assert.deepEqual(await resolver.mx('nowhere.example'), [])
    assert.deepEqual(await resolver.txt('mx.example.org'), [])
  })

  for (const name of ['round.example', 'self.example']) {
    test(`aliases in a circle are trouble: ${name}`, async () => {
      await assert.rejects(resolver.a(name), /aliases without end/)
      await assert.rejects(resolver.mx(name), unavailable)
    })
  }

  test('an alias whose end has no such record, or is not there, is an empty answer', async () => {
    assert.deepEqual(await resolver.mx('alias.example.org'), [])
    assert.deepEqual(await resolver.a('dangling.example'), [])
    assert.deepEqual(await resolver.a('rooted.example'), [])
  })

  for (const failure of ['broken', 'refused', 'silent', 'garbage', 'lame', 'truncated', 'wrong-id', 'wrong-name']) {
    test(`trouble (${failure}) is thrown as dns-unavailable`, async () => {
      const fresh = createResolver({ servers: [server.address], timeoutMs: 150, tries: 1, clock })
      await assert.rejects(fresh.a(`${failure}.example`), unavailable)
      await assert.rejects(fresh.mx(`${failure}.example`), unavailable)
    })
  }

  test('"no such record" is asked for once', async () => {
    const fresh = createResolver({ servers: [server.address], timeoutMs: 20_000, tries: 1, clock })
    const before = server.asked.length
    assert.deepEqual(await fresh.txt('mx.example.org'), [])
    assert.deepEqual(server.asked.slice(before), ['TXT mx.example.org'])
  })

  test('what an answer says of other names is not believed, of the name asked for or of those', async () => {
    assert.deepEqual(await resolver.a('liar.example'), ['192.0.2.7'])
    for (const ask of [resolver.aaaa, resolver.mx, resolver.txt]) assert.deepEqual(await ask('liar.example'), [])
    assert.deepEqual(await resolver.txt('victim.example'), ['its own'])
    assert.deepEqual(await resolver.a('victim.example'), [])
  })

  test('a name that cannot exist is answered without asking', async () => {
    const before = server.asked.length
    assert.deepEqual(await resolver.a('a..b.example'), [])
    assert.deepEqual(await resolver.a('a\tb.example'), [])
    assert.deepEqual(await resolver.a('a\u00e4+b.example'), [])
    assert.deepEqual(await resolver.a('a+b'), [])
    assert.deepEqual(await resolver.a('x'.repeat(64)), [])
    assert.deepEqual(await resolver.ptr('no address'), [])
    assert.equal(server.asked.length, before)
  })

  test('takes at most 100 records and drops names that are none', async () => {
    assert.equal((await resolver.a('many.example')).length, 100)
    const exchanges = (await resolver.mx('evil.example')).map(record => record.exchange)
    assert.deepEqual(exchanges, ['good.example'])
  })

  test('keeps an address for its TTL and asks again afterwards', async () => {
    const count = () => server.asked.filter(question => question === 'AAAA mx.example.org').length
    await resolver.aaaa('mx.example.org')
    const asked = count()
    clock.ms += 29_000
    await resolver.aaaa('mx.example.org')
    assert.equal(count(), asked)
    clock.ms += 31_000
    await resolver.aaaa('mx.example.org')
    assert.equal(count(), asked + 1)
  })

  test('keeps "no such name" for a minute', async () => {
    const count = () => server.asked.filter(question => question === 'A gone.example').length
    await resolver.a('gone.example')
    await resolver.a('gone.example')
    assert.equal(count(), 1)
    clock.ms += 61_000
    await resolver.a('gone.example')
    assert.equal(count(), 2)
  })

  test('identical questions at the same time share one query', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => resolver.a('slow.example')))
    assert.deepEqual(answers, [['192.0.2.9'], ['192.0.2.9'], ['192.0.2.9']])
    assert.equal(server.asked.filter(question => question === 'A slow.example').length, 1)
  })

  test('a caller whose signal fires leaves at once, the others get the answer', async () => {
    clock.ms += 120_000
    const hasty = resolver.a('slow.example', AbortSignal.timeout(10))
    const patient = resolver.a('slow.example')
    await assert.rejects(hasty, unavailable)
    assert.deepEqual(await patient, ['192.0.2.9'])
    await assert.rejects(
      resolver.a('slow.example', AbortSignal.abort()).then(() => resolver.a('x.example', AbortSignal.abort())),
      unavailable,
    )
    // Nothing is under way any more when the server goes.
    await Promise.all([resolver.a('slow.example'), resolver.a('x.example')])
  })

  test('an engine that never answers is given up', async () => {
    const engine: Engine = { ask: () => new Promise(() => undefined) }
    const stuck = createResolver({ servers: ['127.0.0.1:1'], timeoutMs: 5, tries: 1, clock, engine })
    await assert.rejects(stuck.a('example.org'), unavailable)
  })

  test('keeps a bounded number of answers', async () => {
    let asked = 0
    const engine: Engine = {
      async ask() {
        asked += 1
        return { records: ['192.0.2.1'], secure: false, name: 'x.example', ttl: 60 }
      },
    }
    const small = createResolver({ servers: ['127.0.0.1:1'], timeoutMs: 50, tries: 1, clock, engine, maxEntries: 2 })
    for (const name of ['a.example', 'b.example', 'c.example', 'c.example', 'b.example', 'a.example'])
      await small.a(name)
    assert.equal(asked, 4)
  })
})

test('without servers nothing is asked and the error says what to set', async () => {
  const resolver = createResolver({ servers: [], timeoutMs: 50, tries: 1, clock: new FakeClock() })
  assert.equal(resolver.configured, false)
  await assert.rejects(resolver.mx('example.org'), /dns\.servers/)
  await assert.rejects(resolver.mx('example.org'), unavailable)
})

test('without servers no error is made for each question: a mail asks several', async () => {
  const resolver = createResolver({ servers: [], timeoutMs: 50, tries: 1, clock: new FakeClock() })
  const thrown = (question: Promise<unknown>) => question.catch((error: unknown) => error)
  assert.equal(await thrown(resolver.a('example.org')), await thrown(resolver.mx('example.com')))
})

for (const [text, name] of [
  ['Example.ORG.', 'example.org'],
  ['_dmarc.example.org', '_dmarc.example.org'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['', undefined],
  ['.', undefined],
  ['a..b', undefined],
  ['-a.example', undefined],
  [`${'a'.repeat(64)}.example`, undefined],
  [`${'a.'.repeat(127)}example`, undefined],
  ['a\r\nb', undefined],
] as const) {
  test(`the question name of ${JSON.stringify(text.slice(0, 40))} is ${name ?? 'none'}`, () => {
    assert.equal(questionName(text), name)
  })
}

test('the root is a valid answer name', () => {
  assert.equal(answerName('.'), '')
  assert.equal(answerName(''), '')
})
