/** Which certificate, version, cipher and session a client gets, and what client certificates are worth. */
import assert from 'node:assert/strict'
import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Connection, Listener } from '../../../core/api/index.js'
import { ByName } from '../../../core/net/by-name.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { openListener } from '../../../core/net/listener.js'
import { openTls, type Tls } from '../../../core/net/tls.js'
import { pairTrouble, readAltNames, readCertificate } from '../../../core/text/index.js'
import { rememberingLog } from '../../harness/log.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { materialOf } from '../../harness/tls.js'

const NOW = Date.now()
const FIRST = selfSigned({ names: ['mail.example.test'], now: NOW })
const SECOND = selfSigned({ names: ['imap.example.org', '*.example.org'], now: NOW })
const NEWER = selfSigned({ names: ['mail.example.test'], now: NOW })
/** Its own authority, and for no use in particular: ours of `selfSigned` are for servers alone, and OpenSSL minds. */
const CLIENT = { certificate: TEST_CERT, key: TEST_KEY }
const STRANGER = selfSigned({ names: ['client.example.test'], now: NOW })
const SETTINGS = { minVersion: 'TLSv1.2' } as const

interface Opened {
  readonly tls: Tls
  readonly port: number
  readonly seen: Connection[]
  dial(options?: ConnectionOptions): Promise<TLSSocket>
}

/** A door that says `hello` and then echoes. */
async function open(t: TestContext, tls: Tls, more: Partial<Listener> = {}): Promise<Opened> {
  const seen: Connection[] = []
  const log = rememberingLog()
  const listener: Listener = {
    name: 'test',
    protocol: 'internal',
    address: '127.0.0.1:0',
    tls: 'implicit',
    async serve(connection) {
      seen.push(connection)
      connection.socket.write('hello')
      connection.socket.pipe(connection.socket)
      await once(connection.socket, 'close')
    },
    ...more,
  }
  const drain = new AbortController()
  const door = await openListener(listener, { tls, log, clock: Date, drain: drain.signal, maxConnections: 50 })
  const port = Number(door.address.split(':').at(-1))
  const clients: TLSSocket[] = []
  t.after(() => {
    for (const client of clients) client.destroy()
    door.stop()
    door.abort()
  })
  return {
    tls,
    port,
    seen,
    /** Resolves when the server has begun to speak: with TLS 1.3 a refusal comes after the client's own end of the handshake. */
    async dial(options = {}) {
      const client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
      clients.push(client)
      client.on('error', () => undefined)
      await Promise.race([once(client, 'data'), once(client, 'close').then(() => Promise.reject(new Error('closed')))])
      return client
    },
  }
}

function fingerprint(client: TLSSocket): string | undefined {
  return client.getPeerX509Certificate()?.fingerprint256
}

function of(pair: { readonly certificate: string }): string {
  return (readCertificate(pair.certificate)?.fingerprint.match(/../g) ?? []).join(':').toUpperCase()
}

for (const [asked, pair] of [
  ['mail.example.test', FIRST],
  ['imap.example.org', SECOND],
  ['IMAP.Example.ORG', SECOND],
  ['any.example.org', SECOND],
  ['a.b.example.org', FIRST],
  ['example.org', FIRST],
  ['unknown.test', FIRST],
  [undefined, FIRST],
] as const) {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${maxVersion}: who asks for ${asked ?? 'no name'} sees the ${pair === FIRST ? 'first' : 'second'} certificate`, async t => {
      const { dial } = await open(t, openTls(SETTINGS, materialOf([FIRST, SECOND])))
      const client = await dial({ maxVersion, ...(asked !== undefined && { servername: asked }) })
      assert.equal(fingerprint(client), of(pair))
    })
  }
}

test('an exact name goes before a wildcard, and the first claim before the second', () => {
  const names = new ByName<number>()
  for (const [name, value] of [
    ['*.a.test', 1],
    ['b.a.test', 2],
    ['B.a.test', 3],
    ['__proto__', 4],
  ] as const)
    names.add(name, value)
  const found = ['b.a.test', 'c.a.test', 'b.a.test.', 'constructor', '__proto__', '', '.', '.a.test'].map(name =>
    names.find(name),
  )
  assert.deepEqual(found, [2, 1, 2, undefined, 4, undefined, undefined, undefined])
})

test('new connections get the new certificate, open ones go on, and what does not work changes nothing', async t => {
  const { dial, tls } = await open(t, openTls(SETTINGS, materialOf([FIRST])))
  const old = await dial()
  tls.swap(materialOf([NEWER]))
  assert.equal(fingerprint(await dial()), of(NEWER))
  assert.throws(() => tls.swap(materialOf([{ certificate: FIRST.certificate, key: NEWER.key }])))
  assert.throws(() => tls.swap(materialOf([])), /no certificate/)
  assert.equal(fingerprint(await dial()), of(NEWER))
  old.write('still here')
  assert.equal(String((await once(old, 'data'))[0]), 'still here')
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: a resumed session knows which certificate it was shown, and none outlives certificates and ticket keys`, async t => {
    const keys = () => randomBytes(48).toString('base64')
    const ticketKeys = keys()
    const { dial, tls, port, seen } = await open(t, openTls(SETTINGS, materialOf([FIRST, SECOND], { ticketKeys })))
    const options = { maxVersion, servername: 'imap.example.org' }
    const begun = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    const [session] = (await once(begun, 'session')) as [Buffer]
    begun.destroy()
    const resumes = async () => (await dial({ ...options, session })).isSessionReused()
    assert.equal(await resumes(), true)
    const digest = createHash('sha256').update(new X509Certificate(SECOND.certificate).raw).digest('hex')
    // before TLS 1.3 the name is forgotten, and a wrong binding would be worse than none
    const bound = seen.at(-1)?.binding.data('tls-server-end-point')?.toString('hex')
    assert.equal(bound, maxVersion === 'TLSv1.3' ? digest : undefined)
    assert.equal(seen[0]?.binding.data('tls-server-end-point')?.toString('hex'), digest)
    tls.swap(materialOf([FIRST, SECOND], { ticketKeys }))
    assert.equal(await resumes(), true)
    tls.swap(materialOf([FIRST, SECOND], { ticketKeys: keys() }))
    assert.equal(await resumes(), false)
    tls.swap(materialOf([NEWER, SECOND], { ticketKeys }))
    assert.equal(await resumes(), false)
  })
}

test('TLS 1.3 can be the oldest that is spoken, and ciphers can be named', async t => {
  const strict = await open(t, openTls({ minVersion: 'TLSv1.3' }, materialOf([FIRST])))
  await assert.rejects(strict.dial({ maxVersion: 'TLSv1.2' }))
  assert.equal((await strict.dial()).getProtocol(), 'TLSv1.3')
  const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384'
  const named = await open(t, openTls({ ...SETTINGS, ciphers }, materialOf([FIRST])))
  assert.equal((await named.dial({ maxVersion: 'TLSv1.2' })).getCipher().name, ciphers)
})

test('the server chooses the cipher', async t => {
  const { dial } = await open(t, openTls(SETTINGS, materialOf([FIRST])))
  const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256'
  const client = await dial({ maxVersion: 'TLSv1.2', ciphers })
  assert.equal(client.getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
})

for (const [what, options] of [
  ['CBC ciphers', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  ['ciphers without forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
  ['signatures with SHA-1', { maxVersion: 'TLSv1.2', sigalgs: 'ECDSA+SHA1', ciphers: 'DEFAULT:@SECLEVEL=0' }],
  ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }],
] as const) {
  test(`${what} are refused`, async t => {
    const { dial } = await open(t, openTls(SETTINGS, materialOf([FIRST])))
    await assert.rejects(dial(options))
  })
}

test('a client cannot negotiate anew', async t => {
  const { dial } = await open(t, openTls(SETTINGS, materialOf([FIRST])))
  const client = await dial({ maxVersion: 'TLSv1.2' })
  // node tells of it in one way or the other
  const error = await new Promise(resolve => {
    client.once('error', resolve)
    client.renegotiate({}, resolve)
  })
  assert.match(String(error), /NO_RENEGOTIATION|no renegotiation/i)
})

test('the certificate of a client is told when its chain leads to the authority', async t => {
  const { dial, seen } = await open(t, openTls(SETTINGS, materialOf([FIRST], { clientCa: CLIENT.certificate })), {
    clientCertificates: 'request',
  })
  await dial({ cert: CLIENT.certificate, key: CLIENT.key })
  assert.deepEqual(seen[0]?.peer.tls?.client, {
    fingerprint: readCertificate(CLIENT.certificate)?.fingerprint,
    name: 'sink.test',
    addresses: [],
    hosts: [],
  })
  await dial({ cert: STRANGER.certificate, key: STRANGER.key })
  await dial()
  assert.deepEqual(
    seen.slice(1).map(one => one.peer.tls?.client),
    [undefined, undefined],
  )
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${maxVersion}: where one is required, only a certificate of the authority lets in, and no session from elsewhere`, async t => {
    const ticketKeys = randomBytes(48).toString('base64')
    const tls = openTls(SETTINGS, materialOf([FIRST], { clientCa: CLIENT.certificate, ticketKeys }))
    const strict = await open(t, tls, { clientCertificates: 'require' })
    const lax = await open(t, tls, { clientCertificates: 'request' })
    const none = await open(t, tls)
    await assert.rejects(strict.dial({ maxVersion }))
    await assert.rejects(strict.dial({ maxVersion, cert: STRANGER.certificate, key: STRANGER.key }))
    for (const door of [lax, none]) {
      const client = connect({ port: door.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion })
      const [session] = (await once(client, 'session')) as [Buffer]
      client.destroy()
      await assert.rejects(strict.dial({ maxVersion, session }))
    }
    assert.equal(strict.seen.length, 0)
    const client = connect({
      port: strict.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion,
      cert: CLIENT.certificate,
      key: CLIENT.key,
    })
    const [session] = (await once(client, 'session')) as [Buffer]
    client.destroy()
    // whose session it is, is known again
    const again = await strict.dial({ maxVersion, session })
    assert.equal(again.isSessionReused(), true)
    assert.equal(strict.seen.at(-1)?.peer.tls?.client?.name, 'sink.test')
  })
}

test('a door that asks for certificates without an authority does not open', async t => {
  await assert.rejects(
    open(t, openTls(SETTINGS, materialOf([FIRST])), { clientCertificates: 'request' }),
    /names no authority/,
  )
})

for (const [text, wish] of [
  ['DNS:a.test, DNS:*.b.test', ['DNS a.test', 'DNS *.b.test']],
  ['email:a@b.test, IP Address:192.0.2.1', ['email a@b.test', 'IP Address 192.0.2.1']],
  // a name that pretends to be two
  ['DNS:"evil.test, DNS:good.test"', []],
  ['DNS:"a\\"b, DNS:c.test", DNS:d.test', ['DNS d.test']],
  ['URI:http://x.test/?a=b, DNS:a.test', ['URI http://x.test/?a=b', 'DNS a.test']],
  ['DNS:, DNS:a.test', ['DNS a.test']],
  ['', []],
  ['nonsense', []],
] as const) {
  test(`alternative names ${JSON.stringify(text)} are read as ${JSON.stringify(wish)}`, () => {
    assert.deepEqual(
      readAltNames(text).map(({ kind, value }) => `${kind} ${value}`),
      wish,
    )
  })
}

test('facts of a certificate, and what is wrong with a pair', () => {
  const facts = readCertificate(SECOND.certificate)
  assert.deepEqual(facts?.names, ['imap.example.org', '*.example.org'])
  assert.equal(facts.issuer, 'imap.example.org')
  assert.equal(facts.selfSigned, true)
  assert.ok(facts.from < NOW && facts.until > NOW)
  assert.equal(readCertificate('junk'), undefined)
  assert.equal(pairTrouble(FIRST.certificate, FIRST.key), undefined)
  assert.equal(pairTrouble(FIRST.certificate, SECOND.key)?.key, 'key')
})
