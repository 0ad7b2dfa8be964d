/** Names that c-ares does not ask for, as SPF's macros make them of local parts: our own engine asks, with the same bounds. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { MailError, type Resolver } from '../../../core/api/index.js'
import { createResolver } from '../../../core/dns/resolver.js'
import { type DnsServer, startDnsServer, TROUBLES } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'

let server: DnsServer
let resolver: Resolver
before(async () => {
  server = await startDnsServer({
    'user+tag.x.test': {
      a: ['192.0.2.1'],
      aaaa: ['2001:db8::1'],
      txt: ['one', 'x'.repeat(300)],
      mx: [[5, 'mx.x.test']],
    },
    '~a{b}%c d/e.x.test': { txt: ['odd'] },
    '-x-.x.test': { txt: ['hyphens'] },
    'alias+.x.test': { cname: 'plain.test' },
    'plain.test': { txt: ['plain'] },
    'circle+.x.test': { cname: 'circle+.x.test' },
    'many+.x.test': { a: Array.from({ length: 150 }, (_, i) => `192.0.2.${i}`) },
    ...Object.fromEntries(TROUBLES.map(fails => [`${fails}+.x.test`, { fails }])),
  })
  resolver = patientResolver(server)
})
after(() => server.close())

test('every type of record is found', async () => {
  assert.deepEqual(await resolver.a('User+Tag.x.test'), ['192.0.2.1'])
  assert.deepEqual(await resolver.aaaa('user+tag.x.test'), ['2001:db8::1'])
  assert.deepEqual(await resolver.txt('user+tag.x.test.'), ['one', 'x'.repeat(300)])
  assert.deepEqual(await resolver.mx('user+tag.x.test'), [{ preference: 5, exchange: 'mx.x.test' }])
})

for (const [name, wanted] of [
  ['~a{b}%c d/e.x.test', ['odd']],
  ['-x-.x.test', ['hyphens']],
  ['alias+.x.test', ['plain']],
  ['nobody+.x.test', []],
] as const)
  test(`${name} has ${wanted.length === 0 ? 'nothing' : wanted[0]}`, async () => {
    assert.deepEqual(await resolver.txt(name), wanted)
  })

test('an answer is kept, and asked for once by many', async () => {
  const before = server.asked.length
  await Promise.all(Array.from({ length: 20 }, () => resolver.txt('kept+.x.test')))
  await resolver.txt('kept+.x.test')
  assert.equal(server.asked.length, before + 1)
})

test('so many records are taken', async () => {
  assert.equal((await resolver.a('many+.x.test')).length, 100)
})

for (const name of [
  'circle',
  'servfail',
  'refused',
  'drop',
  'garbage',
  'lame',
  'truncated',
  'wrong-id',
  'wrong-name',
  'thousands',
  'huge',
])
  test(`trouble (${name}) is thrown as dns-unavailable`, async () => {
    await assert.rejects(
      resolver.txt(`${name}+.x.test`),
      error => error instanceof MailError && error.errorCode === 'dns-unavailable',
    )
  })

test('hundreds at once are asked over a few sockets', async () => {
  const names = Array.from({ length: 150 }, (_, i) => `late+.${i}.x.test`)
  for (const name of names) server.set(name, { txt: [name], delayMs: 20 })
  const resolver = createResolver({ servers: [server.address], timeoutMs: 30_000, tries: 1, clock: { now: Date.now } })
  assert.deepEqual(
    await Promise.all(names.map(name => resolver.txt(name))),
    names.map(name => [name]),
  )
})
