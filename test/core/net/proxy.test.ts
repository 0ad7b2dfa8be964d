/** The PROXY protocol: what is a header and what is not, by version, and the door behind a proxy over real sockets. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import fc from 'fast-check'
import type { Connection, Listener } from '../../../core/api/index.js'
import { openListener } from '../../../core/net/listener.js'
import { readProxyHeader } from '../../../core/net/proxy.js'
import { Turnstile, type TurnstileLimits } from '../../../core/net/turnstile.js'
import type { ListenerDeps } from '../../../core/net/types.js'
import { NetworkSet } from '../../../core/text/index.js'
import { rememberingLog } from '../../harness/log.js'
import { TEST_CERT, TEST_KEY } from '../../harness/test-cert.js'
import { tlsOf } from '../../harness/tls.js'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'

function v2(command: number, family: number, addresses: readonly number[], extra = 0): Buffer {
  const size = addresses.length + extra
  return Buffer.concat([
    Buffer.from(SIGNATURE, 'latin1'),
    Buffer.from([command, family, size >> 8, size & 0xff, ...addresses]),
    Buffer.alloc(extra, 7),
  ])
}

const IPV4 = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0, 25]
const IPV6 = [
  ...[0x20, 1, 0xd, 0xb8],
  ...new Array(11).fill(0),
  1,
  ...[0x20, 1, 0xd, 0xb8],
  ...new Array(11).fill(0),
  2,
  0,
  1,
  0,
  25,
]

for (const [what, header, remote] of [
  ['v1 over IPv4', 'PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n', { address: '192.0.2.1', port: 12345 }],
  ['v1 over IPv6', 'PROXY TCP6 2001:DB8::1 2001:db8::2 1 25\r\n', { address: '2001:db8::1', port: 1 }],
  ['v1 with a mapped address', 'PROXY TCP6 ::ffff:192.0.2.1 ::1 1 25\r\n', { address: '192.0.2.1', port: 1 }],
  ['v1 that does not know', 'PROXY UNKNOWN\r\n', undefined],
  ['v1 that does not know, with more', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', undefined],
  ['v2 over IPv4', v2(0x21, 0x11, IPV4), { address: '192.0.2.1', port: 12345 }],
  ['v2 over IPv6', v2(0x21, 0x21, IPV6), { address: '2001:db8::1', port: 1 }],
  ['v2 with extras', v2(0x21, 0x11, IPV4, 500), { address: '192.0.2.1', port: 12345 }],
  ['v2 LOCAL', v2(0x20, 0x00, []), undefined],
  ['v2 of an unspecified family', v2(0x21, 0x00, [1, 2, 3]), undefined],
  ['v2 of a Unix socket', v2(0x21, 0x31, [], 216), undefined],
] as const) {
  test(`a PROXY header ${what} is read, whole and no octet more`, () => {
    const octets = Buffer.from(header as string, 'latin1')
    for (let at = 1; at < octets.length; at++) assert.equal(readProxyHeader(octets.subarray(0, at)).kind, 'more')
    const read = readProxyHeader(Buffer.concat([octets, Buffer.from('EHLO\r\n')]))
    assert.ok(read.kind === 'header')
    assert.equal(read.length, octets.length)
    assert.deepEqual(read.ends?.remote, remote)
  })
}

for (const text of [
  'EHLO c.test\r\n',
  'proxy TCP4 192.0.2.1 198.51.100.2 1 25\r\n',
  'PROXY TCP4 192.0.2.256 198.51.100.2 1 25\r\n',
  'PROXY TCP4 ::1 ::2 1 25\r\n',
  'PROXY TCP6 192.0.2.1 192.0.2.2 1 25\r\n',
  'PROXY TCP6 fe80::1%eth0 ::2 1 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 01 25\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 1 25 x\r\n',
  'PROXY TCP4  192.0.2.1 198.51.100.2 1 25\r\n',
  'PROXY UDP4 192.0.2.1 198.51.100.2 1 25\r\n',
  `PROXY UNKNOWN ${'x'.repeat(100)}`,
  v2(0x11, 0x11, IPV4),
  v2(0x22, 0x11, IPV4),
  v2(0x21, 0x12, IPV4),
  v2(0x21, 0x11, IPV4.slice(1)),
  v2(0x21, 0x21, IPV4),
  v2(0x21, 0x11, IPV4, 3000),
]) {
  test(`${JSON.stringify(String(text).slice(0, 60))} is refused`, () => {
    assert.equal(readProxyHeader(Buffer.from(text as string, 'latin1')).kind, 'bad')
  })
}

test('whatever octets come first, the reader wants more, refuses, or has read within its bound', () => {
  const begin = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', SIGNATURE, `${SIGNATURE}!\x11`)
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), (text, octets) => {
      const input = Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(octets)])
      const read = readProxyHeader(input)
      if (read.kind === 'header') assert.ok(read.length <= input.length && read.length <= 2048)
    }),
    { numRuns: Math.max(2000, Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 0)) },
  )
})

// ── doors ──

interface Opened {
  readonly port: number
  readonly sentences: () => readonly string[]
}

async function open(
  t: TestContext,
  options: {
    tls?: Listener['tls']
    proxies?: readonly string[]
    turnstile?: Partial<TurnstileLimits>
    handshakeMs?: number
    serve?: Listener['serve']
  },
): Promise<Opened> {
  const log = rememberingLog()
  const deps: ListenerDeps = {
    log,
    clock: Date,
    drain: new AbortController().signal,
    tls: tlsOf(TEST_CERT, TEST_KEY),
    maxConnections: 100,
    turnstile: new Turnstile({ total: 100, perNetwork: 100, exempt: [], ...options.turnstile }),
    ...(options.proxies && { proxies: new NetworkSet(options.proxies) }),
    handshakeMs: options.handshakeMs ?? 2000,
  }
  const serve = options.serve ?? tellWhoYouAre
  const door = await openListener(
    { name: 'test', protocol: 'smtp', address: '127.0.0.1:0', tls: options.tls ?? 'none', serve },
    deps,
  )
  t.after(async () => {
    door.stop()
    door.abort()
    await door.idle
  })
  return { port: Number(door.address.split(':').pop()), sentences: () => log.lines.map(line => line.sentence) }
}

/** Says who it takes the client for, and gives back what came first. */
async function tellWhoYouAre({ peer, socket }: Connection): Promise<void> {
  const chunk = (await new Promise(resolve => socket.once('data', resolve))) as Buffer
  socket.write(`${peer.remote.address}:${peer.remote.port} ${chunk}`)
}

async function say(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  socket.on('error', () => undefined)
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

test('a proxy that is named is believed, in both versions, and nothing behind its header is lost', async t => {
  const { port } = await open(t, { proxies: ['127.0.0.1'] })
  assert.equal(await say(port, 'PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\nhello'), '192.0.2.1:12345 hello')
  assert.equal(await say(port, v2(0x21, 0x11, IPV4), 'hello'), '192.0.2.1:12345 hello')
  assert.equal(await say(port, 'PROXY TC', 'P4 192.0.2.1 198.51.100.2 12345 25\r', '\nhello'), '192.0.2.1:12345 hello')
  assert.match(await say(port, 'PROXY UNKNOWN\r\nhello'), /^127\.0\.0\.1:\d+ hello$/)
})

test('a named proxy without a header, with a bad one or with half of one is closed without a word', async t => {
  const { port, sentences } = await open(t, { proxies: ['127.0.0.1'], handshakeMs: 100 })
  assert.equal(await say(port, 'EHLO c.test\r\n'), '')
  assert.equal(await say(port, 'PROXY TCP4 nonsense\r\n'), '')
  assert.equal(await say(port, 'PROXY TCP4 '), '')
  assert.deepEqual(sentences(), ['PROXY header refused', 'PROXY header refused', 'PROXY header refused'])
})

test('a header from anyone else is what the client said, and no more', async t => {
  const { port } = await open(t, { proxies: ['192.0.2.0/24'] })
  assert.match(await say(port, 'PROXY TCP4 192.0.2.1 198.51.100.2 1 25\r\n'), /^127\.0\.0\.1:\d+ PROXY TCP4 192/)
})

test('TLS begins behind the header, also when both come in one piece', async t => {
  const { port } = await open(t, { proxies: ['127.0.0.1'], tls: 'implicit' })
  const clear = connect(port, '127.0.0.1')
  clear.cork()
  clear.write('PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n')
  const secure = tlsConnect({ socket: clear, rejectUnauthorized: false }, () => secure.write('hello'))
  setTimeout(() => clear.uncork(), 50)
  let text = ''
  for await (const chunk of secure) text += chunk
  assert.equal(text, '192.0.2.1:12345 hello')
})

test('each network has its share, seen behind the proxy, and others are let in', async t => {
  const held: (() => void)[] = []
  const { port, sentences } = await open(t, {
    proxies: ['127.0.0.1'],
    turnstile: { perNetwork: 2, exempt: ['198.51.100.0/24'] },
    serve: connection => {
      connection.socket.write('hello\r\n')
      return new Promise(resolve => held.push(resolve))
    },
  })
  const from = async (address: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1' })
    t.after(() => socket.destroy())
    socket.write(`PROXY TCP${address.includes(':') ? '6' : '4'} ${address} ${address} 1 25\r\n`)
    const [chunk] = (await new Promise(resolve => socket.once('data', (...all) => resolve(all)))) as [Buffer]
    return String(chunk).slice(0, 5)
  }
  assert.equal(await from('192.0.2.1'), 'hello')
  assert.equal(await from('192.0.2.2'), 'hello')
  assert.equal(await from('192.0.2.3'), '421 4')
  assert.equal(await from('192.0.3.1'), 'hello')
  assert.equal(await from('2001:db8::1'), 'hello')
  assert.equal(await from('2001:db8::2'), 'hello')
  assert.equal(await from('2001:db8::3'), '421 4')
  assert.equal(await from('2001:db8:0:1::3'), 'hello')
  for (let i = 0; i < 5; i++) assert.equal(await from('198.51.100.1'), 'hello')
  assert.ok(sentences().includes('too many connections from one network'))
  held[0]!()
  for (let tries = 0; tries < 50 && (await from('192.0.2.4')) !== 'hello'; tries++)
    await new Promise(resolve => setTimeout(resolve, 10))
  assert.equal(await from('192.0.2.5'), '421 4')
})

test('the total holds over all doors', async t => {
  const { port } = await open(t, { turnstile: { total: 1 }, serve: () => new Promise(() => undefined) })
  const first = connect(port, '127.0.0.1')
  t.after(() => first.destroy())
  await new Promise(resolve => first.once('connect', resolve))
  assert.match(await say(port), /^421 4\.3\.2 /)
})
