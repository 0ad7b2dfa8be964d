/** A server that starts with a certificate of its own making gets one from an authority, by both challenges, and renews it while it runs. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { CONTENT, eventually, Instance } from '../../harness/instance.js'
import { NO_PEBBLE, Pebble } from '../../harness/pebble.js'
import { freePort } from '../../harness/ports.js'
import { runProgram } from '../../harness/programs.js'

const NAMES = ['mail.example.test', 'imap.example.test']

interface Shown {
  readonly issuer: string
  readonly fingerprint: string
}

async function shown(port: number, servername: string): Promise<Shown> {
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const certificate = socket.getPeerX509Certificate()!
  socket.destroy()
  return { issuer: certificate.issuer, fingerprint: certificate.fingerprint256 }
}

for (const challenge of ['http-01', 'tls-alpn-01'] as const) {
  test(`a certificate is ordered by ${challenge}, shown by name, renewed by command, and kept when the authority is gone`, {
    skip: NO_PEBBLE,
  }, async t => {
    const port = await freePort()
    const server = await Instance.make({ without: CONTENT, server: { workers: 2 } })
    t.after(() => server.destroy())
    const pebble = await Pebble.start({ dir: server.configDir, httpPort: port, tlsPort: port })
    t.after(() => pebble.stop())
    await server.edit(
      'plugins.yaml',
      text =>
        `${text}\n- use: acme\n  with: ${JSON.stringify({
          directory: pebble.directory,
          agree: true,
          email: 'postmaster@example.test',
          names: NAMES,
          challenge,
          listen: [`127.0.0.1:${port}`],
          ca: pebble.ca,
        })}\n`,
    )
    const checked = await server.cli(['check'])
    assert.equal(checked.code, 0, checked.stdout)
    await server.start()
    await server.logged(/"msg":"certificate issued"/).catch(error => {
      throw new Error(`${(error as Error).message}\n${pebble.said}`)
    })
    const { imaps, submissions } = server.ports
    const first = await eventually(async () => {
      const one = await shown(imaps, NAMES[1]!)
      return /Pebble/.test(one.issuer) ? one : undefined
    })
    assert.deepEqual(await shown(submissions, NAMES[0]!), first)
    // one of two workers ordered
    assert.equal(server.log.match(/"msg":"ordering a certificate"/g)?.length, 1)

    const path = join(server.dataDir, 'tls/issued', `${NAMES[0]}.pem`)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(server.dataDir, 'tls/acme/answers')), [])
    const [row] = JSON.parse((await server.cli(['tls', 'ls', '--json'])).stdout) as {
      issuer: string
      from: string
      names: string[]
    }[]
    assert.match(row!.issuer, /^Pebble/)
    assert.deepEqual([row!.from, [...row!.names].sort()], ['issued', [...NAMES].sort()])

    const renewed = await server.cli(['tls', 'renew', NAMES[1]!])
    assert.equal(renewed.code, 0, `${renewed.stderr}\n${pebble.said}`)
    const second = await eventually(async () => {
      const one = await shown(imaps, NAMES[1]!)
      return one.fingerprint === first.fingerprint ? undefined : one
    })
    assert.match(second.issuer, /Pebble/)

    // the rest is the same for both
    if (challenge !== 'http-01') return
    await asksForMore(port)
    await pebble.stop()
    const failed = await server.cli(['tls', 'renew'])
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /not renewed, what was there stays/)
    assert.deepEqual(await shown(imaps, NAMES[1]!), second)
    assert.match((await server.cli(['tls', 'renew', 'other.test'])).stderr, /other\.test is not ordered here/)
  })
}

/** Nothing but answers to challenges under way is to be had. */
async function asksForMore(port: number): Promise<void> {
  for (const path of [
    '',
    '.well-known/acme-challenge/',
    '.well-known/acme-challenge/none',
    '.well-known/acme-challenge/..%2f..%2fmail.pem',
  ]) {
    const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--path-as-is', `http://127.0.0.1:${port}/${path}`]
    assert.equal((await runProgram('curl', args)).stdout, '404', path)
  }
}
