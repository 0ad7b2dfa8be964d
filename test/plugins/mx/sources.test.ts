/**
 * Pools of our own addresses: which mail goes out by which, under which name, and how many messages a new address may send on a day.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import type { Allowed, Job, Outcome, Wanted } from '../../../core/api/index.js'
import { aContext } from '../../../core/testing/context.js'
import { quietLog } from '../../../core/testing/index.js'
import { inOrder } from '../../../plugins/mx/hosts.js'
import { Pools } from '../../../plugins/mx/sources/pools.js'
import { limitOn, nextDay, readWarmUp, WarmUp } from '../../../plugins/mx/sources/warm-up.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** A sink that also notes where each connection comes from. */
async function sink(options: SinkOptions = {}): Promise<SmtpSink & { readonly from: string[] }> {
  const made = Object.assign(new SmtpSink(options), { from: [] as string[] })
  const server = createServer(socket => {
    made.from.push(socket.remoteAddress ?? '')
    made.adopt(socket)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  Object.defineProperty(made, 'port', { value: port })
  open.push(async () => {
    await made.stop()
    await new Promise(done => server.close(done))
  })
  return made
}

const DAY = Date.UTC(2026, 10, 10, 12)

async function rig(config: Parameters<typeof makeRig>[0], more: Parameters<typeof makeRig>[3] = {}): Promise<Rig> {
  const made = await makeRig(config, [], 'us.test', more)
  open.push(made.dispose)
  return made
}

const only = async (sent: Promise<readonly Outcome[]>): Promise<Outcome> => (await sent)[0]!
const to = (peer: SmtpSink) => ({ '*': `127.0.0.1:${peer.port}` })
const from = (more: Partial<Job>): Job => ({ ...makeJob(['b@them.test']), ...more })

describe('a pool', () => {
  test('sends from its address and under its name, and says so', async () => {
    const peer = await sink()
    const { deliver } = await rig({
      routes: to(peer),
      pools: { bulk: { sources: [{ address: '127.0.0.7', helo: 'out7.us.test', weight: 1 }] } },
      pool_rules: [{ pool: 'bulk' }],
    })
    const outcome = await only(deliver(makeJob(['b@them.test'])))
    assert.ok(outcome.kind === 'delivered')
    assert.equal(outcome.source, 'bulk: 127.0.0.7 (out7.us.test)')
    assert.deepEqual(peer.from, ['127.0.0.7'])
    assert.equal(peer.messages[0]?.helo, 'out7.us.test')
  })

  test('is told of refusals too', async () => {
    const peer = await sink({
      script: stage => (stage === 'connect' ? '554 5.7.1 your address is blocked' : undefined),
    })
    const { deliver } = await rig({
      routes: to(peer),
      pools: { bulk: { sources: [{ address: '127.0.0.7', weight: 1 }] } },
      pool_rules: [{ pool: 'bulk' }],
    })
    const outcome = await only(deliver(makeJob(['b@them.test'])))
    assert.equal('source' in outcome && outcome.source, 'bulk: 127.0.0.7 (us.test)')
  })

  test('goes on with the next source when an address is not ours', async () => {
    const peer = await sink()
    const { deliver, logged } = await rig({
      routes: to(peer),
      pools: {
        bulk: {
          sources: [
            { address: '192.0.2.7', weight: 1 },
            { address: '127.0.0.8', weight: 0 },
          ],
        },
      },
      pool_rules: [{ pool: 'bulk' }],
    })
    const outcome = await only(deliver(makeJob(['b@them.test'])))
    assert.equal(outcome.kind, 'delivered', JSON.stringify(outcome))
    assert.deepEqual(peer.from, ['127.0.0.8'])
    assert.ok(logged.some(({ sentence }) => sentence === 'cannot send from this source'))
  })

  test('does not try an address that is not ours with each message', async () => {
    const peer = await sink()
    const { deliver, logged } = await rig({
      routes: to(peer),
      pools: { bulk: { sources: [{ address: '192.0.2.7', weight: 1 }] } },
      pool_rules: [{ pool: 'bulk' }],
    })
    for (let count = 0; count < 3; count += 1) {
      const outcome = await only(deliver(makeJob(['b@them.test'])))
      assert.equal(outcome.kind, 'deferred')
      assert.match('text' in outcome ? outcome.text : '', /192\.0\.2\.7 is no address of this machine/)
    }
    assert.equal(logged.filter(({ sentence }) => sentence === 'cannot send from this source').length, 1)
  })

  test('does not send to IPv4 from a source that has only IPv6', async () => {
    const peer = await sink()
    const { deliver } = await rig({
      routes: to(peer),
      pools: { bulk: { sources: [{ address: '::1', weight: 1 }] } },
      pool_rules: [{ pool: 'bulk' }],
    })
    const outcome = await only(deliver(makeJob(['b@them.test'])))
    assert.equal(outcome.kind, 'deferred')
    assert.match('text' in outcome ? outcome.text : '', /no address of that family/)
    assert.equal('status' in outcome && outcome.status, '4.3.5', 'no word about the destination')
    assert.equal(peer.connections, 0)
  })

  test('keeps sessions apart by source', async () => {
    const peer = await sink()
    const sources = ['127.0.0.7', '127.0.0.8'].map(address => ({ address, weight: 1 }))
    const { deliver } = await rig({
      routes: to(peer),
      pools: { one: { sources: [sources[0]!] }, two: { sources: [sources[1]!] } },
      pool_rules: [{ from: ['one.test'], pool: 'one' }, { pool: 'two' }],
      keep_idle: '10s',
    })
    for (const domain of ['one.test', 'two.test', 'one.test', 'two.test'])
      await deliver(from({ sender: { local: 'a', domain } }))
    assert.deepEqual(peer.from, ['127.0.0.7', '127.0.0.8'])
    assert.equal(peer.messages.length, 4)
  })
})

describe('the pool of a message', () => {
  const source = (address: string) => ({ sources: [{ address, weight: 1 }] })
  const pools = new Pools(
    { bulk: source('192.0.2.1'), bounces: source('192.0.2.2'), big: source('192.0.2.3'), vip: source('192.0.2.4') },
    [
      { login: ['Alice'], pool: 'vip' },
      { to: ['big.test', '.big.test'], pool: 'big' },
      { class: ['bulk'], pool: 'bulk' },
      { from: ['.lists.test'], pool: 'bulk' },
      { from: ['<>'], pool: 'bounces' },
    ],
    'us.test',
  )
  const sender = (domain: string) => ({ sender: { local: 'a', domain } })
  for (const [what, domain, by, pool] of [
    ['a login', 'big.test', { ...sender('us.test'), login: 'alice' }, 'vip'],
    ['a recipient', 'mx.big.test', sender('us.test'), 'big'],
    ['a class', 'them.test', { ...sender('us.test'), senderClass: 'bulk' }, 'bulk'],
    ['a sender', 'them.test', sender('a.lists.test'), 'bulk'],
    ['nobody', 'them.test', { sender: null }, 'bounces'],
    ['anything else', 'them.test', sender('us.test'), undefined],
  ] as const) {
    test(`is found by ${what}`, () => {
      assert.equal(pools.choose(domain, undefined, by)?.pool.name, pool)
    })
  }

  for (const [what, make] of [
    ['a pool that is not there', () => new Pools({ bulk: source('192.0.2.1') }, [{ pool: 'blk' }], 'us.test')],
    ['what is no address', () => new Pools({ bulk: source('mail.test') }, [], 'us.test')],
    [
      'two addresses of a family',
      () => new Pools({ a: { sources: [{ address: ['192.0.2.1', '192.0.2.2'], weight: 1 }] } }, [], 'x'),
    ],
  ] as const) {
    test(`cannot be found with ${what}`, () => {
      assert.throws(make, /did you mean "bulk"|expected an IP address|one address of each family/)
    })
  }
})

describe('warm-up', () => {
  const plan = { since: '2026-11-10', per_day: [2, 5] }
  const two = (warm: object | undefined) => ({
    sources: [
      { address: '127.0.0.7', weight: 1, ...(warm === undefined ? {} : { warm_up: plan }) },
      { address: '127.0.0.8', weight: 0 },
    ],
  })

  for (const [day, limit] of [
    ['2026-11-09T23:59:59Z', 0],
    ['2026-11-10T00:00:00Z', 2],
    ['2026-11-11T23:00:00Z', 5],
    ['2026-11-12T00:00:00Z', undefined],
  ] as const) {
    test(`on ${day} allows ${limit ?? 'any number of'} messages`, () => {
      assert.equal(limitOn(readWarmUp(plan)!, Date.parse(day)), limit)
    })
  }

  test('gives the mail to the others when it is used up', async () => {
    const peer = await sink()
    const clock = { now: () => DAY }
    const config = { routes: to(peer), pools: { a: two({}) }, pool_rules: [{ pool: 'a' }] }
    const { deliver } = await rig(config, { clock })
    for (let count = 0; count < 4; count += 1) await deliver(makeJob(['b@them.test']))
    assert.deepEqual(peer.from, ['127.0.0.7', '127.0.0.7', '127.0.0.8', '127.0.0.8'])
  })

  test('is counted over all workers', async () => {
    const peer = await sink()
    const clock = { now: () => DAY }
    const { state } = aContext({})
    const config = { routes: to(peer), pools: { a: two({}) }, pool_rules: [{ pool: 'a' }] }
    const workers = [await rig(config, { clock, state }), await rig(config, { clock, state })]
    for (const worker of [...workers, ...workers]) await worker.deliver(makeJob(['b@them.test']))
    assert.deepEqual(peer.from, ['127.0.0.7', '127.0.0.7', '127.0.0.8', '127.0.0.8'])
  })

  test('of all sources used up puts the mail off till the next day, and says why', async () => {
    const peer = await sink()
    const clock = { now: () => DAY }
    const pools = { a: { sources: [{ address: '127.0.0.7', weight: 1, warm_up: plan }] } }
    const { deliver } = await rig({ routes: to(peer), pools, pool_rules: [{ pool: 'a' }] }, { clock })
    const outcomes: Outcome[] = []
    for (let count = 0; count < 3; count += 1) outcomes.push(await only(deliver(makeJob(['b@them.test']))))
    const last = outcomes.at(-1)!
    assert.ok(last.kind === 'deferred')
    assert.equal(
      last.text,
      'all sources of the pool "a" have sent what their warm-up allows for today: 127.0.0.7 (2 a day)',
    )
    assert.equal(last.untried, true)
    const wait = last.notBefore! - nextDay(DAY)
    assert.ok(wait >= 0 && wait <= 600_000)
    assert.equal(peer.messages.length, 2)
  })

  test('does not count what nobody took', async () => {
    const peer = await sink({ script: stage => (stage === 'mail' ? '451 4.3.0 not now' : undefined) })
    const clock = { now: () => DAY }
    const { deliver } = await rig({ routes: to(peer), pools: { a: two({}) }, pool_rules: [{ pool: 'a' }] }, { clock })
    for (let count = 0; count < 5; count += 1) await deliver(makeJob(['b@them.test']))
    assert.deepEqual(new Set(peer.from), new Set(['127.0.0.7']))
  })

  test('is never passed by those who ask at the same time', async () => {
    const { state } = aContext({})
    const warmUp = new WarmUp(state, { now: () => DAY })
    const [source] = new Pools({ a: two({}) }, [], 'us.test').all.get('a')!.sources
    const leaves = await Promise.all(Array.from({ length: 20 }, () => warmUp.ask(source!)))
    assert.equal(leaves.filter(({ kind }) => kind === 'granted').length, 2)
  })
})

describe('a limit of our own', () => {
  const pools = {
    bulk: {
      sources: [
        { address: '127.0.0.7', weight: 1 },
        { address: '127.0.0.8', weight: 0 },
      ],
    },
  }
  const clock = { now: () => DAY }
  const limited = (why: string, own: boolean): Allowed => ({
    ...{ granted: false, waitMs: 1000, why },
    ...(own ? { own: true } : {}),
  })
  type Allow = (wanted: Wanted, source?: string) => Allowed

  async function sent(peer: SmtpSink, allow: Allow, config: Partial<Parameters<typeof makeRig>[0]> = {}) {
    const { target } = await rig({ routes: to(peer), pools, pool_rules: [{ pool: 'bulk' }], ...config }, { clock })
    const asked: string[] = []
    const call = { signal: new AbortController().signal, log: quietLog }
    const outcomes = await target.deliver(makeJob(['b@them.test']), {
      ...call,
      allow: async (wanted, source) => {
        asked.push(`${wanted.kind} ${source}`)
        return allow(wanted, source)
      },
    })
    return { outcome: outcomes[0]!, asked }
  }

  test('is no attempt: nobody is connected to, and the mail is due when there is room', async () => {
    const peer = await sink()
    const { outcome } = await sent(peer, ({ kind }) => (kind === 'message' ? limited('full', true) : { granted: true }))
    assert.equal(peer.connections, 0)
    assert.deepEqual(outcome, {
      ...{ kind: 'deferred', row: 0, status: '4.4.5', text: 'full', notBefore: DAY + 1000, untried: true },
    })
  })

  test('on one source lets the mail go by the next', async () => {
    const peer = await sink()
    const { outcome } = await sent(peer, (_, source) =>
      source === '127.0.0.7' ? limited('full', true) : { granted: true },
    )
    assert.equal(outcome.kind, 'delivered', JSON.stringify(outcome))
    assert.deepEqual(peer.from, ['127.0.0.8'])
  })

  test('on the destination is one for all sources', async () => {
    const peer = await sink()
    const { asked } = await sent(peer, ({ kind }) =>
      kind === 'connection' ? limited('full', false) : { granted: true },
    )
    assert.deepEqual(asked, ['message 127.0.0.7', 'connection 127.0.0.7'])
  })

  test('is charged once for a message, and given back when it could not go', async () => {
    const used = { charged: 0, back: 0 }
    const note = () => {
      used.back += 1
    }
    const allow = ({ kind }: Wanted): Allowed => {
      if (kind !== 'message') return { granted: true }
      used.charged += 1
      return { granted: true, giveBack: async () => note() }
    }
    await sent(await sink(), allow)
    assert.deepEqual(used, { charged: 1, back: 0 })
    await sent(await sink({ script: stage => (stage === 'connect' ? '421 not now' : undefined) }), allow)
    assert.deepEqual(used, { charged: 2, back: 1 })
  })

  test('does not hide what a mail host has said in the same attempt', async () => {
    const peer = await sink({ script: stage => (stage === 'rcpt' ? '451 4.7.1 greylisted' : undefined) })
    let connections = 0
    const once = ({ kind }: Wanted): Allowed => {
      if (kind === 'connection') connections += 1
      return connections > 1 ? limited('full', true) : { granted: true }
    }
    const { outcome } = await sent(peer, once, {
      routes: { '*': { hosts: [`127.0.0.1:${peer.port}`, `127.0.0.2:${peer.port}`] } },
    })
    assert.ok(outcome.kind === 'deferred')
    assert.match(outcome.text, /greylisted/)
    assert.equal(outcome.untried, undefined)
    assert.equal(connections, 2)
  })
})

test('weights are shares, and what has none comes last', () => {
  let at = 0
  const draws = [0.5, 0.5, 0.1]
  const order = inOrder(
    [
      { name: 'never', weight: 0 },
      { name: 'light', weight: 1 },
      { name: 'heavy', weight: 9 },
    ],
    () => draws[at++ % 3]!,
  )
  assert.equal(order.at(-1)?.name, 'never')
  let heavy = 0
  for (let step = 0; step < 1000; step += 1) {
    const random = [((step * 7919) % 1000) / 1000, ((step * 104_729) % 1009) / 1009]
    let i = 0
    if (
      inOrder(
        [
          { name: 'light', weight: 1 },
          { name: 'heavy', weight: 9 },
        ],
        () => random[i++]!,
      )[0]?.name === 'heavy'
    )
      heavy += 1
  }
  assert.ok(heavy > 850 && heavy < 950, String(heavy))
})
