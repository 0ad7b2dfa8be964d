/**
 * Routes against real peers on loopback: LMTP, TLS that has to prove itself, logins, several hosts, and who a route is for.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import type { Outcome } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { digestsOf } from '../../../plugins/mx/routes/pin.js'
import { type DnsServer, startDnsServer, type Zones } from '../../harness/dns-server.js'
import { LmtpSink, type LmtpSinkOptions } from '../../harness/lmtp-sink.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig, type Rig } from './rig.js'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function sink(options: SinkOptions = {}): Promise<SmtpSink> {
  const made = await new SmtpSink(options).start()
  open.push(() => made.stop())
  return made
}

async function lmtp(options: LmtpSinkOptions = {}): Promise<LmtpSink> {
  const made = await new LmtpSink(options).start()
  open.push(() => made.stop())
  return made
}

async function rig(
  config: Parameters<typeof makeRig>[0],
  servers: readonly string[] = [],
  more: Parameters<typeof makeRig>[3] = {},
): Promise<Rig> {
  const made = await makeRig(config, servers, 'us.test', more)
  open.push(made.dispose)
  return made
}

async function dns(zones: Zones): Promise<DnsServer> {
  const made = await startDnsServer(zones)
  open.push(() => made.close())
  return made
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-routes-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind)
const textOf = (outcome: Outcome | undefined) => (outcome !== undefined && 'text' in outcome ? outcome.text : '')

describe('a route to LMTP', () => {
  test('over a Unix socket gets each recipient its own answer', async () => {
    const path = join(await folder(), 'lmtp')
    const peer = await lmtp({
      path,
      answer: to => (to.startsWith('full') ? '452 4.2.2 mailbox full' : '250 2.1.5 filed'),
    })
    const { deliver } = await rig({ routes: { 'them.test': `lmtp:unix:${path}` } })
    const outcomes = await deliver(makeJob(['a@them.test', 'full@them.test', 'c@them.test']))
    assert.deepEqual(
      outcomes.toSorted((a, b) => a.row - b.row).map(({ kind }) => kind),
      ['delivered', 'deferred', 'delivered'],
    )
    const first = outcomes.find(({ row }) => row === 0)
    assert.ok(first?.kind === 'delivered')
    assert.equal(first.remote, `unix:${path}`)
    assert.equal(first.security, 'over a Unix socket')
    assert.equal(peer.commands[0], 'LHLO us.test')
    assert.match(peer.messages[0]!.data, /\.dot at the start\r\n\.\.two/)
  })

  test('settles who was answered and leaves the rest unknown when the connection ends between the answers', async () => {
    const peer = await lmtp({
      answer: to => (to.startsWith('c') ? 'drop' : to.startsWith('b') ? '550 5.1.1 no' : '250 ok'),
    })
    const other = await lmtp()
    const hosts = [`127.0.0.1:${peer.port}`, `127.0.0.1:${other.port}`]
    const { deliver } = await rig({ routes: { 'them.test': { protocol: 'lmtp', hosts } } })
    const outcomes = await deliver(makeJob(['a@them.test', 'b@them.test', 'c@them.test', 'd@them.test']))
    const byRow = outcomes.toSorted((a, b) => a.row - b.row)
    assert.deepEqual(kinds(byRow), ['delivered', 'failed', 'deferred', 'deferred'])
    for (const row of [2, 3]) assert.match(textOf(byRow[row]), /did not say whether it took the message/)
    assert.equal(other.connections, 0, 'another host would make a second copy')
  })

  test('gives recipients that are refused at RCPT no answer of others', async () => {
    const peer = await lmtp({ rcpt: to => (to.startsWith('a') ? '550 5.1.1 nobody' : undefined) })
    const { deliver } = await rig({ routes: { 'them.test': `lmtp:127.0.0.1:${peer.port}` } })
    const outcomes = await deliver(makeJob(['a@them.test', 'b@them.test']))
    assert.deepEqual(kinds(outcomes.toSorted((x, y) => x.row - y.row)), ['failed', 'delivered'])
    assert.deepEqual(peer.messages[0]!.recipients, ['b@them.test'])
  })
})

describe('hosts of a route', () => {
  test('come in their order, and the next one when one is down', async () => {
    const second = await sink()
    const closed = await sink()
    await closed.stop()
    const { deliver } = await rig({
      routes: { '*': { hosts: [`127.0.0.1:${closed.port}`, { host: '127.0.0.1', port: second.port }] } },
    })
    assert.deepEqual(kinds(await deliver(makeJob(['b@them.test']))), ['delivered'])
    assert.equal(second.messages.length, 1)
  })

  test('that are domains have their own mail hosts looked up, and may be private', async () => {
    const peer = await sink()
    const names = await dns({ 'hub.test': { mx: [[10, 'mx.hub.test']] }, 'mx.hub.test': { a: ['127.0.0.1'] } })
    const routes = { 'them.test': { hosts: ['hub.test'], mx: true, port: peer.port } }
    const { deliver } = await rig({ routes, allow_private: false }, [names.address])
    assert.deepEqual(kinds(await deliver(makeJob(['b@them.test']))), ['delivered'])
    assert.equal(peer.messages.length, 1)
  })

  test('that lead nowhere put the mail off, and say which route it is', async () => {
    const names = await dns({})
    const { deliver } = await rig({ routes: { 'them.test': { hosts: ['hub.test'], mx: true } } }, [names.address])
    const [outcome] = await deliver(makeJob(['b@them.test']))
    assert.equal(outcome?.kind, 'deferred', JSON.stringify(outcome))
  })
})

describe('a route for certain senders', () => {
  for (const [what, sender, login, port] of [
    ['an address', 'news@us.test', undefined, 'news'],
    ['a subdomain', 'x@a.lists.test', undefined, 'lists'],
    ['a login', 'x@us.test', 'Alice', 'alice'],
    ['nobody', null, undefined, 'bounces'],
    ['anybody else', 'x@us.test', undefined, 'rest'],
    ['another login', 'x@us.test', 'bob', 'rest'],
  ] as const) {
    test(`is taken by mail of ${what}`, async () => {
      const { target } = await rig({
        routes: {
          '*': [
            { from: ['news@us.test'], hosts: ['news.test:25'] },
            { from: ['.lists.test'], hosts: ['lists.test:25'] },
            { from: ['<>'], hosts: ['bounces.test:25'] },
            { login: ['alice'], hosts: ['alice.test:25'] },
            'rest.test:25',
          ],
        },
      })
      const address = sender === null ? null : { local: sender.split('@')[0]!, domain: sender.split('@')[1]! }
      const by = { sender: address, ...(login === undefined ? {} : { login }) }
      assert.equal(target.lane({ local: 'b', domain: 'them.test' }, by), `${port}.test:25`)
    })
  }

  test('leaves others to the next less special route', async () => {
    const { target } = await rig({
      routes: { 'them.test': [{ from: ['news.test'], hosts: ['news.test:25'] }], '*': 'rest.test:25' },
    })
    const by = { sender: { local: 'x', domain: 'us.test' } }
    assert.equal(target.lane({ local: 'b', domain: 'them.test' }, by), 'rest.test:25')
  })

  test('without hosts leaves the mail hosts of the domain as they are', async () => {
    const { target } = await rig({ routes: { 'them.test': { tls: 'required' } } })
    assert.equal(target.lane({ local: 'b', domain: 'them.test' }), 'them.test')
  })
})

describe('TLS that a route asks for', () => {
  const { certificate: cert, key } = selfSigned({ names: ['smart.test'], now: Date.now() })
  const digests = digestsOf(new X509Certificate(cert))
  const spki = `sha256//${digests.key.toString('base64')}`
  const wrong = `sha256//${Buffer.alloc(32).toString('base64')}`

  async function through(route: object, options: SinkOptions = { tls: { cert, key } }) {
    const peer = await sink(options)
    const names = await dns({ 'smart.test': { a: ['127.0.0.1'] }, 'other.test': { a: ['127.0.0.1'] } })
    const ca = join(await folder(), 'ca.pem')
    await writeFile(ca, cert)
    const given = JSON.parse(JSON.stringify(route).replaceAll('$CA', ca)) as { hosts?: string[] }
    const hosts = given.hosts?.map(host => `${host}:${peer.port}`) ?? [`smart.test:${peer.port}`]
    const { deliver } = await rig({ routes: { '*': { ...given, hosts } } }, [names.address])
    const [outcome] = await deliver(makeJob(['b@them.test']))
    return { outcome: outcome!, peer }
  }

  for (const [what, route, security] of [
    ['by its authority and name', { ca: '$CA' }, 'TLS 1.3, verified by its certificate as the route asks'],
    [
      'by another name',
      { ca: '$CA', hosts: ['other.test'], server_name: 'smart.test' },
      'TLS 1.3, verified by its certificate as the route asks',
    ],
    ['by its key', { pin: [wrong, spki] }, 'TLS 1.3, verified by its pinned key as the route asks'],
    [
      'by its certificate',
      { pin: [digests.certificate.toString('hex')] },
      'TLS 1.3, verified by its pinned key as the route asks',
    ],
    [
      'by its key, whatever it is called',
      { pin: [spki], hosts: ['other.test'] },
      'TLS 1.3, verified by its pinned key as the route asks',
    ],
  ] as const) {
    test(`is given to a host that proves itself ${what}`, async () => {
      const { outcome } = await through(route)
      assert.ok(outcome.kind === 'delivered', JSON.stringify(outcome))
      assert.equal(outcome.security, security)
    })
  }

  for (const [what, route, why] of [
    ['an unknown authority', { tls: 'verified' }, /proves nothing/],
    ['another name', { ca: '$CA', hosts: ['other.test'] }, /proves nothing/],
    ['another key', { pin: [wrong] }, /its key sha256\/\/.* is not the one that is pinned/],
  ] as const) {
    test(`keeps the mail from a host with ${what}`, async () => {
      const { outcome, peer } = await through(route)
      assert.equal(outcome.kind, 'deferred', JSON.stringify(outcome))
      assert.match(textOf(outcome), why)
      assert.equal(peer.messages.length, 0)
    })
  }

  test('keeps the mail from a host without TLS', async () => {
    const { outcome, peer } = await through({ tls: 'required' }, {})
    assert.equal(outcome.kind, 'deferred')
    assert.equal(peer.messages.length, 0)
  })

  test('may be none at all', async () => {
    const { outcome, peer } = await through({ tls: 'none' })
    assert.equal(outcome.kind, 'delivered')
    assert.equal(peer.messages[0]?.tls, false)
  })

  test('may begin with the first octet', async () => {
    const peer = new SmtpSink()
    const server = createTlsServer({ cert, key }, socket => peer.adopt(socket))
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    open.push(() => new Promise<void>(done => void server.close(() => done())))
    const { port } = server.address() as { port: number }
    const { deliver } = await rig({
      routes: { '*': { hosts: [`127.0.0.1:${port}`], implicit_tls: true, pin: [spki] } },
    })
    const [outcome] = await deliver(makeJob(['b@them.test']))
    assert.ok(outcome?.kind === 'delivered', JSON.stringify(outcome))
    assert.equal(outcome.tls, 'TLSv1.3')
    assert.equal(peer.messages.length, 1)
  })
})
