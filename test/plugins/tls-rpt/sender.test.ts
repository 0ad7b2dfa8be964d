/** When reports leave, where to, and how often: once, as far as that is in our hands. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Mailer, OwnMail } from '../../../core/api/index.js'
import { aContext } from '../../../core/testing/context.js'
import { type SenderParts, senderOf } from '../../../plugins/tls-rpt/sender.js'
import { Tally } from '../../../plugins/tls-rpt/tally.js'
import { certify } from '../../harness/authority.js'
import { fakeDns } from '../../harness/fake-dns.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOON = Date.parse('2026-11-21T12:00:00Z')
const MIDNIGHT = Date.parse('2026-11-22T00:00:00Z')
const ROOT = certify({ commonName: 'Root', authority: true })
const HOST = certify({ commonName: 'rua', names: ['rua.them.test'], by: ROOT })
const POLICY = { kind: 'no-policy-found', lines: [], hosts: [] } as const

const open: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

type Zone = Record<string, { readonly txt?: readonly string[]; readonly a?: readonly string[] } | 'trouble'>

/** Results of the 21st are counted for these domains; the clock stands at noon of that day. */
async function makeWorld(records: Zone, more: Partial<SenderParts> = {}) {
  const time = { now: NOON }
  const clock = { now: () => time.now }
  const { state, log, metrics } = aContext({})
  const tally = new Tally({ state, clock, log, metrics })
  const names = Object.keys(records).flatMap(name => /^_smtp\._tls\.(.*)$/.exec(name)?.[1] ?? [])
  for (const domain of names) tally.note({ domain, policy: POLICY })
  await tally.flush()
  const sent: OwnMail[] = []
  const mailer: Mailer = { send: async mail => `${sent.push(mail)}` }
  const zone: Zone = { ...records }
  const parts: SenderParts = {
    ...{ state, clock, log, metrics, mailer },
    dns: {
      ...fakeDns({}),
      txt: async name => {
        const entry = zone[name]
        if (entry === 'trouble') throw new Error('SERVFAIL')
        return entry?.txt ?? []
      },
      a: async name => {
        const entry = zone[name]
        return entry === undefined || entry === 'trouble' ? [] : (entry.a ?? [])
      },
    },
    from: { local: 'tls', domain: 'us.test' },
    organization: 'Us',
    spreadMs: 4 * HOUR_MS,
    posting: { allowPrivate: true, ca: ROOT.cert, timeoutMs: 2000 },
    server: 'mail.us.test',
    signal: new AbortController().signal,
    ...more,
  }
  const at = async (ms: number, sender = senderOf(parts)) => {
    time.now = ms
    await sender.look()
  }
  return { sent, state, zone, parts, at, domains: () => sent.map(mail => mail.to.domain) }
}

const record = (rua: string) => ({ txt: [`v=TLSRPTv1; rua=${rua}`] })

interface Posted {
  readonly path: string | undefined
  readonly type: string | undefined
  readonly body: Buffer
}

async function receiver(answer = 201): Promise<{ readonly port: number; readonly posted: Posted[] }> {
  const posted: Posted[] = []
  const server: Server = createServer({ cert: HOST.cert + ROOT.cert, key: HOST.key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      posted.push({ path: request.url, type: request.headers['content-type'], body: Buffer.concat(chunks) })
      response.writeHead(answer, { location: 'https://127.0.0.1:1/' }).end('thanks')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port, posted }
}

describe('a report', () => {
  test('leaves once, when the day is over, at some moment of the spread', async () => {
    const { sent, at } = await makeWorld({ '_smtp._tls.them.test': record('mailto:rua@them.test') })
    await at(MIDNIGHT - 1)
    await at(MIDNIGHT + 1)
    assert.equal(sent.length, 0)
    for (const hour of [5, 6, 7, 20]) await at(MIDNIGHT + hour * HOUR_MS)
    assert.equal(sent.length, 1)
    const [mail] = sent
    assert.deepEqual([mail?.to, mail?.sender], [{ local: 'rua', domain: 'them.test' }, null])
    assert.match(mail?.bytes.toString() ?? '', /^Subject: Report Domain: them\.test/m)
  })

  test('is sent by one of two workers', async () => {
    const { sent, at, parts } = await makeWorld({ '_smtp._tls.them.test': record('mailto:rua@them.test') })
    await Promise.all([at(MIDNIGHT + 5 * HOUR_MS), at(MIDNIGHT + 5 * HOUR_MS, senderOf(parts))])
    assert.equal(sent.length, 1)
  })

  test('that a crash has come between is sent again under the same id', async () => {
    const { sent, at, state } = await makeWorld({ '_smtp._tls.them.test': record('mailto:rua@them.test') })
    await at(MIDNIGHT + 5 * HOUR_MS)
    // As if it had not been noted.
    for (const key of ['told/2026-11-21/them.test', 'done/2026-11-21']) assert.ok(await state.remove(key), key)
    await at(MIDNIGHT + 6 * HOUR_MS)
    const [first, second, ...more] = sent.map(mail => /^Message-ID: (.*)$/m.exec(mail.bytes.toString())?.[1])
    assert.equal(first, second)
    assert.ok(first !== undefined && more.length === 0)
  })

  test('is not sent to who wants none, and they are asked once', async () => {
    const { sent, at, state } = await makeWorld({ '_smtp._tls.them.test': { txt: ['v=spf1 -all'] } })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.equal(sent.length, 0)
    assert.equal(await state.get('told/2026-11-21/them.test', NOON), 'unwanted')
  })

  test('waits where the name service has trouble, longer each time, and is given up after a day', async () => {
    const { domains, at, zone } = await makeWorld({
      '_smtp._tls.a.test': 'trouble',
      '_smtp._tls.b.test': record('mailto:rua@b.test'),
      '_smtp._tls.c.test': 'trouble',
    })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.deepEqual(domains(), ['b.test'])
    zone['_smtp._tls.a.test'] = record('mailto:rua@a.test')
    await at(MIDNIGHT + 5 * HOUR_MS + 60_000)
    assert.deepEqual(domains(), ['b.test'])
    await at(MIDNIGHT + 6 * HOUR_MS)
    assert.deepEqual(domains(), ['b.test', 'a.test'])
    zone['_smtp._tls.c.test'] = record('mailto:rua@c.test')
    await at(MIDNIGHT + DAY_MS + 5 * HOUR_MS)
    assert.deepEqual(domains(), ['b.test', 'a.test'])
  })

  test('is sent although another one cannot be', async () => {
    const mails: OwnMail[] = []
    const mailer: Mailer = {
      async send(mail) {
        if (mail.to.domain === 'a.test') throw new Error('disk full')
        mails.push(mail)
        return mail.to.domain === 'b.test' ? undefined : 'id'
      },
    }
    const zone = Object.fromEntries(
      ['a', 'b', 'c'].map(name => [`_smtp._tls.${name}.test`, record(`mailto:r@${name}.test`)]),
    )
    const { at, state } = await makeWorld(zone, { mailer })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.deepEqual(
      mails.map(({ to }) => to.domain),
      ['b.test', 'c.test'],
    )
    assert.equal((await state.list('wait/', NOON)).length, 2)
  })
})

describe('many reports', () => {
  const zoneOf = (names: readonly string[]) =>
    Object.fromEntries(names.map(name => [`_smtp._tls.${name}.test`, record(`mailto:r@${name}.test`)]))
  const LETTERS = [...'abcdefghij']

  test('do not wait for one that is slow', async () => {
    let release: (id: string) => void = () => undefined
    const mailer: Mailer = {
      send({ to }) {
        if (to.domain === 'a.test') return new Promise<string>(resolve => (release = resolve))
        if (to.domain === 'j.test') release('id')
        return Promise.resolve('id')
      },
    }
    const { at, state } = await makeWorld(zoneOf(LETTERS), { mailer })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.equal((await state.list('told/', NOON)).length, 10)
  })

  test('are not sent on when their time is over meanwhile', async () => {
    let taken = 0
    const clock = { now: () => (taken === 0 ? MIDNIGHT + 5 * HOUR_MS : MIDNIGHT + 2 * DAY_MS) }
    const mailer: Mailer = { send: async () => `${++taken}` }
    const { at } = await makeWorld(zoneOf(LETTERS), { mailer, clock })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.ok(taken > 0 && taken < 10, `${taken} were sent`)
  })

  test('are offered to the first three places of a domain, and no more at a time', async () => {
    const asked: string[] = []
    const mailer: Mailer = { send: async ({ to }) => void asked.push(to.local) }
    const rua = LETTERS.map(name => `mailto:${name}@them.test`).join(',')
    const { at } = await makeWorld({ '_smtp._tls.them.test': record(rua) }, { mailer })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.deepEqual(asked, ['a', 'b', 'c'])
  })
})

describe('a report that is posted', () => {
  test('goes to the very URL, packed', async () => {
    const { port, posted } = await receiver()
    const { at, sent } = await makeWorld({
      '_smtp._tls.them.test': record(`https://rua.them.test:${port}/v1/tlsrpt?x=1,mailto:rua@them.test`),
      'rua.them.test': { a: ['127.0.0.1'] },
    })
    await at(MIDNIGHT + 5 * HOUR_MS)
    assert.deepEqual([posted.length, sent.length], [1, 0])
    assert.deepEqual([posted[0]?.path, posted[0]?.type], ['/v1/tlsrpt?x=1', 'application/tlsrpt+gzip'])
    assert.match(gunzipSync(posted[0]!.body).toString(), /"policy-domain":"them\.test"/)
  })

  for (const [what, answer, name, address, allowPrivate] of [
    ['is refused', 403, 'rua.them.test', '127.0.0.1', true],
    ['is sent elsewhere', 302, 'rua.them.test', '127.0.0.1', true],
    ['comes to a host with another name', 201, 'other.them.test', '127.0.0.1', true],
    ['would go to our own network', 201, 'rua.them.test', '127.0.0.1', false],
    ['would go to our own network by its address', 201, '127.0.0.1', '127.0.0.1', false],
    ['has nowhere to go', 201, 'rua.them.test', undefined, true],
  ] as const)
    test(`and ${what} goes by mail instead`, async () => {
      const { port, posted } = await receiver(answer)
      const { at, sent } = await makeWorld(
        {
          '_smtp._tls.them.test': record(`https://${name}:${port}/,mailto:rua@them.test`),
          [name]: { a: address === undefined ? [] : [address] },
        },
        { posting: { allowPrivate, ca: ROOT.cert, timeoutMs: 2000 } },
      )
      await at(MIDNIGHT + 5 * HOUR_MS)
      assert.equal(sent.length, 1)
      assert.equal(posted.length, answer === 201 ? 0 : 1)
    })
})
