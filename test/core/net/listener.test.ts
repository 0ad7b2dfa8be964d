/** Doors over real sockets: clear, STARTTLS, implicit TLS, unix sockets, limits and the end. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import type { Connection, Listener } from '../../../core/api/index.js'
import type { PemPair } from '../../../core/net/certificate.js'
import { openListener } from '../../../core/net/listener.js'
import { ensureSelfSigned } from '../../../core/net/self-signed.js'
import { openTls } from '../../../core/net/tls.js'
import type { OpenListener, TlsSource } from '../../../core/net/types.js'
import { type LogLine, rememberingLog } from '../../harness/log.js'
import { materialOf, tlsOf } from '../../harness/tls.js'

let dir = ''
let tls: TlsSource
let ca = ''
let pair: PemPair
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'posthouse-net-'))
  const selfSignedDir = join(dir, 'tls')
  pair = await ensureSelfSigned({ selfSignedDir, name: 'mail.example.test', now: Date.now() })
  tls = tlsOf(pair.certificate, pair.key)
  ca = pair.certificate
})
after(() => rm(dir, { recursive: true }))

interface Opened {
  readonly door: OpenListener
  readonly port: number
  readonly lines: readonly LogLine[]
  readonly drain: AbortController
  end(): Promise<void>
}

async function open(
  serve: Listener['serve'],
  more: Partial<Listener> & { max?: number; handshakeMs?: number } = {},
  source: TlsSource = tls,
): Promise<Opened> {
  const log = rememberingLog()
  const drain = new AbortController()
  const { max = 10, handshakeMs, ...rest } = more
  const door = await openListener(
    { name: 'test', protocol: 'smtp', address: '127.0.0.1:0', tls: 'none', serve, ...rest },
    {
      tls: source,
      log,
      clock: Date,
      drain: drain.signal,
      maxConnections: max,
      ...(handshakeMs !== undefined && { handshakeMs }),
    },
  )
  const end = async () => {
    door.stop()
    door.abort()
    await door.idle
  }
  return { door, port: Number(door.address.split(':').pop()), lines: log.lines, drain, end }
}

async function all(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

async function echoLine(connection: Connection): Promise<void> {
  const [chunk] = await once(connection.socket, 'data')
  connection.socket.write(`${connection.peer.tls?.protocol ?? 'clear'} ${chunk}`)
}

test('a connection carries who talks to whom, and ends when it was served', async () => {
  let seen: Connection | undefined
  const opened = await open(async connection => {
    seen = connection
    connection.socket.write('bye')
  })
  const client = connect(opened.port, '127.0.0.1')
  assert.equal(await all(client), 'bye')
  assert.equal(seen?.peer.remote.address, '127.0.0.1')
  assert.deepEqual(seen?.peer.local, { address: '127.0.0.1', port: opened.port })
  assert.match(seen?.peer.id ?? '', /^[0-9a-z]{16}$/)
  assert.equal(seen?.tlsOffered, false)
  await opened.end()
})

test('IPv4 clients of an IPv6 door are seen by their IPv4 address', async t => {
  let address = ''
  const serve = async (connection: Connection) => {
    address = connection.peer.remote.address
  }
  const opened = await open(serve, { address: '[::]:0' }).catch(() => undefined)
  if (opened === undefined) return t.skip('no IPv6 here')
  await all(connect(opened.port, '127.0.0.1'))
  assert.equal(address, '127.0.0.1')
  await opened.end()
})

test('implicit TLS is on before the protocol begins', async () => {
  const opened = await open(echoLine, { tls: 'implicit' })
  const client = tlsConnect({ port: opened.port, host: '127.0.0.1', ca, servername: 'mail.example.test' })
  client.write('hello')
  assert.equal(await all(client), 'TLSv1.3 hello')
  await opened.end()
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${maxVersion} session begun with one worker goes on with another`, async () => {
    const material = materialOf([pair], { ticketKeys: randomBytes(48).toString('base64') })
    const [one, other] = [openTls({ minVersion: 'TLSv1.2' }, material), openTls({ minVersion: 'TLSv1.2' }, material)]
    const first = await open(echoLine, { tls: 'implicit' }, one)
    const second = await open(echoLine, { tls: 'implicit' }, other)
    const dial = async (port: number, session?: Buffer) => {
      const options = {
        host: '127.0.0.1',
        ca,
        servername: 'mail.example.test',
        maxVersion,
        ...(session && { session }),
      }
      const client = tlsConnect({ port, ...options })
      const ticket = once(client, 'session')
      await once(client, 'secureConnect')
      const resumed = client.isSessionReused()
      client.write('hello')
      await all(client)
      return { resumed, session: session ?? ((await ticket)[0] as Buffer) }
    }
    const begun = await dial(first.port)
    assert.equal(begun.resumed, false)
    assert.equal((await dial(second.port, begun.session)).resumed, true)
    await first.end()
    await second.end()
  })
}

test('TLS older than 1.2 is refused and noted', async () => {
  const opened = await open(echoLine, { tls: 'implicit' })
  const client = tlsConnect({
    port: opened.port,
    ca,
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })
  await assert.rejects(once(client, 'secureConnect'))
  await opened.end()
  assert.ok(opened.lines.some(line => line.sentence === 'TLS handshake failed' && line.level === 'info'))
})

test('a client that never shakes hands is let go', async () => {
  const opened = await open(echoLine, { tls: 'implicit', handshakeMs: 50 })
  const client = connect(opened.port, '127.0.0.1')
  await once(client, 'close')
  assert.match(String(opened.lines[0]?.facts.error), /too long/)
  await opened.end()
})

test('STARTTLS changes the socket and forgets what was injected before it', async () => {
  let offered: readonly boolean[] = []
  const opened = await open(
    async connection => {
      await once(connection.socket, 'readable')
      const before = connection.tlsOffered
      connection.socket.write('go')
      const facts = await connection.startTls()
      assert.equal(facts.protocol, connection.peer.tls?.protocol)
      assert.equal(facts.servername, 'mail.example.test')
      offered = [before, connection.tlsOffered]
      await echoLine(connection)
    },
    { tls: 'starttls' },
  )
  const client = connect(opened.port, '127.0.0.1')
  client.write('STARTTLS\r\nINJECTED\r\n')
  await once(client, 'data')
  const secure = tlsConnect({ socket: client, ca, servername: 'mail.example.test' })
  secure.write('after')
  assert.equal(await all(secure), 'TLSv1.3 after')
  assert.deepEqual(offered, [true, false])
  await opened.end()
})

test('garbage instead of a handshake after STARTTLS ends that connection alone', async () => {
  const opened = await open(
    async connection => {
      connection.socket.write('go')
      await connection.startTls()
    },
    { tls: 'starttls' },
  )
  const client = connect(opened.port, '127.0.0.1')
  await once(client, 'data')
  client.write('EHLO not-a-handshake\r\n')
  await once(client, 'close')
  await opened.end()
  assert.deepEqual(
    opened.lines.filter(line => line.level !== 'debug').map(line => line.sentence),
    ['TLS handshake failed'],
  )
})

test('a protocol that throws loses its connection and is named in the log', async () => {
  const opened = await open(() => Promise.reject(new Error('a bug')))
  await all(connect(opened.port, '127.0.0.1'))
  const line = opened.lines.find(l => l.sentence === 'serving a connection failed')
  assert.equal(line?.level, 'error')
  assert.match(String(line?.facts.err), /a bug/)
  await opened.end()
})

test('a peer that resets its connection does no harm', async () => {
  const opened = await open(connection => once(connection.socket, 'close').then(() => undefined))
  const client = connect(opened.port, '127.0.0.1')
  await once(client, 'connect')
  client.resetAndDestroy()
  while (opened.door.connections > 0) await sleep(5)
  await opened.end()
})

test('the surplus is turned away with a temporary reply', async () => {
  const opened = await open(connection => once(connection.socket, 'close').then(() => undefined), { max: 1 })
  const first = connect(opened.port, '127.0.0.1')
  await once(first, 'connect')
  while (opened.door.connections === 0) await sleep(5)
  assert.match(await all(connect(opened.port, '127.0.0.1')), /^421 4\.3\.2 /)
  assert.equal(opened.door.connections, 1)
  assert.ok(opened.lines.some(line => line.sentence === 'too many connections'))
  first.destroy()
  await opened.end()
})

test('stop lets open connections come to their end, told by the signal', async () => {
  const opened = await open(async connection => {
    connection.socket.write('ready')
    await once(connection.signal, 'abort')
    connection.socket.write(' bye')
  })
  const client = connect(opened.port, '127.0.0.1')
  await once(client, 'data')
  opened.door.stop()
  await assert.rejects(once(connect(opened.port, '127.0.0.1'), 'connect'))
  const rest = all(client)
  opened.drain.abort()
  assert.equal(await rest, ' bye')
  await opened.door.idle
})

test('a unix socket left behind by a crash is taken over, one that is in use is not', async () => {
  const path = join(dir, 'lmtp.sock')
  const left = createServer().listen(path)
  await once(left, 'listening')
  await assert.rejects(open(echoLine, { address: `unix:${path}` }), /EADDRINUSE/)
  left.close()
  await once(left, 'close')
  await writeFile(path, '')
  await rm(path)
  const opened = await open(echoLine, { address: `unix:${path}`, protocol: 'lmtp' })
  const client = connect(path)
  client.write('hello')
  assert.equal(await all(client), 'clear hello')
  assert.equal(opened.door.address, `unix:${path}`)
  await opened.end()
})

test('who has left while what serves was being loaded is not served, and not counted for ever; who has only ended its side is served', async () => {
  let here: () => void = () => undefined
  const loading = new Promise<void>(resolve => {
    here = resolve
  })
  const served: string[] = []
  const serve = async (connection: Connection) => {
    connection.socket.write('hello\r\n')
    const said = connection.socket.readableEnded ? '' : ((await once(connection.socket, 'data')) as [Buffer])[0]
    served.push(String(said))
  }
  const { door, port, end } = await open(serve, { loaded: () => loading })
  try {
    const [gone, silent, speaking] = [connect(port), connect(port), connect(port)]
    await Promise.all([gone, silent, speaking].map(socket => once(socket, 'connect')))
    while (door.connections < 3) await sleep(5)
    gone.resetAndDestroy()
    silent.end()
    speaking.end('a word')
    // Long enough for the ends to be there; were they not, they would come as to any session.
    await sleep(200)
    here()
    assert.equal(await all(speaking), 'hello\r\n')
    assert.equal(await all(silent), 'hello\r\n')
    while (door.connections > 0) await sleep(5)
    assert.deepEqual(served.sort(), ['', 'a word'])
  } finally {
    await end()
  }
})
