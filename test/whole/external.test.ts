/** Logging in by client certificate (EXTERNAL) to a whole server, over every protocol. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { externalClient, plainClient } from '../harness/sasl-client.js'
import { SaslTalk } from '../harness/sasl-talk.js'
import { program } from '../harness/shared.js'

const LOGIN = 'alice@example.test'
const openssl = program('openssl')
const msmtp = program('msmtp')

const DOORS = [
  ['smtp', 'submission', 'starttls'],
  ['smtp', 'submissions', 'implicit'],
  ['imap', 'imap', 'starttls'],
  ['imap', 'imaps', 'implicit'],
  ['pop3', 'pop3', 'starttls'],
  ['pop3', 'pop3s', 'implicit'],
] as const
const GOOD = { smtp: /^235 /, imap: /^t OK /, pop3: /^\+OK / }
const BAD = { smtp: /^535 5\.7\.8 /, imap: /^t NO \[AUTHENTICATIONFAILED\] /, pop3: /^-ERR \[AUTH\] / }

describe('logging in by certificate', { skip: openssl === undefined ? 'no openssl' : false }, () => {
  let dir: string
  let instance: Instance
  let shown: { cert: string; key: string }

  const file = (name: string) => join(dir, name)

  async function ssl(...args: string[]): Promise<void> {
    const { code, stderr } = await runProgram(openssl!, args)
    assert.equal(code, 0, stderr)
  }

  const newKey = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    file(name),
  ]

  async function makeCertificates(): Promise<void> {
    await ssl('req', '-x509', ...newKey('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=our people', '-days', '2')
    await ssl('req', ...newKey('alice.key'), '-out', file('alice.csr'), '-subj', '/CN=alice')
    await writeFile(file('alice.ext'), `subjectAltName=email:${LOGIN}\nextendedKeyUsage=clientAuth\n`)
    const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2']
    await ssl('x509', '-req', '-in', file('alice.csr'), ...by, '-extfile', file('alice.ext'), '-out', file('alice.pem'))
    shown = { cert: await readFile(file('alice.pem'), 'utf8'), key: await readFile(file('alice.key'), 'utf8') }
  }

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-external-'))
    await makeCertificates()
    const asked = { client_certificates: 'request' }
    instance = await Instance.make({
      without: CONTENT,
      users: [
        [LOGIN, 'correct horse'],
        ['bob@example.test', 'battery staple'],
      ],
      server: { tls: { client_ca: file('ca.pem') } },
      plugins: { imap: { ...asked, login_delay: '1ms' }, pop3: { ...asked, login_delay: '1ms' } },
      first: [{ use: 'auth-certificate', with: { by: ['address'] } }],
    })
    await instance.edit('server.yaml', text => {
      const document = parseDocument(text)
      for (const listener of (document.get('listeners') as YAMLSeq<YAMLMap>).items) {
        if (listener.get('tls') !== 'none') listener.set('client_certificates', 'request')
      }
      return document.toString()
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await rm(dir, { recursive: true, force: true })
  })

  for (const [protocol, door, way] of DOORS) {
    const open = (tls: object = shown) => SaslTalk.open(protocol, { port: instance.ports[door], way, tls })

    test(`by ${door}: EXTERNAL comes first, lets alice in, and nobody else`, async () => {
      for (const [client, answer] of [
        [externalClient(), GOOD],
        [externalClient(LOGIN), GOOD],
        [externalClient('bob@example.test'), BAD],
      ] as const) {
        for (const initial of [true, false]) {
          const talk = await open()
          assert.equal((await talk.ask())[0], 'EXTERNAL')
          assert.match(await talk.authenticate(client, { initial }), answer[protocol])
          talk.close()
        }
      }
    })

    test(`by ${door}: who shows no certificate is not offered EXTERNAL and logs in as ever`, async () => {
      const talk = await open({})
      assert.ok(!(await talk.ask()).includes('EXTERNAL'))
      assert.match(await talk.authenticate(externalClient()), /^504 |^t NO \[CANNOT\]|^-ERR Unknown mechanism/)
      assert.match(await talk.authenticate(plainClient(LOGIN, 'correct horse')), GOOD[protocol])
      talk.close()
    })
  }

  test('msmtp sends with external', { skip: msmtp === undefined ? 'no msmtp' : false }, async () => {
    const server = ['--host=127.0.0.1', `--port=${instance.ports.submission}`, '--tls=on', '--tls-certcheck=off']
    const who = [`--tls-cert-file=${file('alice.pem')}`, `--tls-key-file=${file('alice.key')}`, '--auth=external']
    const args = [...server, ...who, `--user=${LOGIN}`, `--from=${LOGIN}`, LOGIN]
    const { code, stderr } = await runProgram(msmtp!, args, { stdin: 'Subject: x\n\nx\n', env: { HOME: dir } })
    assert.equal(code, 0, stderr)
  })
})
