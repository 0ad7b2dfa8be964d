/**
 * A site's own list in two whole servers: the first has it and serves it as a zone from both its workers, the second asks for it as for any
 * DNSBL. Clients of all networks are one client on loopback that says by XCLIENT who it is.
 */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { commandLine } from '../harness/command-line.js'
import { CONTENT, eventually, Instance, PATIENCE_MS } from '../harness/instance.js'
import { freePort } from '../harness/ports.js'
import { runProgram } from '../harness/programs.js'
import { talk } from '../harness/relay-attempts.js'
import { program } from '../harness/shared.js'
import { ask } from '../plugins/zone-server/packets.js'

const ZONE = 'bl.example.test'
const BY_NAME = { zone: ZONE, name: 'ours-by-name', holds: 'domains', names: 'both' }
const NO_DIG = program('dig') === undefined ? 'no dig' : false
const NO_DRILL = program('drill') === undefined ? 'no drill' : false

describe('a list that one server serves to another', () => {
  let port: number
  let first: Instance
  let second: Instance
  let resolver: Resolver

  before(async () => {
    port = await freePort()
    const listen = `127.0.0.1:${port}`
    first = await Instance.make({
      without: CONTENT,
      server: { workers: 2, xclient: ['127.0.0.0/8'] },
      files: { 'ours.list': '192.0.2.0/24 points=6 Attacks since May\n.spam.example\n' },
      first: [
        { use: 'local-list', with: { files: ['ours.list'], reject_at: 6 } },
        { use: 'zone-server', with: { listen: [listen], rate: 0, zones: [{ zone: ZONE }] } },
      ],
    })
    second = await Instance.make({
      without: CONTENT,
      server: { xclient: ['127.0.0.0/8'], dns: { servers: [listen] } },
      first: [{ use: 'dnsbl', with: { reject_at: 1, lists: [{ zone: ZONE, ipv6: true }, BY_NAME] } }],
    })
    await first.start()
    await first.logged(/zones are served/)
    await second.start()
    await second.logged(/lists are tested/)
    resolver = new Resolver({ timeout: 10_000, tries: 3 })
    resolver.setServers([listen])
  })
  after(async () => {
    await second?.destroy()
    await first?.destroy()
  })

  const listed = async (name: string) => {
    try {
      return await resolver.resolve4(`${name}.${ZONE}`)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOTFOUND')
      return undefined
    }
  }
  const mailFrom = (server: Instance, address: string) =>
    talk(server.ports.mx, [
      'EHLO outer.test',
      `XCLIENT ADDR=${address}`,
      'EHLO client.test',
      'MAIL FROM:<a@elsewhere.test>',
      'RCPT TO:<alice@example.test>',
    ])

  test('what stands in a file is in the zone, with its reason', async () => {
    assert.deepEqual(await listed('7.2.0.192'), ['127.0.0.2'])
    assert.deepEqual(await listed('www.spam.example'), ['127.0.0.2'])
    assert.equal(await listed('7.3.0.192'), undefined)
    assert.deepEqual(await resolver.resolveTxt(`7.2.0.192.${ZONE}`), [
      [`192.0.2.7 is listed by ${ZONE}: Attacks since May`],
    ])
  })

  test('the first refuses by its list, and the second by asking the first', async () => {
    assert.match(
      (await mailFrom(first, '192.0.2.7')).at(-1)!,
      /^550 5\.7\.1 192\.0\.2\.7 is on a list of this site: Attacks since May/,
    )
    assert.match(
      (await mailFrom(second, '192.0.2.7')).at(-1)!,
      /^550 5\.7\.1 Your address 192\.0\.2\.7 is listed by bl\.example\.test/,
    )
    assert.doesNotMatch((await mailFrom(second, '192.0.3.7')).at(-1)!, /listed/)
    await second.logged(/Attacks since May/)
  })

  test('the second finds its test entries right, by address of both families and by name, and asks for names too', async () => {
    const status = await commandLine(second, 'dnsbl', 'status', '--json')
    const rows = JSON.parse(status.out) as { list: string; state: string }[]
    assert.deepEqual(
      rows.map(({ list, state }) => `${list} ${state}`),
      [`${ZONE} healthy`, `${ZONE} healthy`, 'ours-by-name healthy'],
    )
    assert.match(
      (await commandLine(second, 'dnsbl', 'check', 'www.spam.example')).out,
      /ours-by-name +listed \(127\.0\.0\.2/,
    )
    assert.doesNotMatch((await commandLine(second, 'dnsbl', 'check', 'www.ham.example')).out, /ours-by-name +listed/)
  })

  test('what is added by command is in the zone soon, and out of it as well', async () => {
    const added = await commandLine(first, 'local-list', 'add', '198.51.100.7', '--reason', 'By hand')
    assert.equal(added.code, 0, added.out)
    await eventually(async () => ((await listed('7.100.51.198')) ? true : undefined))
    // Both workers: each question goes to one of them.
    for (let i = 0; i < 20; i++) assert.deepEqual(await listed('7.100.51.198'), ['127.0.0.2'])
    assert.equal((await commandLine(first, 'local-list', 'rm', '198.51.100.7')).code, 0)
    await eventually(async () => ((await listed('7.100.51.198')) ? undefined : true))
  })

  test('a file that has changed is served soon, and one that is wrong is not', async () => {
    const write = async (text: string) => {
      await writeFile(join(first.configDir, 'new'), text)
      await rename(join(first.configDir, 'new'), join(first.configDir, 'ours.list'))
    }
    await write('203.0.113.0/24\n')
    // By both workers, or what stays in one of them were the file before.
    const read = () => first.log.match(/"entries":1,.*"list file read"/g)?.length ?? 0
    await eventually(() => (read() === 2 ? true : undefined))
    await write('203.0.113.0/24\n*.wrong\n')
    await first.logged(/list file is wrong, what was read before stays/)
    assert.deepEqual(await listed('7.113.0.203'), ['127.0.0.2'])
    await write('203.0.113.0/24\n')
  })

  test('a reload loses no question', async t => {
    const socket = createSocket('udp4')
    let answers = 0
    socket.on('message', () => answers++)
    let asked = 0
    const timer = setInterval(() => {
      asked++
      socket.send(ask(`7.113.0.203.${ZONE}`, { id: asked }), port, '127.0.0.1')
    }, 10)
    t.after(() => {
      clearInterval(timer)
      socket.close()
    })
    const ready = first.logged(/generation":2|reloaded/)
    first.signal('SIGHUP')
    await ready
    const enough = asked + 100
    await eventually(() => (asked >= enough ? true : undefined))
    clearInterval(timer)
    await eventually(
      () => (answers === asked ? true : undefined),
      PATIENCE_MS,
      () => `${answers} of ${asked} were answered`,
    )
  })

  test('dig and drill read its answers, by UDP and by TCP', { skip: NO_DIG || NO_DRILL }, async () => {
    const dig = await runProgram(program('dig')!, ['-p', String(port), '@127.0.0.1', `2.0.0.127.${ZONE}`, 'A'])
    assert.match(dig.stdout, /status: NOERROR/)
    assert.match(dig.stdout, /flags: qr aa rd;/)
    assert.doesNotMatch(dig.stdout, /WARNING: Message parser|malformed/i)
    const byTcp = await runProgram(program('dig')!, [
      '+tcp',
      '-p',
      String(port),
      '@127.0.0.1',
      `invalid.${ZONE}`,
      'TXT',
    ])
    assert.match(byTcp.stdout, /status: NXDOMAIN/)
    assert.match(byTcp.stdout, /IN\s+SOA\s+mail\.example\.test\. hostmaster\.bl\.example\.test\./)
    const drill = await runProgram(program('drill')!, ['-t', '-p', String(port), '@127.0.0.1', ZONE, 'NS'])
    assert.match(drill.stdout, /IN\s+NS\s+mail\.example\.test\./)
    const any = await runProgram(program('drill')!, ['-p', String(port), '@127.0.0.1', ZONE, 'ANY'])
    assert.match(any.stdout, /rcode: REFUSED/)
  })
})
