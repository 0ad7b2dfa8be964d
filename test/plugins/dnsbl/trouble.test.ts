/**
 * Lists of names under bad DNS, by the real resolver and a name server that does all of it: whatever goes wrong, nothing is listed, and what
 * can be known is.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Finding, ListFacts } from '../../../core/api/index.js'
import { rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/dnsbl/index.js'
import { type DnsServer, startDnsServer, type ZoneEntry } from '../../harness/dns-server.js'
import { patientResolver } from '../../harness/patient-resolver.js'
import { aMessage, anEnvelope, aSession } from '../../harness/session.js'

/** More than a datagram holds. */
const MANY = Array.from({ length: 400 }, (_, i) => `127.0.${i >> 8}.${i & 255}`)

for (const [trouble, entry] of [
  ['SERVFAIL', { fails: 'servfail' }],
  ['REFUSED', { fails: 'refused' }],
  ['no answer at all', { fails: 'drop' }],
  ['garbage', { fails: 'garbage' }],
  ['a lame server', { fails: 'lame' }],
  ['answers cut off', { fails: 'truncated' }],
  ['answers to other questions', { fails: 'wrong-name' }],
  ['answers with another id', { fails: 'wrong-id' }],
  ['aliases in a circle', { cname: 'circle.test' }],
  ['answers from a parked domain', { a: ['192.0.2.80'] }],
  ['answers that refuse', { a: ['127.255.255.254'] }],
] as const satisfies readonly (readonly [string, ZoneEntry])[]) {
  describe(`with ${trouble}`, () => {
    let server: DnsServer
    before(async () => {
      server = await startDnsServer({
        '*': entry,
        'circle.test': { cname: 'circle.test' },
        'evil.test.good.test': { a: ['127.0.0.2'] },
      })
    })
    after(() => server.close())

    test('nothing is listed, and a list that answers counts all the same', async () => {
      const { findings, facts } = await ask(server)
      assert.deepEqual(
        facts.hits.map(({ list }) => list),
        ['good.test'],
      )
      assert.equal(findings.length, 1)
    })
  })
}

test('hundreds of codes with reasons are one listing with few codes', async () => {
  const server = await startDnsServer({ 'evil.test.bad.test': { a: MANY, txt: MANY.slice(0, 200) } })
  try {
    const { findings, facts } = await ask(server)
    assert.equal(findings.length, 1)
    assert.ok(findings[0]!.says.length < 400)
    assert.equal(facts.hits[0]!.codes.length, 50)
  } finally {
    await server.close()
  }
})

async function ask(
  server: DnsServer,
  within = '20s',
): Promise<{ readonly findings: readonly Finding[]; readonly facts: ListFacts }> {
  const { hooks, call, contribution, end } = await setUp(plugin, {
    config: {
      within,
      lists: ['bad.test', 'good.test'].map(zone => ({ zone, holds: 'domains', about: ['links'], check: false })),
    },
    dns: patientResolver(server),
    log: rememberingLog(),
  })
  const asked = { session: aSession(), envelope: anEnvelope(), message: aMessage('\nhttps://evil.test/\n') }
  await asked.message.text()
  const findings = (await hooks.score!(asked, call)) as readonly Finding[]
  const facts = await contribution.services!['list-hits']!.found(asked, call)
  await end()
  return { findings, facts: facts! }
}
