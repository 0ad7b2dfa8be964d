/**
 * Logging in as clients see it that nobody here wrote: app passwords, and what happens to those who guess. Guesses come from
 * 127.0.0.2 and its neighbours, which are addresses of loopback like any other.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { type ProgramResult, runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const PASSWORD = 'correct horse'

const curl = program('curl')
const swaks = program('swaks')
const gsasl = program('gsasl')
const msmtp = program('msmtp')
const missing = [curl, swaks].includes(undefined)
const skip = missing ? 'no curl or no swaks' : false

/** CURLE_LOGIN_DENIED; what curl makes of every `no` to a log-in. */
const DENIED = 67

describe('a started server', { skip }, () => {
  let instance: Instance

  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      server: { workers: 2 },
      plugins: {
        'login-guard': { never: ['127.0.0.1'], most_delay: '0s' },
        'auth-file': { cost: 12, demo: false },
        imap: { login_delay: '0s' },
        pop3: { login_delay: '0s' },
      },
      users: [
        [ALICE, PASSWORD],
        [BOB, PASSWORD],
      ],
    })
    await instance.start()
  })
  after(() => instance.destroy())

  function imap(from: string, login: string, password: string): Promise<ProgramResult> {
    const { imaps } = instance.ports
    const secret = ['-u', `${login}:${password}`, '--login-options', 'AUTH=PLAIN']
    return runProgram(curl!, ['-vsSk', '--interface', from, `imaps://127.0.0.1:${imaps}/`, ...secret])
  }

  function pop3(from: string, login: string, password: string): Promise<ProgramResult> {
    const { pop3s } = instance.ports
    const secret = ['-u', `${login}:${password}`, '--login-options', 'AUTH=PLAIN']
    return runProgram(curl!, ['-vsSk', '--interface', from, `pop3s://127.0.0.1:${pop3s}/`, ...secret])
  }

  function smtp(from: string, login: string, password: string, mechanism = 'PLAIN'): Promise<ProgramResult> {
    const server = ['--server', `127.0.0.1:${instance.ports.submission}`, '--local-interface', from, '--tls']
    const secret = ['--auth', mechanism, '--auth-user', login, '--auth-password', password]
    return runProgram(swaks!, [...server, ...secret, '--quit-after', 'AUTH', '--timeout', '60'])
  }

  /** By SCRAM-SHA-256, over STARTTLS. */
  async function byGsasl(protocol: 'imap' | 'smtp', password: string): Promise<boolean> {
    const port = instance.ports[protocol === 'imap' ? 'imap' : 'submission']
    const certificate = join(instance.dataDir, 'tls/self-signed/certificate.pem')
    const server = [`--${protocol}`, `--connect=localhost:${port}`, `--x509-ca-file=${certificate}`, '--starttls']
    const secret = ['-m', 'SCRAM-SHA-256', '-a', BOB, '-p', password]
    const said = await runProgram(gsasl!, [...server, '--no-cb', '--verbose', ...secret])
    return /Client authentication finished/i.test(said.stdout + said.stderr)
  }

  /** By SCRAM-SHA-256. */
  async function byMsmtp(password: string): Promise<boolean> {
    const server = ['--host=127.0.0.1', `--port=${instance.ports.submission}`, '--tls=on', '--tls-certcheck=off']
    const who = ['--auth=scram-sha-256', `--user=${BOB}`, `--passwordeval=echo ${password}`, `--from=${BOB}`]
    const mail = 'Subject: by msmtp\n\nhello\n'
    return (await runProgram(msmtp!, [...server, ...who, BOB], { stdin: mail })).code === 0
  }

  /** The locks that `posthouse login locks` tells. */
  async function locks(): Promise<readonly { kind: string; login?: string; network?: string; lift: string }[]> {
    const { stdout } = await instance.cli(['login', 'locks', '--json'])
    return JSON.parse(stdout)
  }

  test('takes an app password where it is for, and the account’s own where it still counts', async () => {
    const made = await instance.cli(['user', 'app-password', 'add', BOB, 'phone', '--for', 'imap,smtp', '--json'])
    const { password } = JSON.parse(made.stdout)
    assert.equal((await imap('127.0.0.1', BOB, password)).code, 0)
    assert.match((await smtp('127.0.0.1', BOB, password)).stdout, /235 2\.7\.0/)
    assert.equal((await pop3('127.0.0.1', BOB, password)).code, DENIED)
    assert.equal((await pop3('127.0.0.1', BOB, PASSWORD)).code, 0)
    await instance.cli(['user', 'change', BOB, '--no-main-password', 'imap'])
    assert.equal((await imap('127.0.0.1', BOB, PASSWORD)).code, DENIED)
    assert.equal((await imap('127.0.0.1', BOB, password)).code, 0)
    const { stdout } = await instance.cli(['user', 'app-password', 'list', BOB, '--json'])
    assert.equal(JSON.parse(stdout)[0].lastUsed.remote, '127.0.0.1')
    await instance.cli(['user', 'app-password', 'remove', BOB, 'phone'])
    assert.equal((await imap('127.0.0.1', BOB, password)).code, DENIED)
  })

  const noScram = [gsasl, msmtp].includes(undefined) ? 'no gsasl or no msmtp' : false
  test('takes app passwords by SCRAM too, each where it is for, until it is removed', { skip: noScram }, async () => {
    const make = async (name: string, protocols: string): Promise<string> => {
      const made = await instance.cli(['user', 'app-password', 'add', BOB, name, '--for', protocols, '--json'])
      return JSON.parse(made.stdout).password
    }
    const [reader, sender] = [await make('reader', 'imap'), await make('sender', 'smtp')]
    assert.deepEqual([await byGsasl('imap', reader), await byGsasl('smtp', reader)], [true, false])
    assert.deepEqual([await byGsasl('imap', sender), await byGsasl('smtp', sender)], [false, true])
    assert.deepEqual([await byMsmtp(reader), await byMsmtp(sender)], [false, true])
    await instance.cli(['user', 'change', BOB, '--no-main-password', 'imap'])
    assert.deepEqual([await byGsasl('imap', PASSWORD), await byGsasl('smtp', PASSWORD)], [false, true])
    assert.deepEqual([await byGsasl('imap', reader), await byMsmtp(PASSWORD)], [true, true])
    const { stdout } = await instance.cli(['user', 'app-password', 'list', BOB, '--json'])
    assert.deepEqual(
      JSON.parse(stdout).map(({ name, lastUsed }: { name: string; lastUsed: { protocol: string } }) => [
        name,
        lastUsed.protocol,
      ]),
      [
        ['reader', 'imap'],
        ['sender', 'smtp'],
      ],
    )
    await instance.cli(['user', 'app-password', 'remove', BOB, 'reader'])
    await instance.cli(['user', 'app-password', 'remove', BOB, 'sender'])
    await instance.cli(['user', 'change', BOB, '--no-main-password', 'none'])
    assert.deepEqual([await byGsasl('imap', reader), await byMsmtp(sender)], [false, false])
    assert.deepEqual([await byGsasl('imap', PASSWORD), await byMsmtp(PASSWORD)], [true, true])
  })

  test('locks out who guesses, on every protocol and in every worker, and nobody else', async () => {
    assert.equal((await pop3('127.0.0.2', BOB, PASSWORD)).code, 0, 'bob is known there')
    const guesses = ['one', 'two', 'three'].map(async guess => {
      assert.equal((await imap('127.0.0.2', ALICE, `imap ${guess}`)).code, DENIED)
      assert.match((await smtp('127.0.0.2', ALICE, `smtp ${guess}`)).stdout, /535 5\.7\.8/)
      assert.equal((await pop3('127.0.0.2', ALICE, `pop3 ${guess}`)).code, DENIED)
    })
    await Promise.all(guesses)
    assert.deepEqual(await locks(), [])
    assert.equal((await imap('127.0.0.2', ALICE, 'the tenth')).code, DENIED)
    const found = await eventually(async () => {
      const all = await locks()
      return all.length > 0 ? all : undefined
    })
    assert.deepEqual(
      found.map(({ kind, login, network }) => [kind, login, network]),
      [['pair', ALICE, '127.0.0.2']],
    )
    assert.match(
      (await smtp('127.0.0.2', ALICE, PASSWORD)).stdout,
      /454 4\.7\.0 Too many failed log-ins, try again later/,
    )
    assert.match((await imap('127.0.0.2', ALICE, PASSWORD)).stderr, /NO \[UNAVAILABLE\]/)
    assert.match((await pop3('127.0.0.2', ALICE, PASSWORD)).stderr, /-ERR \[SYS\/TEMP\]/)
    assert.equal((await pop3('127.0.0.2', BOB, PASSWORD)).code, 0)
    assert.equal((await imap('127.0.0.3', ALICE, PASSWORD)).code, 0)
  })

  test('tells the admin: in the log with the id, in a mail to postmaster, and how to lift it', async () => {
    const { stdout } = await smtp('127.0.0.2', ALICE, PASSWORD)
    const id = /454 4\.7\.0 .* \[(\S+)\]/.exec(stdout)![1]!
    await instance.logged(new RegExp(`pair-locked.*${id}|${id}.*pair-locked`))
    await instance.logged(/log-ins locked/)
    const { imaps } = instance.ports
    const url = `imaps://127.0.0.1:${imaps}/INBOX?SUBJECT%20%22Log-ins%20locked%22`
    await eventually(async () => {
      const said = await runProgram(curl!, ['-sSk', url, '-u', `${ALICE}:${PASSWORD}`])
      return /\* SEARCH \d+/.test(said.stdout) ? true : undefined
    })
  })

  test('still knows the lock after a restart, and lifts it when told to', async () => {
    await instance.stop()
    await instance.start()
    assert.match((await smtp('127.0.0.2', ALICE, PASSWORD)).stdout, /454 4\.7\.0/)
    const [lock] = await locks()
    const { stdout } = await instance.cli(lock!.lift.split(' ').slice(1))
    assert.match(stdout, /lifted 1 lock of alice@example\.test/)
    assert.equal((await imap('127.0.0.2', ALICE, PASSWORD)).code, 0)
  })

  test('never locks a network that is named under never', async () => {
    const guesses = Array.from({ length: 11 }, (_, n) => imap('127.0.0.1', ALICE, `guess ${n}`))
    for (const { code } of await Promise.all(guesses)) assert.equal(code, DENIED)
    assert.equal((await imap('127.0.0.1', ALICE, PASSWORD)).code, 0)
    assert.deepEqual(await locks(), [])
  })
})
