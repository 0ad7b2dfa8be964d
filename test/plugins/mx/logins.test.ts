/**
 * Logins at smarthosts: which mechanism is taken, what is proven, and that a login that fails is nobody's fault but ours. The server's side
 * of SCRAM is that of our own submission ports.
 */
import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { ScramKeys } from '../../../core/api/index.js'
import { selfSigned } from '../../../core/net/certificate.js'
import { scram } from '../../../core/sasl/scram.js'
import type { Stage } from '../../harness/sink-script.js'
import { type SinkOptions, SmtpSink } from '../../harness/smtp-sink.js'
import { makeJob, makeRig } from './rig.js'

const { certificate: cert, key } = selfSigned({ names: ['smart.test'], now: Date.now() })
const TLS = { cert, key }
const SECRET = 'open sesame'

const open: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

type Auth = (line: string) => string

/** A smarthost with these mechanisms; `auth` answers AUTH and what follows until the exchange is over. */
async function smarthost(mechanisms: string, auth: Auth, more: Partial<SinkOptions> = {}): Promise<SmtpSink> {
  let within = false
  const script = (stage: Stage, argument: string) => {
    if (stage !== 'other' && !(within && stage !== 'end')) return undefined
    if (stage === 'other' && (within || /^AUTH /i.test(argument))) {
      const reply = auth(argument)
      within = reply.startsWith('334')
      return reply
    }
    return undefined
  }
  const keywords = ['PIPELINING', '8BITMIME', `AUTH ${mechanisms}`]
  const made = await new SmtpSink({ tls: TLS, keywords, script, ...more }).start()
  open.push(() => made.stop())
  return made
}

async function rig(port: number, auth: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-logins-'))
  open.push(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'secret'), `${SECRET}\nsecond line\n`)
  await writeFile(join(dir, 'ca.pem'), cert)
  const where = JSON.parse(JSON.stringify(auth).replaceAll('$DIR', dir))
  const route = {
    hosts: [`127.0.0.1:${port}`],
    ca: join(dir, 'ca.pem'),
    server_name: 'smart.test',
    auth: where,
    ...more,
  }
  const made = await makeRig({ routes: { '*': route } })
  open.push(made.dispose)
  return made
}

const FROM_FILE = { user: 'relay', password_file: '$DIR/secret' }
const b64 = (text: string) => Buffer.from(text).toString('base64')

const KEYS: ScramKeys = (() => {
  const salt = Buffer.from('0123456789abcdef')
  const salted = pbkdf2Sync(SECRET, salt, 4096, 32, 'sha256')
  const mac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(mac('Client Key')).digest('base64')
  const candidate = { storedKey, serverKey: mac('Server Key').toString('base64') }
  return {
    mechanism: 'SCRAM-SHA-256',
    salt: salt.toString('base64'),
    iterations: 4096,
    candidates: [candidate],
  } as unknown as ScramKeys
})()

/** Our own server's side. */
function scramServer(): Auth {
  let machine: ReturnType<typeof scram> | undefined
  return line => {
    const binding = { data: () => undefined }
    machine ??= scram({ mechanism: 'SCRAM-SHA-256', plus: false, plusOffered: false, binding, nonce: 'theirs' })
    const response = Buffer.from(line.split(' ').at(-1)!, 'base64')
    let turn = machine.respond(response)
    if (turn.kind === 'keys') turn = machine.keys!(KEYS, 1)
    if (turn.kind === 'challenge') return `334 ${turn.data.toString('base64')}`
    if (turn.kind === 'proven') return `334 ${turn.data!.toString('base64')}`
    return turn.kind === 'done' ? '235 2.7.0 in' : '535 5.7.8 no'
  }
}

describe('a login at a smarthost', () => {
  for (const [mechanisms, auth, expected] of [
    ['PLAIN LOGIN', FROM_FILE, `AUTH PLAIN ${b64(`\0relay\0${SECRET}`)}`],
    [
      'XOAUTH2',
      { user: 'relay', token_file: '$DIR/secret' },
      `AUTH XOAUTH2 ${b64(`user=relay\u0001auth=Bearer ${SECRET}\u0001\u0001`)}`,
    ],
    [
      'XOAUTH2 OAUTHBEARER',
      { user: 're,lay', token_file: '$DIR/secret' },
      `AUTH OAUTHBEARER ${b64(`n,a=re=2Clay,\u0001auth=Bearer ${SECRET}\u0001\u0001`)}`,
    ],
  ] as const) {
    test(`is made by the best of ${mechanisms}`, async () => {
      const said: string[] = []
      const peer = await smarthost(mechanisms, line => {
        said.push(line)
        return '235 2.7.0 in'
      })
      const { deliver, logged } = await rig(peer.port, auth)
      const [outcome] = await deliver(makeJob(['b@them.test']))
      assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
      assert.deepEqual(said, [expected])
      assert.equal(peer.messages.length, 1)
      assert.ok(!JSON.stringify([logged, outcome]).includes(SECRET))
    })
  }

  test('by LOGIN answers the two questions', async () => {
    const said: string[] = []
    const peer = await smarthost('LOGIN', line => {
      said.push(line)
      return ['334 VXNlcm5hbWU6', '334 UGFzc3dvcmQ6', '235 in'][said.length - 1]!
    })
    const { deliver } = await rig(peer.port, FROM_FILE)
    assert.equal((await deliver(makeJob(['b@them.test'])))[0]?.kind, 'delivered')
    assert.deepEqual(said, ['AUTH LOGIN', b64('relay'), b64(SECRET)])
  })

  test('by SCRAM-SHA-256 proves itself and has the server prove itself', async () => {
    const peer = await smarthost('PLAIN SCRAM-SHA-256', scramServer())
    const { deliver } = await rig(peer.port, FROM_FILE)
    const [outcome] = await deliver(makeJob(['b@them.test']))
    assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome))
    assert.ok(peer.commands.some(line => line.includes('AUTH SCRAM-SHA-256 ')))
  })

  test('is not believed when the server says so without having proven itself', async () => {
    const peer = await smarthost('SCRAM-SHA-256', () => '235 2.7.0 welcome')
    const { deliver } = await rig(peer.port, FROM_FILE)
    const [outcome] = await deliver(makeJob(['b@them.test']))
    assert.equal(outcome?.kind, 'deferred')
    assert.match('text' in outcome! ? outcome.text : '', /not proven itself/)
    assert.equal(peer.messages.length, 0)
  })

  test('that is refused puts the mail off, is an error in the log, and is not tried again with the next message', async () => {
    let tries = 0
    const peer = await smarthost('PLAIN', () => {
      tries += 1
      return '535 5.7.8 authentication failed'
    })
    const { deliver, logged } = await rig(peer.port, FROM_FILE)
    for (let count = 0; count < 3; count += 1) {
      const [outcome] = await deliver(makeJob(['b@them.test']))
      assert.equal(outcome?.kind, 'deferred')
      assert.match('text' in outcome! ? outcome.text : '', /login of relay by PLAIN is refused: 535 5\.7\.8/)
    }
    assert.equal(tries, 1)
    assert.equal(logged.filter(({ sentence }) => sentence === 'cannot log in at the mail host').length, 1)
  })

  test('that is refused by one host is not tried at the next', async () => {
    let tries = 0
    const auth = () => {
      tries += 1
      return '535 5.7.8 no'
    }
    const [one, two] = [await smarthost('PLAIN', auth), await smarthost('PLAIN', auth)]
    const { deliver } = await rig(one.port, FROM_FILE, { hosts: [one, two].map(({ port }) => `127.0.0.1:${port}`) })
    assert.equal((await deliver(makeJob(['b@them.test'])))[0]?.kind, 'deferred')
    assert.equal(tries, 1)
  })

  test('that is put off by one host is tried at the next', async () => {
    const one = await smarthost('PLAIN', () => '454 4.7.0 try later')
    const two = await smarthost('PLAIN', () => '235 in')
    const { deliver, logged } = await rig(one.port, FROM_FILE, {
      hosts: [one, two].map(({ port }) => `127.0.0.1:${port}`),
    })
    assert.equal((await deliver(makeJob(['b@them.test'])))[0]?.kind, 'delivered')
    assert.ok(!logged.some(({ sentence }) => sentence === 'cannot log in at the mail host'))
  })

  test('that the smarthost misses at MAIL puts the mail off too', async () => {
    const peer = await smarthost('PLAIN', () => '235 in', {
      script: (stage: Stage) =>
        stage === 'other' ? '235 in' : stage === 'mail' ? '530 5.7.0 log in first' : undefined,
    })
    const { deliver } = await rig(peer.port, FROM_FILE)
    const [outcome] = await deliver(makeJob(['b@them.test']))
    assert.equal(outcome?.kind, 'deferred', JSON.stringify(outcome))
  })

  for (const [what, more, told] of [
    ['is never sent in clear', { tls: 'opportunistic', ca: undefined, server_name: undefined }, false],
    ['is sent in clear where config says so', { tls: 'none', ca: undefined, server_name: undefined }, true],
  ] as const) {
    test(what, async () => {
      const said: string[] = []
      const peer = await smarthost(
        'PLAIN',
        line => {
          said.push(line)
          return '235 in'
        },
        { tls: undefined } as unknown as Partial<SinkOptions>,
      )
      const { deliver } = await rig(peer.port, told ? { ...FROM_FILE, in_clear: true } : FROM_FILE, more)
      const [outcome] = await deliver(makeJob(['b@them.test']))
      assert.equal(outcome?.kind, told ? 'delivered' : 'deferred', JSON.stringify(outcome))
      assert.equal(said.length, told ? 1 : 0)
    })
  }

  test('takes a password that has changed meanwhile', async () => {
    const said: string[] = []
    const peer = await smarthost('PLAIN', line => {
      said.push(line)
      return '235 in'
    })
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-logins-'))
    open.push(() => rm(dir, { recursive: true, force: true }))
    await writeFile(join(dir, 'secret'), 'first')
    const { deliver } = await rig(peer.port, { user: 'relay', password_file: join(dir, 'secret') })
    await deliver(makeJob(['b@them.test']))
    await writeFile(join(dir, 'secret'), 'second')
    await deliver(makeJob(['b@them.test']))
    assert.deepEqual(
      said,
      ['first', 'second'].map(secret => `AUTH PLAIN ${b64(`\0relay\0${secret}`)}`),
    )
  })
})
