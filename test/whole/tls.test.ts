/** TLS of a running server, from outside: certificates by name, changed under open sessions, told of in time; sessions and clients. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { connect as netConnect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type PemPair, selfSigned } from '../../core/net/certificate.js'
import { readCertificate } from '../../core/text/index.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { TEST_CERT, TEST_KEY } from '../harness/test-cert.js'

const DAY = 86_400_000
const FIRST = selfSigned({ names: ['mail.example.test', 'localhost'], now: Date.now() - 355 * DAY, years: 1 })
const SECOND = selfSigned({ names: ['mail.example.org'], now: Date.now() })
const NEWER = selfSigned({ names: ['mail.example.test', 'localhost'], now: Date.now() })

let server: Instance
before(async () => {
  server = await Instance.make({
    without: CONTENT,
    server: {
      workers: 2,
      tls: {
        certificate: 'first.pem',
        key: 'first.key',
        certificates: [{ certificate: 'second.pem', key: 'second.key' }],
        client_ca: 'clients.pem',
      },
    },
    plugins: { imap: { client_certificates: 'request' }, pop3: { client_certificates: 'require' } },
    files: {
      'first.pem': FIRST.certificate,
      'first.key': FIRST.key,
      'second.pem': SECOND.certificate,
      'second.key': SECOND.key,
      'clients.pem': TEST_CERT,
    },
    users: [['alice@example.test', 'a secret of alice']],
  })
  await server.start()
})
after(() => server.destroy())

/** In its place in one step, as certbot does it; the key first, so that a pair is wrong for a moment. */
async function put(name: string, { certificate, key }: PemPair): Promise<void> {
  for (const [ending, text] of [
    ['key', key],
    ['pem', certificate],
  ] as const) {
    const path = join(server.configDir, `${name}.${ending}`)
    await writeFile(`${path}.new`, text)
    await rename(`${path}.new`, path)
  }
}

async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

async function line(socket: Socket, pattern: RegExp): Promise<string> {
  let text = ''
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += String(chunk)
    if (pattern.test(text)) return text
  }
}

async function startTls(port: number, command: string, servername: string): Promise<TLSSocket> {
  const clear = netConnect(port, '127.0.0.1')
  await line(clear, /\n/)
  if (port === server.ports.mx) {
    clear.write('EHLO client.test\r\n')
    await line(clear, /^250 /m)
  }
  clear.write(`${command}\r\n`)
  await line(clear, /\n/)
  const socket = connect({ socket: clear, servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

function shows(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase()
}

function of(pair: PemPair): string {
  return readCertificate(pair.certificate)!.fingerprint
}

test('every door shows the certificate that is asked for by name', async () => {
  const { submissions, imaps, mx, imap } = server.ports
  for (const [servername, pair] of [
    ['mail.example.org', SECOND],
    ['mail.example.test', FIRST],
    ['x.test', FIRST],
  ] as const) {
    const open = [
      await secure(submissions, { servername }),
      await secure(imaps, { servername }),
      await startTls(mx, 'STARTTLS', servername),
      await startTls(imap, 'a STARTTLS', servername),
    ]
    assert.deepEqual(new Set(open.map(shows)), new Set([of(pair)]), servername)
    for (const socket of open) socket.destroy()
  }
})

test('a certificate that runs out is told in the log, by check, by tls ls and by mail to postmaster', async () => {
  await server.logged(/certificate runs out soon/)
  const checked = await server.cli(['check'])
  assert.equal(checked.code, 0)
  assert.match(checked.stderr, /server\.yaml:\d+:\d+: warning: this certificate runs out in 9 days/)
  const listed = JSON.parse((await server.cli(['tls', 'ls', '--json'])).stdout) as { names: string[]; days: number }[]
  assert.deepEqual(
    listed.map(({ names, days }) => [names[0], days]),
    [
      ['mail.example.test', 9],
      ['mail.example.org', 3649],
    ],
  )
  const mail = await eventually(async () => {
    const url = `imaps://127.0.0.1:${server.ports.imaps}/INBOX;MAILINDEX=1`
    const { stdout } = await runProgram('curl', ['-sk', '--user', 'alice@example.test:a secret of alice', url])
    return stdout.includes('Subject:') ? stdout : undefined
  })
  assert.match(mail, /Subject: The certificate of mail\.example\.test runs out in 9 days/)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${maxVersion} session begun with one worker goes on with the other`, async () => {
    const { submissions } = server.ports
    const begun = connect({ port: submissions, host: '127.0.0.1', rejectUnauthorized: false, maxVersion })
    const [session] = (await once(begun, 'session')) as [Buffer]
    begun.destroy()
    const before = server.log.length
    // the kernel chooses the worker: until both had some, and every one resumed
    await eventually(async () => {
      const sockets = await Promise.all(Array.from({ length: 12 }, () => secure(submissions, { maxVersion, session })))
      assert.ok(sockets.every(socket => socket.isSessionReused()))
      await Promise.all(sockets.map(socket => line(socket, /\n/)))
      for (const socket of sockets) socket.end('QUIT\r\n')
      await Promise.all(sockets.map(socket => once(socket, 'close')))
      const ended = server.log
        .slice(before)
        .matchAll(/"worker":(\d)[^\n]*"listener":"submissions"[^\n]*"session ended"/g)
      return new Set([...ended].map(([, worker]) => worker)).size === 2 ? true : undefined
    })
  })
}

test('client certificates of our authority are asked for where it is said, and others do not help', async () => {
  const { pop3s, imaps } = server.ports
  const mine = { cert: TEST_CERT, key: TEST_KEY }
  assert.match(await line(await secure(pop3s, mine), /\n/), /^\+OK/)
  assert.match(await line(await secure(imaps), /\n/), /^\* OK/)
  const stranger = await secure(pop3s, { cert: NEWER.certificate, key: NEWER.key, maxVersion: 'TLSv1.2' }).catch(
    () => undefined,
  )
  if (stranger !== undefined) assert.deepEqual(await once(stranger, 'close'), [false])
  await server.logged(/no client certificate that leads to client_ca/)
})

test('new certificates are taken while a client idles, and what is wrong is told and not taken', async () => {
  const { imaps, submissions } = server.ports
  const idle = await secure(imaps)
  await line(idle, /\n/)
  idle.write('a LOGIN alice@example.test "a secret of alice"\r\n')
  await line(idle, /^a OK/m)
  idle.write('b SELECT INBOX\r\n')
  await line(idle, /^b OK/m)
  idle.write('c IDLE\r\n')
  await line(idle, /^\+ /m)

  await writeFile(join(server.configDir, 'first.key'), NEWER.key)
  const wrong = await server.cli(['tls', 'reload'])
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /first\.key: this is not the key of that certificate/)
  await server.logged(/certificate is wrong, the one before it stays/)
  assert.equal(shows(await secure(submissions)), of(FIRST))

  await put('first', NEWER)
  const right = await server.cli(['tls', 'reload'])
  assert.deepEqual([right.code, right.stdout], [0, 'taken into use: 2 certificates\n'])
  await server.logged(/certificates changed/)
  // every worker has it in a moment: none shows the old one twelve times in a row
  await eventually(async () => {
    const sockets = await Promise.all(Array.from({ length: 12 }, () => secure(submissions)))
    const seen = new Set(sockets.map(shows))
    for (const socket of sockets) socket.destroy()
    return seen.size === 1 && seen.has(of(NEWER)) ? true : undefined
  })
  assert.equal((await server.cli(['tls', 'reload'])).stdout, 'nothing has changed: 2 certificates in use\n')

  const told = line(idle, /EXISTS/)
  const mail = 'From: <b@example.net>\nSubject: news\n\nHello.\n'
  const sent = await runProgram(
    'curl',
    [
      '-s',
      '--crlf',
      '-T',
      '-',
      `smtp://127.0.0.1:${server.ports.mx}`,
      '--mail-from',
      'b@example.net',
      '--mail-rcpt',
      'alice@example.test',
    ],
    { stdin: mail },
  )
  assert.equal(sent.code, 0, sent.stderr)
  assert.match(await told, /\* \d+ EXISTS/)
  idle.write('DONE\r\n')
  await line(idle, /^c OK/m)
  idle.destroy()
})

test('certificates that were issued to us are found in the data directory', async () => {
  const issued = selfSigned({ names: ['issued.example.test'], now: Date.now() })
  const dir = join(server.dataDir, 'tls/issued')
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'one.pem'), `${issued.key}${issued.certificate}`, { mode: 0o600 })
  assert.match((await server.cli(['tls', 'reload'])).stdout, /^taken into use: 3 certificates/)
  const socket = await eventually(async () => {
    const dialled = await secure(server.ports.submissions, { servername: 'issued.example.test' })
    return shows(dialled) === of(issued) ? dialled : undefined
  })
  socket.destroy()
  assert.match(
    (await server.cli(['tls', 'ls'])).stdout,
    /issued\.example\.test\n {2}issued by itself; 3649 days left, .*; issued, /,
  )
})
