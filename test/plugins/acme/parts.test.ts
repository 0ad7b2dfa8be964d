/** When it orders and when not, what becomes of failures, and what the responders let out. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import type { Connection, Notice } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { readCertificate } from '../../../core/text/index.js'
import { alpnAnswer } from '../../../plugins/acme/authority.js'
import { ComeLater } from '../../../plugins/acme/come-later.js'
import { Drawer } from '../../../plugins/acme/drawer.js'
import { type RenewalParts, renew } from '../../../plugins/acme/renewal.js'
import { alpnResponder, httpResponder } from '../../../plugins/acme/responder.js'
import { dueFor, renewAt, retryWait } from '../../../plugins/acme/schedule.js'
import { type Settings, settingsOf } from '../../../plugins/acme/settings.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { type RememberingLog, rememberingLog } from '../../harness/log.js'

const DAY = 86_400_000
const HOUR = 3_600_000
const NOW = Date.now()
const NAMES = ['mail.example.test', 'imap.example.test']

const SETTINGS: Settings = {
  directory: 'https://ca.test/dir',
  email: undefined,
  names: NAMES,
  challenge: 'http-01',
  listen: ['127.0.0.1:0'],
  keyType: 'ecdsa',
  ca: undefined,
}

for (const [life, earliest, latest] of [
  [90, 55, 60],
  [365, 315, 335],
  [47, 28, 32],
  [6, 3.6, 4],
] as const) {
  test(`of ${life} days it is renewed between day ${earliest} and ${latest}`, () => {
    for (const fingerprint of ['a', 'b', 'c', 'd']) {
      const at = renewAt({ from: 0, until: life * DAY, fingerprint }) / DAY
      assert.ok(at >= earliest && at <= latest, String(at))
    }
  })
}

for (const [failures, least, most] of [
  [1, 0.25, 0.3125],
  [3, 1, 1.25],
  [7, 24, 30],
  [99, 24, 30],
] as const) {
  test(`after ${failures} failures the next attempt is ${least} to ${most} hours away`, () => {
    assert.deepEqual([retryWait(failures, 0) / HOUR, retryWait(failures, 1) / HOUR], [least, most])
  })
}

test('one is due when there is none, for other names, from another authority, and in time', () => {
  const facts = readCertificate(selfSigned({ names: NAMES, now: NOW, years: 1 }).certificate)!
  const held = { facts, directory: 'https://ca.test/dir' }
  const wanted = { names: NAMES, directory: 'https://ca.test/dir' }
  assert.equal(dueFor(undefined, wanted, NOW), 'none')
  assert.equal(dueFor(held, wanted, NOW), undefined)
  assert.equal(dueFor(held, { ...wanted, names: [...NAMES, 'new.example.test'] }, NOW), 'names')
  assert.equal(dueFor(held, { ...wanted, names: [NAMES[1]!] }, NOW), undefined)
  assert.equal(dueFor(held, { ...wanted, directory: 'https://other.test/' }, NOW), 'directory')
  assert.equal(dueFor(held, wanted, NOW + 340 * DAY), 'time')
})

interface Rig {
  readonly parts: RenewalParts
  readonly drawer: Drawer
  readonly dir: string
  readonly log: RememberingLog
  readonly told: Notice[]
  now: number
  orders: number
  ready: number
  answer: () => Promise<string>
}

async function rig(t: TestContext): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-acme-'))
  t.after(() => rm(dir, { recursive: true }))
  const log = rememberingLog()
  const drawer = new Drawer(dir)
  const told: Notice[] = []
  const made = selfSigned({ names: NAMES, now: NOW, years: 1 })
  const it: Rig = {
    dir,
    drawer,
    log,
    told,
    now: NOW,
    orders: 0,
    ready: 0,
    answer: async () => `${made.key}${made.certificate}`,
    parts: {
      settings: SETTINGS,
      drawer,
      state: createMemoryState(),
      log,
      metrics: { count: () => undefined, observe: () => undefined },
      notifier: {
        async tell(notice) {
          return told.push(notice) > 0
        },
      },
      clock: { now: () => it.now },
      order: () => {
        it.orders++
        return it.answer()
      },
      ready: () => {
        it.ready++
      },
      signal: new AbortController().signal,
      random: () => 0,
    },
  }
  return it
}

test('it orders once, keeps it for the owner alone, and not again until it is time', async t => {
  const it = await rig(t)
  assert.equal((await renew(it.parts, false)).kind, 'done')
  assert.equal((await renew(it.parts, false)).kind, 'not due')
  assert.equal((await stat(it.drawer.issuedPath(NAMES[0]!))).mode & 0o777, 0o600)
  it.now += 340 * DAY
  assert.equal((await renew(it.parts, false)).kind, 'done')
  assert.deepEqual([it.orders, it.ready], [2, 2])
})

test('of two that look at the same time one orders', async t => {
  const it = await rig(t)
  const kinds = await Promise.all([renew(it.parts, false), renew(it.parts, false)])
  assert.deepEqual(kinds.map(({ kind }) => kind).sort(), ['busy', 'done'])
  assert.equal(it.orders, 1)
})

test('after a failure it waits, longer each time, and people are told from the second on; what is there stays', async t => {
  const it = await rig(t)
  await renew(it.parts, false)
  const kept = await it.drawer.issued(NAMES[0]!)
  it.now += 340 * DAY
  it.answer = () => Promise.reject(new Error('too many certificates\u0007 already'))
  assert.equal((await renew(it.parts, false)).kind, 'failed')
  assert.deepEqual(await renew(it.parts, false), { kind: 'waits', until: it.now + 0.25 * HOUR })
  assert.equal(it.told.length, 0)
  it.now += 0.25 * HOUR
  assert.equal((await renew(it.parts, false)).kind, 'failed')
  assert.deepEqual(await renew(it.parts, false), { kind: 'waits', until: it.now + 0.5 * HOUR })
  assert.match(it.told[0]?.text ?? '', /2 times in a row.\nThe last answer was: too many certificates.? already/)
  assert.equal(await it.drawer.issued(NAMES[0]!), kept)
  assert.ok(it.log.lines.some(line => line.level === 'error' && /could not be ordered/.test(line.sentence)))
  // a person may be in a hurry
  assert.equal((await renew(it.parts, true)).kind, 'failed')
})

for (const [what, answer] of [
  ['nonsense', async () => 'nonsense'],
  [
    'the key of another',
    async () => selfSigned({ names: NAMES, now: NOW }).key + selfSigned({ names: NAMES, now: NOW }).certificate,
  ],
  [
    'other names',
    async () => {
      const { key, certificate } = selfSigned({ names: ['other.test'], now: NOW })
      return key + certificate
    },
  ],
  [
    'an issuer that is none behind a good certificate',
    async () => {
      const { key, certificate } = selfSigned({ names: NAMES, now: NOW })
      return `${key}${certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`
    },
  ],
  [
    'one that has run out',
    async () => {
      const { key, certificate } = selfSigned({ names: NAMES, now: NOW - 400 * DAY, years: 1 })
      return key + certificate
    },
  ],
] as const) {
  test(`an authority that sends ${what} changes nothing`, async t => {
    const it = await rig(t)
    it.answer = answer
    assert.equal((await renew(it.parts, false)).kind, 'failed')
    assert.equal(await it.drawer.issued(NAMES[0]!), undefined)
    assert.equal(it.ready, 0)
  })
}

test('one that is due again as soon as it comes is taken, and not ordered again every minute', async t => {
  const it = await rig(t)
  const old = selfSigned({ names: NAMES, now: NOW - 350 * DAY, years: 1 })
  it.answer = async () => old.key + old.certificate
  assert.equal((await renew(it.parts, false)).kind, 'done')
  assert.equal(it.ready, 1)
  assert.deepEqual(await renew(it.parts, false), { kind: 'waits', until: it.now + 0.25 * HOUR })
  it.now += 0.25 * HOUR
  assert.equal((await renew(it.parts, false)).kind, 'done')
  assert.deepEqual(await renew(it.parts, false), { kind: 'waits', until: it.now + 0.5 * HOUR })
  assert.equal(it.orders, 2)
})

for (const [asked, waits] of [
  [5, 0.25],
  [3 * 3600, 3],
  [30 * 86_400, 24],
] as const) {
  test(`an authority that wants ${asked} s of rest is asked again after ${waits} hours`, async t => {
    const it = await rig(t)
    it.answer = () => Promise.reject(new ComeLater('too many certificates', asked * 1000))
    assert.equal((await renew(it.parts, false)).kind, 'failed')
    assert.deepEqual(await renew(it.parts, false), { kind: 'waits', until: it.now + waits * HOUR })
  })
}

test('without agreement there is no start, and the server gives its own name', () => {
  const config = {
    directory: 'https://ca.test/',
    agree: false,
    challenge: 'http-01',
    listen: ['127.0.0.1:1'],
    key_type: 'rsa',
  } as const
  const around = {
    serverName: 'Mail.example.test',
    configDir: '/nowhere',
    fault: (path: readonly (string | number)[], message: string) => ({
      file: path.join('.'),
      line: 1,
      column: 1,
      message,
    }),
  }
  assert.throws(() => settingsOf(config, around), /agree:1:1: without your agreement/)
  assert.deepEqual(settingsOf({ ...config, agree: true }, around).names, ['mail.example.test'])
  const names = ['M\u00fcnchen.example.test', 'mail.example.test.', 'xn--mnchen-3ya.example.test', 'MAIL.example.test']
  // RFC 5280 §7.2: as they stand in a certificate
  assert.deepEqual(settingsOf({ ...config, agree: true, names }, around).names, [
    'xn--mnchen-3ya.example.test',
    'mail.example.test',
  ])
  assert.throws(
    () => settingsOf({ ...config, agree: true, ca: 'gone.pem' }, around),
    /ca:1:1: there is no file gone\.pem/,
  )
})

test('tokens that are no file names are refused, old answers are swept', async t => {
  const { drawer, dir } = await rig(t)
  for (const name of ['../x', '', '.x', 'a/b', 'x'.repeat(300)]) {
    await assert.rejects(drawer.putAnswer(name, 'x'))
    assert.equal(await drawer.answer(name), undefined)
  }
  await drawer.putAnswer('old', 'x')
  await drawer.putAnswer('new', 'y')
  const answers = join(dir, 'tls/acme/answers')
  await utimes(join(answers, 'old'), new Date(NOW - 3 * DAY), new Date(NOW - 3 * DAY))
  await mkdir(join(dir, 'tls/issued'), { recursive: true })
  await drawer.sweep(NOW)
  assert.deepEqual(await readdir(answers), ['new'])
})

/** A door without core: the socket as the plugin gets it. */
async function door(
  t: TestContext,
  serve: (connection: Connection) => Promise<void>,
): Promise<{ port: number; drain: AbortController }> {
  const drain = new AbortController()
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => undefined)
    const peer = { remote: { address: '127.0.0.1', port: 1 } }
    void serve({ socket, signal: drain.signal, peer } as unknown as Connection)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    drain.abort()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, drain }
}

async function say(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(text)
  let said = ''
  for await (const chunk of socket) said += chunk
  return said
}

for (const [what, request, wish] of [
  [
    'the answer',
    'GET /.well-known/acme-challenge/token HTTP/1.1\r\nHost: x\r\n\r\n',
    /^HTTP\/1\.1 200 .*\r\n\r\ntoken\.thumbprint$/s,
  ],
  [
    'its length for HEAD',
    'HEAD /.well-known/acme-challenge/token HTTP/1.1\r\nHost: x\r\n\r\n',
    /^HTTP\/1\.1 200 .*Content-Length: 16.*\r\n\r\n$/s,
  ],
  [
    'nothing for POST',
    'POST /.well-known/acme-challenge/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    /^HTTP\/1\.1 404 .*\r\n\r\n$/s,
  ],
  ['nothing for another path', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 404 .*\r\n\r\n$/s],
  [
    'nothing for a way out',
    'GET /.well-known/acme-challenge/../account.pem HTTP/1.1\r\nHost: x\r\n\r\n',
    /^HTTP\/1\.1 404 /,
  ],
  ['nothing for what is no HTTP', 'EHLO there\r\n\r\n', /^$/],
  ['nothing for a header without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`, /^$/],
] as const) {
  test(`over HTTP there is ${what}`, async t => {
    const { drawer, log } = await rig(t)
    await drawer.putAnswer('token', 'token.thumbprint')
    const { port } = await door(t, httpResponder(drawer, log))
    assert.match(await say(port, request), wish)
  })
}

test('over HTTP there is no key of a challenge by TLS, which lies beside', async t => {
  const { drawer, log } = await rig(t)
  const { key, certificate } = selfSigned({ names: [NAMES[0]!], now: NOW })
  await drawer.putAnswer(alpnAnswer(NAMES[0]!), key + certificate)
  const { port } = await door(t, httpResponder(drawer, log))
  const path = `/.well-known/acme-challenge/${alpnAnswer(NAMES[0]!)}`
  assert.match(await say(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`), /^HTTP\/1\.1 404 /)
})

test('who keeps silent is let go when the server drains', async t => {
  const { drawer, log } = await rig(t)
  const { port, drain } = await door(t, httpResponder(drawer, log))
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const gone = once(socket.resume(), 'close')
  // the responder has it: what it answers to the first request shows that
  await say(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  drain.abort()
  await gone
})

test('over TLS the certificate of a challenge is shown for its name and protocol, and no other', async t => {
  const { drawer, log } = await rig(t)
  const { key, certificate } = selfSigned({ names: [NAMES[0]!], now: NOW })
  await drawer.putAnswer(alpnAnswer(NAMES[0]!), key + certificate)
  const { port } = await door(t, alpnResponder(drawer, NAMES, log))
  const dial = async (servername: string, protocols: string[]) => {
    const socket = tlsConnect({
      port,
      host: '127.0.0.1',
      servername,
      ALPNProtocols: protocols,
      rejectUnauthorized: false,
    })
    socket.on('error', () => undefined)
    const done = await once(socket, 'secureConnect').then(
      () => true,
      () => false,
    )
    const shown = done ? { protocol: socket.alpnProtocol, pem: socket.getPeerX509Certificate()?.toString() } : undefined
    socket.destroy()
    return shown
  }
  const shown = await dial(NAMES[0]!, ['acme-tls/1'])
  assert.equal(shown?.protocol, 'acme-tls/1')
  assert.equal(readCertificate(shown.pem ?? '')?.fingerprint, readCertificate(certificate)?.fingerprint)
  assert.equal(await dial(NAMES[1]!, ['acme-tls/1']), undefined)
  assert.equal(await dial('../../x', ['acme-tls/1']), undefined)
  assert.equal(await dial(NAMES[0]!, ['h2']), undefined)
})
