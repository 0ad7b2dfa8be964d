/**
 * Logging in to a whole server by every mechanism over every protocol: STARTTLS and implicit TLS, TLS 1.2 and 1.3, with a client of our
 * own that knows all of them, and with clients nobody here wrote.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { bearerClient, loginClient, plainClient, type SaslClient, ScramClient } from '../harness/sasl-client.js'
import { type Protocol, SaslTalk, type Way } from '../harness/sasl-talk.js'
import { program } from '../harness/shared.js'

const LOGIN = 'alice@example.test'
const PASSWORD = 'correct horse'
const TOKEN = 'eyJhbGciOiJub25lIn0.e30.'

const PORTS = {
  smtp: { starttls: 'submission', implicit: 'submissions' },
  imap: { starttls: 'imap', implicit: 'imaps' },
  pop3: { starttls: 'pop3', implicit: 'pop3s' },
} as const
const GOOD = { smtp: /^235 2\.7\.0 /, imap: /^t OK /, pop3: /^\+OK / }
const BAD = { smtp: /^535 5\.7\.8 /, imap: /^t NO \[AUTHENTICATIONFAILED\] /, pop3: /^-ERR \[AUTH\] / }
const PROTOCOLS = ['smtp', 'imap', 'pop3'] as const
const WAYS = ['starttls', 'implicit'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** Knows one token, and nobody's certificate. */
const TOKENS = `export default {
  name: 'tokens', summary: 'one token', config: { type: 'object' }, needs: ['accounts'],
  setup({ services }) {
    const auth = async ({ credentials }) => {
      if (credentials.kind !== 'token') return undefined
      const account = await services.get('accounts').byLogin('${LOGIN}')
      return credentials.token === '${TOKEN}' && account !== undefined && ['', account.login].includes(credentials.login)
        ? { kind: 'authenticated', account }
        : { kind: 'reject', code: 535, status: '5.7.8', text: 'Authentication failed' }
    }
    return { hooks: { auth }, checks: ['token'] }
  },
}`

const curl = program('curl')
const mbsync = program('mbsync')
const msmtp = program('msmtp')
const swaks = program('swaks')
const gsasl = program('gsasl')
const mpop = program('mpop')

function without(path: string | undefined, name: string): { skip: string | false } {
  return { skip: path === undefined ? `no ${name}` : false }
}

describe('logging in', () => {
  let instance: Instance
  let dir: string
  let certificate: string

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'posthouse-sasl-'))
    instance = await Instance.make({
      without: CONTENT,
      users: [[LOGIN, PASSWORD]],
      files: { 'tokens.js': TOKENS },
      first: [{ use: './tokens.js' }],
      plugins: { imap: { login_delay: '1ms' }, pop3: { login_delay: '1ms' } },
    })
    await instance.start()
    certificate = join(instance.dataDir, 'tls/self-signed/certificate.pem')
  })
  after(async () => {
    await instance.destroy()
    await rm(dir, { recursive: true, force: true })
  })

  function open(protocol: Protocol, way: Exclude<Way, 'clear'>, version: 'TLSv1.2' | 'TLSv1.3'): Promise<SaslTalk> {
    return SaslTalk.open(protocol, { port: instance.ports[PORTS[protocol][way]], way, version })
  }

  const PLUSES = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS']
  const OTHERS = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'OAUTHBEARER', 'XOAUTH2', 'PLAIN', 'LOGIN']
  const MECHANISMS = [...PLUSES, ...OTHERS]

  function clientOf(mechanism: string, talk: SaslTalk, password: string, token: string): SaslClient {
    if (mechanism === 'PLAIN') return plainClient(LOGIN, password)
    if (mechanism === 'LOGIN') return loginClient(LOGIN, password)
    if (mechanism === 'OAUTHBEARER' || mechanism === 'XOAUTH2') return bearerClient(mechanism, LOGIN, token)
    const scram = { mechanism, login: LOGIN, password }
    return new ScramClient(mechanism.endsWith('-PLUS') ? { ...scram, binding: bindingOf(talk) } : scram)
  }

  function bindingOf(talk: SaslTalk) {
    return { type: 'tls-exporter', data: talk.exporter }
  }

  function endPointOf(talk: SaslTalk) {
    // our own certificate is signed with SHA-256
    const data = createHash('sha256').update(talk.tls.getPeerCertificate().raw).digest()
    return { type: 'tls-server-end-point', data }
  }

  for (const protocol of PROTOCOLS) {
    for (const way of WAYS) {
      for (const version of VERSIONS) {
        test(`by ${protocol}, ${way}, ${version}: every mechanism that is named works, strongest first`, async () => {
          const talk = await open(protocol, way, version)
          const named = await talk.ask()
          talk.close()
          assert.deepEqual(named, version === 'TLSv1.3' ? MECHANISMS : OTHERS)
          for (const mechanism of named) {
            const client = await open(protocol, way, version)
            await client.ask()
            const sasl = clientOf(mechanism, client, PASSWORD, TOKEN)
            const initial = way === 'implicit'
            assert.match(await client.authenticate(sasl, { initial }), GOOD[protocol], mechanism)
            if (sasl instanceof ScramClient) assert.ok(sasl.proven)
            client.close()
          }
        })
      }
    }

    test(`by ${protocol}: wrong passwords, tokens, logins and bindings are all answered alike`, async () => {
      for (const mechanism of MECHANISMS) {
        const talk = await open(protocol, 'implicit', 'TLSv1.3')
        await talk.ask()
        assert.match(await talk.authenticate(clientOf(mechanism, talk, 'wrong', 'wrong')), BAD[protocol], mechanism)
        talk.close()
      }
      const scram = { mechanism: 'SCRAM-SHA-256-PLUS', login: LOGIN, password: PASSWORD }
      for (const [what, more] of [
        ['of another connection', { binding: { type: 'tls-exporter', data: Buffer.alloc(32) } }],
        ['of another server', { binding: { type: 'tls-server-end-point', data: Buffer.alloc(32) } }],
        ['of a kind that TLS 1.3 has not', { binding: { type: 'tls-unique', data: Buffer.alloc(12) } }],
        ['cut out by somebody in between', { mechanism: 'SCRAM-SHA-256', flag: 'y' }],
      ] as const) {
        const talk = await open(protocol, 'implicit', 'TLSv1.3')
        await talk.ask()
        assert.match(await talk.authenticate(new ScramClient({ ...scram, ...more })), BAD[protocol], what)
        talk.close()
      }
      await instance.logged(/"why":"bound to another channel","msg":"SASL exchange refused"/)
      await instance.logged(/"why":"was not told that -PLUS is offered/)
    })

    test(`by ${protocol}: tls-server-end-point binds too`, async () => {
      const talk = await open(protocol, 'starttls', 'TLSv1.3')
      await talk.ask()
      const binding = endPointOf(talk)
      const client = new ScramClient({ mechanism: 'SCRAM-SHA-1-PLUS', login: LOGIN, password: PASSWORD, binding })
      assert.match(await talk.authenticate(client), GOOD[protocol])
      talk.close()
    })
  }

  test('before TLS no mechanism is named', async () => {
    for (const protocol of PROTOCOLS) {
      const talk = await SaslTalk.open(protocol, { port: instance.ports[PORTS[protocol].starttls], way: 'clear' })
      assert.deepEqual(await talk.ask(), [], protocol)
      const answer = await talk.authenticate(
        new ScramClient({ mechanism: 'SCRAM-SHA-256', login: LOGIN, password: 'x' }),
      )
      assert.match(answer, /^504 5\.5\.4 |^t NO \[PRIVACYREQUIRED\]|^-ERR /, protocol)
      talk.close()
    }
  })

  // ── clients nobody here wrote ──

  async function run(path: string | undefined, args: readonly string[], stdin?: string): Promise<string> {
    const options = { env: { HOME: dir }, ...(stdin !== undefined && { stdin }) }
    const { code, stdout, stderr } = await runProgram(path!, args, options)
    assert.equal(code, 0, `${path} ${args.join(' ')}\n${stdout}\n${stderr}\n${instance.log.slice(-2000)}`)
    return stdout + stderr
  }

  for (const mechanism of ['PLAIN', 'LOGIN']) {
    test(`curl logs in by ${mechanism} to all three`, without(curl, 'curl'), async () => {
      const { submissions, imaps, pop3s } = instance.ports
      const user = ['-sSkv', '-u', `${LOGIN}:${PASSWORD}`, '--login-options', `AUTH=${mechanism}`]
      const mail = join(dir, 'curl.eml')
      await writeFile(mail, 'Subject: by curl\r\n\r\nx\r\n')
      const send = ['--mail-from', LOGIN, '--mail-rcpt', LOGIN, '-T', mail]
      assert.match(await run(curl, [...user, `smtps://127.0.0.1:${submissions}`, ...send]), saidBy('AUTH', mechanism))
      assert.match(await run(curl, [...user, `imaps://127.0.0.1:${imaps}/`]), saidBy('AUTHENTICATE', mechanism))
      assert.match(await run(curl, [...user, `pop3s://127.0.0.1:${pop3s}/`]), saidBy('AUTH', mechanism))
    })
  }

  test('curl logs in by OAUTHBEARER, and hears why it may not', without(curl, 'curl'), async () => {
    const args = ['-sSkv', `imaps://127.0.0.1:${instance.ports.imaps}/`, '-u', LOGIN]
    assert.match(await run(curl, [...args, '--oauth2-bearer', TOKEN]), saidBy('AUTHENTICATE', 'OAUTHBEARER'))
    const { code } = await runProgram(curl!, [...args, '--oauth2-bearer', 'wrong'])
    assert.equal(code, 67)
  })

  for (const mechanism of ['scram-sha-256', 'scram-sha-1', 'oauthbearer', 'xoauth2', 'plain', 'login']) {
    test(`msmtp sends with ${mechanism}`, without(msmtp, 'msmtp'), async () => {
      const secret = mechanism.includes('oauth') || mechanism === 'xoauth2' ? TOKEN : PASSWORD
      const tls = ['--tls=on', '--tls-certcheck=off', `--port=${instance.ports.submission}`, '--host=127.0.0.1']
      const who = [`--auth=${mechanism}`, `--user=${LOGIN}`, `--passwordeval=echo ${secret}`, `--from=${LOGIN}`]
      await run(msmtp, [...tls, ...who, LOGIN], 'Subject: by msmtp\n\nhello\n')
    })
  }

  for (const mechanism of ['scram-sha-256', 'scram-sha-1', 'xoauth2', 'plain', 'login', 'user']) {
    test(`mpop fetches with ${mechanism}`, without(mpop, 'mpop'), async () => {
      const server = ['--host=127.0.0.1', `--port=${instance.ports.pop3}`, '--tls=on', '--tls-certcheck=off']
      const secret = mechanism === 'xoauth2' ? TOKEN : PASSWORD
      const who = [`--auth=${mechanism}`, `--user=${LOGIN}`, `--passwordeval=echo ${secret}`]
      const box = join(dir, `mpop-${mechanism}`)
      for (const folder of ['', 'cur', 'new', 'tmp']) await mkdir(join(box, folder))
      await run(mpop, [...server, ...who, '--keep=on', `--uidls-file=${box}/uidls`, `--delivery=maildir,${box}`])
    })
  }

  for (const mechanism of ['PLAIN', 'LOGIN']) {
    test(`swaks sends with ${mechanism}`, without(swaks, 'swaks'), async () => {
      const server = ['--server', `127.0.0.1:${instance.ports.submission}`, '--tls', '--timeout', '60']
      const who = ['--auth', mechanism, '--auth-user', LOGIN, '--auth-password', PASSWORD]
      await run(swaks, [...server, ...who, '--to', LOGIN, '--from', LOGIN])
    })
  }

  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']) {
    test(`mbsync mirrors after ${mechanism}`, without(mbsync, 'mbsync'), async () => {
      const mail = join(dir, `mail-${mechanism}`)
      await mkdir(mail)
      const config = join(dir, `mbsyncrc-${mechanism}`)
      const account = `IMAPAccount here\nHost localhost\nPort ${instance.ports.imap}\nUser ${LOGIN}\nPass "${PASSWORD}"\n`
      const tls = `SSLType STARTTLS\nCertificateFile ${certificate}\nAuthMechs ${mechanism}\n`
      const stores = `\nIMAPStore far\nAccount here\n\nMaildirStore near\nPath ${mail}/\nInbox ${mail}/INBOX\n`
      const channel = '\nChannel all\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\n'
      await writeFile(config, account + tls + stores + channel)
      assert.match(
        await run(mbsync, ['-V', '-c', config, 'all']),
        new RegExp(`Authenticating with SASL mechanism ${mechanism}`),
      )
    })
  }

  function byGsasl(protocol: 'imap' | 'smtp', mechanism: string, version: 'TLSv1.2' | 'TLSv1.3') {
    const port = instance.ports[PORTS[protocol].starttls]
    const server = [`--${protocol}`, `--connect=localhost:${port}`, `--x509-ca-file=${certificate}`, '--starttls']
    const priority = `--priority=NORMAL:-VERS-ALL:+VERS-${version.replace('v', '')}`
    // It refuses to speak of SCRAM without -PLUS once it could bind.
    const binding = mechanism.endsWith('-PLUS') ? [] : ['--no-cb']
    return [...server, priority, ...binding, '--verbose', '-m', mechanism, '-a', LOGIN, '-p', PASSWORD]
  }

  for (const [mechanism, version] of [
    ['SCRAM-SHA-256-PLUS', 'TLSv1.3'],
    ['SCRAM-SHA-1-PLUS', 'TLSv1.3'],
    ['SCRAM-SHA-256', 'TLSv1.2'],
    ['SCRAM-SHA-1', 'TLSv1.3'],
    ['PLAIN', 'TLSv1.3'],
  ] as const) {
    for (const protocol of ['imap', 'smtp'] as const) {
      test(`gsasl logs in by ${mechanism} to ${protocol} over ${version}`, without(gsasl, 'gsasl'), async () => {
        const said = await run(gsasl, byGsasl(protocol, mechanism, version), '')
        assert.match(said, GOOD_OF_GSASL)
      })
    }
  }
})

const GOOD_OF_GSASL = /Client authentication finished/i

function saidBy(command: string, mechanism: string): RegExp {
  return new RegExp(`${command} ${mechanism}`)
}
