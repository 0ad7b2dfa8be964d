/** Servers that go away, come back, hang or lie: who hears what, and which passwords still count meanwhile. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { MailError } from '../../../core/api/index.js'
import { certify } from '../../harness/authority.js'
import { noSlapd, PEOPLE, Slapd } from '../../harness/slapd.js'
import { configFile, type Rig, rig } from './rig.js'

const isTrouble = (words: RegExp) => (error: unknown) =>
  error instanceof MailError && error.errorCode === 'directory-unavailable' && words.test(error.message)

/** Speaks for a directory; what it heard of each connection. */
async function fake(speak: (socket: Socket, heard: Buffer) => void) {
  const heard: Buffer[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    const at = heard.push(Buffer.alloc(0)) - 1
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      heard[at] = Buffer.concat([heard[at]!, chunk as Buffer])
      speak(socket, chunk as Buffer)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { url: `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, end }
}

const STARTTLS_OK = Buffer.from('300c02010178070a010004000400', 'hex')
const STARTTLS_NO = Buffer.from('300c02010178070a010204000400', 'hex')
/** A bind of message 2 that was right. */
const BIND_OK = Buffer.from('300c02010261070a010004000400', 'hex')

describe('directory servers that are no real ones', () => {
  const { cert } = certify({ commonName: 'Nobody', authority: true })
  const open = (url: string, config: object = {}) => rig({ url, ca: cert }, { timeout: '500ms', ...config })

  for (const [what, speak, words] of [
    ['says nothing', () => undefined, /no connection in time/],
    ['hangs up', (socket: Socket) => socket.end(), /closed the connection/],
    [
      'speaks another protocol',
      (socket: Socket) => socket.write('220 mail.example.test ESMTP\r\n'),
      /too long|no such answer|more in clear|no connection in time/,
    ],
    ['refuses STARTTLS', (socket: Socket) => socket.write(STARTTLS_NO), /refused STARTTLS \(2\)/],
    [
      'answers STARTTLS with more than that',
      (socket: Socket) => socket.write(Buffer.concat([STARTTLS_OK, BIND_OK])),
      /more in clear/,
    ],
    [
      'answers STARTTLS for ever',
      (socket: Socket) => socket.write(Buffer.concat([Buffer.from('3084000fffff', 'hex'), Buffer.alloc(8000)])),
      /too long|more in clear/,
    ],
    [
      'says yes to STARTTLS and speaks no TLS',
      (socket: Socket) => socket.write(STARTTLS_OK),
      /no connection in time|closed the connection|SSL|wrong version/,
    ],
  ] as const) {
    test(`one that ${what} is down, and hears no name and no password`, async t => {
      const server = await fake(speak)
      t.after(server.end)
      const { accounts, logIn, end } = await open(server.url)
      t.after(end)
      await assert.rejects(accounts.byLogin('ann'), isTrouble(words))
      assert.deepEqual(await logIn('ann', 'my password'), {
        kind: 'defer',
        code: 454,
        status: '4.7.0',
        text: 'Cannot check passwords right now, try again later',
      })
      const all = Buffer.concat(server.heard).toString('latin1')
      for (const secret of ['ann', 'my password', 'service secret']) assert.ok(!all.includes(secret), secret)
    })
  }

  test('a search that never ends is given up', async t => {
    // An entry that claims to be of 16 MB, and then some octets now and then.
    const server = await fake((socket, heard) => {
      if (heard[5] === 0x60)
        socket.write(Buffer.from(`300c0201${heard.subarray(4, 5).toString('hex')}61070a010004000400`, 'hex'))
      else socket.write(Buffer.concat([Buffer.from('3084010000000201', 'hex'), Buffer.alloc(1000)]))
    })
    t.after(server.end)
    const { accounts, end } = await open(server.url, { tls: 'none' })
    t.after(end)
    await assert.rejects(accounts.byLogin('ann'), isTrouble(/timed out|Connection closed/))
  })
})

describe('a directory that goes away and comes back', { skip: noSlapd() }, () => {
  if (noSlapd() !== false) return
  let slapd: Slapd
  let made: Rig

  before(async () => {
    slapd = await Slapd.start([
      { uid: 'ann', mail: ['ann@example.test'], password: 'ann secret' },
      { uid: 'bob', mail: ['bob@example.test'], password: 'bob secret' },
    ])
  })
  after(() => slapd.destroy())
  beforeEach(async () => {
    made = await rig(slapd, { timeout: '2s', connections: 2, waiting: 1, remember: '1m', remember_while_down: '1h' })
  })
  afterEach(() => made.end())

  const kindOf = async (login: string, password: string) => (await made.logIn(login, password))?.kind

  test('answers over new connections after it was started anew', async () => {
    assert.equal(await kindOf('ann', 'ann secret'), 'authenticated')
    await slapd.end()
    await slapd.begin()
    made.clock.at += 120_000
    assert.equal((await made.accounts.byLogin('ann'))?.login, 'ann')
    assert.equal(await kindOf('ann', 'ann secret'), 'authenticated')
    assert.equal(await kindOf('ann', 'wrong'), 'reject')
  })

  test('passwords that were right count for a while, in their own right; others have to wait', async () => {
    assert.equal(await kindOf('ann', 'ann secret'), 'authenticated')
    assert.equal(await kindOf('bob', 'wrong'), 'reject')
    await slapd.end()
    try {
      made.clock.at += 3_599_000
      assert.equal(await kindOf('ann', 'ann secret'), 'authenticated')
      for (const [login, password] of [
        ['ann', 'other'],
        ['bob', 'wrong'],
        ['bob', 'bob secret'],
        ['nobody', 'x'],
      ] as const)
        assert.equal(await kindOf(login, password), 'defer', `${login} ${password}`)
      made.clock.at += 2_000
      assert.equal(await kindOf('ann', 'ann secret'), 'defer')
    } finally {
      await slapd.begin()
    }
  })

  test('held still, it is waited for no longer than the config says, and the second server answers', async t => {
    const second = await Slapd.start([{ uid: 'eve', mail: ['eve@example.test'] }])
    t.after(() => second.destroy())
    configFile('both.pem', slapd.ca + second.ca)
    const both = await rig(slapd, { servers: [slapd.url, second.url], ca: 'both.pem', timeout: '1s' })
    t.after(() => both.end())
    slapd.hold()
    try {
      assert.equal((await both.accounts.byLogin('eve'))?.login, 'eve')
      assert.equal(await both.accounts.byLogin('ann'), undefined)
    } finally {
      slapd.goOn()
    }
    assert.match(
      both.log.lines.map(({ sentence }) => sentence).join(),
      /directory server does not answer, the next is asked/,
    )
  })

  test('a password that was changed there counts no longer than it is remembered', async () => {
    assert.equal(await kindOf('bob', 'bob secret'), 'authenticated')
    await slapd.change(`dn: uid=bob,${PEOPLE}\nchangetype: modify\nreplace: userPassword\nuserPassword: new secret\n`)
    assert.equal(await kindOf('bob', 'bob secret'), 'authenticated')
    made.clock.at += 60_000
    assert.equal(await kindOf('bob', 'bob secret'), 'reject')
    assert.equal(await kindOf('bob', 'new secret'), 'authenticated')
  })

  test('somebody who was removed there does not log in any more, remembered or not', async () => {
    await slapd.change(
      `dn: uid=carl,${PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\ncn: c\nsn: c\nuserPassword: carl secret\n`,
    )
    assert.equal(await kindOf('carl', 'carl secret'), 'authenticated')
    await slapd.change(`dn: uid=carl,${PEOPLE}\nchangetype: delete\n`)
    assert.equal(await kindOf('carl', 'carl secret'), undefined)
  })

  test('an empty password is nobody’s: a directory would say yes to it', async () => {
    assert.equal(await kindOf('ann', ''), 'reject')
  })

  test('more log-ins than may wait are told to come again', async () => {
    slapd.hold()
    const all = Array.from({ length: 4 }, () => kindOf('ann', 'guess'))
    slapd.goOn()
    const kinds = await Promise.all(all)
    assert.deepEqual(kinds.toSorted(), ['defer', 'reject', 'reject', 'reject'])
  })

  test('with passwords: none it checks none', async t => {
    const other = await rig(slapd, { passwords: 'none' })
    t.after(() => other.end())
    assert.equal(await other.logIn('ann', 'ann secret'), undefined)
  })
})

describe('the certificate of a directory', { skip: noSlapd() }, () => {
  if (noSlapd() !== false) return
  let slapd: Slapd
  before(async () => {
    slapd = await Slapd.start([{ uid: 'ann' }], { names: ['localhost', 'ldap.example.test'] })
  })
  after(() => slapd.destroy())

  for (const [what, config, words] of [
    ['right, within TLS from the first octet', () => ({ servers: [slapd.tlsUrl] }), undefined],
    ['right, by STARTTLS', () => ({}), undefined],
    [
      'right for the name in the config',
      () => ({ servers: [`ldap://127.0.0.1:${slapd.port}`], server_name: 'ldap.example.test' }),
      undefined,
    ],
    ['wrong for the host', () => ({ servers: [`ldaps://127.0.0.1:${slapd.tlsPort}`] }), /does not match certificate/],
    ['wrong for the name in the config', () => ({ server_name: 'other.example.test' }), /does not match certificate/],
    ['of nobody the system trusts', () => ({ ca: undefined }), /unable to verify|self-signed|unable to get/],
  ] as const) {
    test(`is ${what}`, async t => {
      const { accounts, end } = await rig(slapd, config())
      t.after(end)
      if (words === undefined) assert.equal((await accounts.byLogin('ann'))?.login, 'ann')
      else await assert.rejects(accounts.byLogin('ann'), isTrouble(words))
    })
  }
})
