/**
 * Every policy that asks the name service, under every trouble it can have: nobody is punished, the log says why, and only with
 * `when_unknown: defer` a client is asked to come again. The answers behind the trouble would be punished if they were believed.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Contribution, Plugin, Session } from '../../core/api/index.js'
import { createResolver } from '../../core/dns/resolver.js'
import { reverseName } from '../../core/dns/reverse.js'
import { rememberingLog, setUp } from '../../core/testing/index.js'
import { termsOf } from '../../plugins/dnsbl/config.js'
import { testList } from '../../plugins/dnsbl/health.js'
import dnsbl from '../../plugins/dnsbl/index.js'
import helo from '../../plugins/helo/index.js'
import reverseDns from '../../plugins/reverse-dns/index.js'
import senderDomain from '../../plugins/sender-domain/index.js'
import { type DnsServer, startDnsServer, type ZoneEntry } from '../harness/dns-server.js'
import { ALICE, aMessage, anEnvelope, aSession } from '../harness/session.js'

const many = <T>(make: (i: number) => T): T[] => Array.from({ length: 150 }, (_, i) => make(i))
const LISTED = { a: ['127.0.0.2'] }

/** What becomes of every question. */
const TROUBLES: Readonly<Record<string, ZoneEntry>> = {
  'time-out': { fails: 'drop' },
  servfail: { fails: 'servfail' },
  refused: { fails: 'refused' },
  lame: { fails: 'lame' },
  slow: { ...LISTED, delayMs: 60_000 },
  truncated: { fails: 'truncated' },
  'wrong id': { fails: 'wrong-id' },
  'wrong name': { fails: 'wrong-name' },
  garbage: { fails: 'garbage' },
  'aliases in a circle': { cname: 'circle.test' },
  'huge answers': {
    a: many(i => `192.0.2.${i % 256}`),
    mx: many(i => [i, `host${i}.test`] as const),
    ptr: many(i => `host${i}.test`),
  },
}

interface Policy {
  readonly plugin: Plugin
  readonly config: object
}

const POLICIES: Readonly<Record<string, Policy>> = {
  'reverse-dns': { plugin: reverseDns as unknown as Plugin, config: { require: 'confirmed' } },
  helo: { plugin: helo as unknown as Plugin, config: { rules: { unknown_name: 'reject' } } },
  'sender-domain': { plugin: senderDomain as unknown as Plugin, config: {} },
  dnsbl: {
    plugin: dnsbl as unknown as Plugin,
    config: { lists: [{ zone: 'bad.test', check: false }], reject_at: 1 },
  },
}

/** A host with so many addresses exists: that much is known. */
const KNOWN_ALL_THE_SAME = new Set(['helo/huge answers'])

for (const [trouble, entry] of Object.entries(TROUBLES)) {
  describe(`with ${trouble} in the name service`, () => {
    let server: DnsServer
    before(async () => {
      server = await startDnsServer({ '*': entry, 'circle.test': { cname: 'circle.test' } })
    })
    after(() => server.close())

    // Huge answers do come, so they are waited for; of everything else there is nothing to wait for.
    const [within, timeoutMs] = trouble === 'huge answers' ? ['30s', 15_000] : ['250ms', 80]
    const resolver = () => createResolver({ servers: [server.address], timeoutMs, tries: 1, clock: { now: Date.now } })

    async function ask(policy: Policy, whenUnknown: 'pass' | 'defer') {
      const dns = resolver()
      const log = rememberingLog()
      const config = { ...policy.config, within, when_unknown: whenUnknown }
      const { hooks, call, end } = await setUp(policy.plugin, { config, dns, log })
      const session = aSession({
        remote: { address: '44.0.0.9', port: 1 },
        helo: 'client.elsewhere.test',
        reverse: () => reverseName(dns, '44.0.0.9'),
      })
      const said = await wholeSession(hooks, session, call)
      await end()
      // A label tells other plugins something, and nobody else.
      const answers = said.answers.filter(answer => !answer.endsWith(' label'))
      return { ...said, answers, why: log.lines.filter(line => line.sentence === 'policy could not know') }
    }

    for (const [name, policy] of Object.entries(POLICIES)) {
      const known = KNOWN_ALL_THE_SAME.has(`${name}/${trouble}`)

      test(`${name} punishes nobody${known ? '' : ' and says why it could not know'}`, async () => {
        const { answers, findings, why } = await ask(policy, 'pass')
        assert.deepEqual(answers, [])
        assert.deepEqual(findings, [])
        assert.equal(why.length > 0, !known)
        for (const line of why) assert.ok(String(line.facts.why).length > 0)
      })

      test(`${name} with when_unknown: defer ${known ? 'has nothing to wait for' : 'puts off'}`, async () => {
        const { answers } = await ask(policy, 'defer')
        assert.deepEqual(answers, known ? [] : ['rcpt defer'])
      })
    }

    test('a list of dnsbl is not healthy', async () => {
      const [list] = termsOf({ ...LIST_TERMS, lists: [{ ...LIST, zone: 'bad.test' }] } as never, []).lists
      const { state } = await testList(resolver(), list!, 'ipv4', new AbortController().signal)
      assert.notEqual(state, 'healthy')
    })
  })
}

const LIST = {
  codes: {},
  refused: [],
  kind: 'block',
  holds: 'addresses',
  ipv4: true,
  ipv6: false,
  check: true,
  test: {},
}
const LIST_TERMS = { within: '1s', check_every: '1h', recheck: '1h', spare: [], exempt: [], relays: [], shorteners: [] }

/** Every objection as `moment kind`, and the findings. */
async function wholeSession(
  hooks: NonNullable<Contribution['hooks']>,
  session: Session,
  call: Parameters<NonNullable<(typeof hooks)['rcpt']>>[1],
) {
  const envelope = anEnvelope({ sender: { local: 'someone', domain: 'elsewhere.test' } })
  const recipient = { address: ALICE, dsn: { notify: [] } }
  const said = {
    connect: await hooks.connect?.({ session }, call),
    helo: await hooks.helo?.({ session, name: session.helo! }, call),
    mail: await hooks.mail?.({ session, envelope }, call),
    rcpt: await hooks.rcpt?.({ session, envelope, recipient }, call),
  }
  const found = await hooks.score?.({ session, envelope, message: aMessage('\n') }, call)
  const answers = Object.entries(said).flatMap(([moment, answer]) => (answer ? [`${moment} ${answer.kind}`] : []))
  return { answers, findings: Array.isArray(found) ? found : found ? [found] : [] }
}
