/** What the mx target says it would do: it is what it does. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Explanation } from '../../../core/api/index.js'
import { startDnsServer } from '../../harness/dns-server.js'
import { makeRig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function explained(
  domain: string,
  config: Parameters<typeof makeRig>[0] = {},
  sender = 'us.test',
): Promise<Explanation> {
  const dns = await startDnsServer({
    'them.test': {
      mx: [
        [20, 'second.test'],
        [10, 'first.test'],
      ],
    },
    'first.test': { aaaa: ['2606:4700::1'], a: ['8.8.8.8'] },
    'second.test': { a: ['10.0.0.1'] },
    'null.test': { mx: [[0, '']] },
    'back.test': { mx: [[10, 'ours.test']] },
    'ours.test': { a: ['9.9.9.9'] },
  })
  open.push(() => dns.close())
  const rig = await makeRig({ allow_private: false, ...config }, [dns.address], 'us.test', { doors: ['9.9.9.9:25'] })
  open.push(rig.dispose)
  const by = { sender: { local: 'a', domain: sender } }
  return rig.target.explain!({ local: 'b', domain }, by, new AbortController().signal)
}

describe('the explanation of a way', () => {
  test('by MX names hosts, addresses and what is wrong with them', async () => {
    const said = await explained('them.test')
    assert.equal(said.because, 'MX of them.test')
    assert.equal(said.lane, 'them.test')
    assert.deepEqual(
      said.hosts.map(({ name, port, preference, addresses, trouble }) => ({
        name,
        port,
        preference,
        addresses,
        trouble,
      })),
      [
        { name: 'first.test', port: 25, preference: 10, addresses: ['2606:4700::1', '8.8.8.8'], trouble: undefined },
        {
          name: 'second.test',
          port: 25,
          preference: 20,
          addresses: [],
          trouble: 'only private addresses, and allow_private is not set',
        },
      ],
    )
    assert.match(said.hosts[0]!.security, /^TLS when offered, not proven; them\.test has no MTA-STS policy/)
  })

  test('says why there is none', async () => {
    assert.equal((await explained('null.test')).trouble, '5.1.10 null.test does not accept mail (null MX)')
    assert.match((await explained('back.test')).hosts[0]!.trouble ?? '', /it is this server/)
  })

  test('by a route names it with its place, its login and pool, and no secret', async () => {
    const said = await explained('them.test', {
      routes: {
        '*': [
          { from: ['lists.test'], hosts: ['lists.test:26'] },
          {
            hosts: ['smart.test'],
            port: 587,
            auth: { user: 'relay', password: 'open sesame' },
            pool: 'bulk',
          },
        ],
      },
      pools: { bulk: { sources: [{ address: '192.0.2.7', helo: 'out.us.test', weight: 1 }] } },
    })
    assert.equal(said.because, 'route "*"[1] (routes.*.1:1:1)')
    assert.equal(said.lane, 'smart.test:587')
    assert.equal(said.login, 'relay')
    assert.deepEqual(said.pool, { name: 'bulk', because: said.because, sources: ['bulk: 192.0.2.7 (out.us.test)'] })
    assert.equal(said.hosts[0]!.trouble, 'it has no address')
    assert.match(said.hosts[0]!.security, /^TLS required and proven: the route asks/)
    assert.ok(!JSON.stringify(said).includes('sesame'))
  })

  test('to LMTP over a Unix socket', async () => {
    const said = await explained('them.test', { routes: { 'them.test': 'lmtp:unix:/run/lmtp' } })
    assert.equal(said.protocol, 'lmtp')
    assert.deepEqual(said.hosts, [{ name: '/run/lmtp', addresses: [], security: 'a Unix socket' }])
  })
})
