/** `posthouse dkim`, as an admin types it. */
import assert from 'node:assert/strict'
import { chmod, chown, mkdtemp, readFile, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeKey, putKey } from '../../../plugins/dkim/keygen.js'
import { type DnsServer, startDnsServer } from '../../harness/dns-server.js'
import { CONTENT, Instance } from '../../harness/instance.js'
import { runProgram } from '../../harness/programs.js'

describe('posthouse dkim', () => {
  let dns: DnsServer
  let instance: Instance

  before(async () => {
    dns = await startDnsServer()
    instance = await Instance.make({
      without: CONTENT,
      domain: 'us.test',
      server: { dns: { servers: [dns.address], timeout: '10s', tries: 1 } },
    })
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  const dkim = (...args: readonly string[]) => instance.cli(['dkim', ...args])

  test('ls says how to make a key when there is none', async () => {
    const { code, stdout } = await dkim('ls')
    assert.equal(code, 0)
    assert.match(stdout, /there are no keys; make one: posthouse dkim keygen/)
  })

  test('keygen writes a key for our eyes only, and prints what to publish', async () => {
    const { code, stdout, stderr } = await dkim('keygen', '--selector', 'S1')
    assert.equal(code, 0, stderr)
    const path = join(instance.dataDir, 'dkim/us.test/s1.pem')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.match(await readFile(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
    assert.doesNotMatch(stdout, /PRIVATE/)
    const value = /value: (v=DKIM1; k=rsa; p=[A-Za-z0-9+/]+={0,2})$/m.exec(stdout)![1]!
    const zone = /^s1\._domainkey\.us\.test\. IN TXT \( ([^)]*) \)$/m.exec(stdout)![1]!
    const strings = zone.split('\n').map(line => /^ *"(.{1,255})"$/.exec(line)![1]!)
    assert.equal(strings.join(''), value)
    assert.ok(strings.length === 2)
  })

  test('keygen never writes over a key', async () => {
    const before = await readFile(join(instance.dataDir, 'dkim/us.test/s1.pem'), 'utf8')
    const { code, stderr } = await dkim('keygen', '--selector', 's1', '--type', 'ed25519')
    assert.equal(code, 1)
    assert.match(stderr, /is there already/)
    assert.equal(await readFile(join(instance.dataDir, 'dkim/us.test/s1.pem'), 'utf8'), before)
  })

  for (const [args, wanted] of [
    [['--type', 'dsa'], /expected rsa or ed25519/],
    [['--bits', '512'], /expected 2048, 3072 or 4096/],
    [['--type', 'ed25519', '--bits', '2048'], /--bits is for RSA/],
    [['--selector', '../x'], /--selector: expected/],
    [['--domain', '../../etc'], /is no domain/],
  ] as const)
    test(`keygen ${args.join(' ')} is refused`, async () => {
      const { code, stderr } = await dkim('keygen', ...args)
      assert.equal(code, 2)
      assert.match(stderr, wanted)
    })

  test('check says what is wrong with the record, and when it is right', async () => {
    const { stdout } = await dkim('keygen', '--json', '--selector', 'e1', '--type', 'ed25519')
    const { name, value } = JSON.parse(stdout) as { name: string; value: string }
    const other = JSON.parse((await dkim('keygen', '--json', '--selector', 'e2', '--type', 'ed25519')).stdout) as {
      value: string
    }
    const says = async () => {
      const { code, stdout: text } = await dkim('check', 'us.test')
      return { code, line: text.split('\n').find(line => line.startsWith(name)) }
    }
    const cases = [
      [[], /WRONG: there is no TXT record/],
      [[other.value], /WRONG: the record is of another key/],
      [['v=DKIM1; p='], /WRONG: the record says that the key was taken back/],
      [['hello'], /WRONG: the record cannot be used: it is not a list/],
      [[value.replace('ed25519', 'rsa')], /WRONG: the record cannot be used: its p= is no rsa key/],
      [[value, value], /WRONG: there are 2 TXT records/],
      [[`${value}; t=y`], /right: the record belongs to our key; it says that it is only a test/],
      [[value], /right: the record belongs to our key$/],
    ] as const
    for (const [txt, wanted] of cases) {
      dns.set(name, { txt })
      const { code, line } = await says()
      assert.match(line!, wanted)
      assert.equal(code, 1)
    }
    dns.set('e2._domainkey.us.test', { txt: [other.value] })
    // Made after the other, by all clocks.
    await utimes(join(instance.dataDir, 'dkim/us.test/e1.pem'), 1000, 1000)
    const { stdout: s1 } = await dkim('ls', '--json')
    const rows = JSON.parse(s1) as { selector: string; use: string; type: string }[]
    assert.deepEqual(
      rows.map(({ selector, use, type }) => [selector, type, use]),
      [
        ['e1', 'ed25519', 'replaced'],
        ['e2', 'ed25519', 'in use'],
        ['s1', 'rsa 2048', 'waits'],
      ],
    )
  })

  test('check ends well when all is right', async () => {
    const path = join(instance.dataDir, 'dkim/us.test/s1.pem')
    const { stdout } = await runProgram('openssl', ['rsa', '-in', path, '-pubout', '-outform', 'DER'])
    const der = Buffer.from(stdout, 'latin1').toString('base64')
    dns.set('s1._domainkey.us.test', { txt: [`v=DKIM1; k=rsa; p=${der}`] })
    // That of the key that another one has replaced was taken away, as it should be.
    dns.set('e1._domainkey.us.test', { txt: [] })
    const { code, stdout: text } = await dkim('check')
    assert.equal(code, 0, text)
    assert.equal(text.match(/: right: /g)?.length, 2)
    assert.match(text, /^e1\._domainkey\.us\.test: not asked for: replaced, and signs nothing any more$/m)
    const rows = JSON.parse((await dkim('check', '--json')).stdout) as { name: string; use: string; right?: boolean }[]
    assert.deepEqual([rows[0]?.name, rows[0]?.use, rows[0]?.right], ['e1._domainkey.us.test', 'replaced', undefined])
  })

  test('check tells of trouble with the name service, and of a key that others may read', async () => {
    dns.set('s1._domainkey.us.test', { fails: 'servfail' })
    assert.match((await dkim('check')).stdout, /s1\._domainkey\.us\.test: WRONG: the name service did not answer/)
    await chmod(join(instance.dataDir, 'dkim/us.test/s1.pem'), 0o644)
    const { code, stdout } = await dkim('check')
    assert.equal(code, 1)
    assert.match(stdout, /our own key cannot be used: others may read or write it/)
    assert.match((await dkim('ls')).stdout, /us\.test {2}s1 {2}unknown {2}trouble .*chmod 600/)
    assert.equal((await dkim('check', 'nobody.test')).code, 1)
  })
})

test('a key that root makes belongs to the owner of the data directory', {
  skip: process.getuid?.() !== 0 && 'not root',
}, async t => {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-keygen-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await chown(dir, 65534, 65534)
  const path = join(dir, 'dkim/us.test/s.pem')
  assert.equal(await putKey(path, await makeKey('ed25519', 0), dir), true)
  for (const own of [path, join(dir, 'dkim'), join(dir, 'dkim/us.test')])
    assert.equal((await stat(own)).uid, 65534, own)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(await putKey(path, await makeKey('ed25519', 0), dir), false)
})
