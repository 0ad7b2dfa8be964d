/** Logging in by the accounts file, and what others ask its directory. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ConfigError, MailError } from '../../../core/api/index.js'
import { aCall, runCommand } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'
import { aSession } from '../../harness/session.js'
import { add, FAILED, folder, install, logIn } from './install.js'

describe('logging in', () => {
  test('the right password gives the account, without any secret', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const answer = await logIn(installed, 'alice@example.test', 'correct horse')
    assert.ok(answer?.kind === 'authenticated')
    assert.deepEqual(Object.keys(answer.account).sort(), ['addresses', 'id', 'login'])
  })

  for (const [what, login, password] of [
    ['a wrong password', 'alice@example.test', 'wrong'],
    ['an empty password', 'alice@example.test', ''],
    ['an unknown user', 'nobody@example.test', 'correct horse'],
    ['a password that is far too long', 'alice@example.test', 'x'.repeat(5000)],
    ['a name of JavaScript’s own', '__proto__', 'correct horse'],
  ] as const) {
    test(`${what} is refused in the same words`, async () => {
      const installed = await install()
      await add(installed, ['alice@example.test'])
      assert.deepEqual(await logIn(installed, login, password), FAILED)
    })
  }

  test('a login name counts in any case', async () => {
    const installed = await install()
    await add(installed, ['Alice@Example.test'])
    assert.equal((await logIn(installed, 'aLICE@example.test', 'correct horse'))?.kind, 'authenticated')
  })

  test('a login name is found as it is and as RFC 4013 prepares it, the plain one first', async () => {
    const installed = await install()
    for (const name of ['\uff41nna', 'na\u00b2', 'mi\u200cna', 'x\u00b2', 'x2']) await add(installed, [name])
    const found = async (name: string) => (await installed.accounts.byLogin(name))?.login
    for (const [asked, login] of [
      ['anna', '\uff41nna'],
      ['\uff41nna', '\uff41nna'],
      ['NA2', 'na\u00b2'],
      ['mina', 'mi\u200cna'],
      ['x2', 'x2'],
      ['na\u00b2@example.test', 'na\u00b2'],
    ] as const)
      assert.equal(await found(asked), login)
  })

  test('a login name typed with combining accents is the same', async () => {
    const installed = await install()
    await add(installed, ['ren\u00e9@example.test'])
    assert.equal((await logIn(installed, 'rene\u0301@example.test', 'correct horse'))?.kind, 'authenticated')
  })

  test('accounts do not vanish with a file that was there: mail would bounce', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    assert.notEqual(await installed.accounts.byAddress('alice@example.test'), undefined)
    rmSync(join(installed.dataDir, 'accounts.json'))
    assert.notEqual(await installed.accounts.byAddress('alice@example.test'), undefined)
    await add(installed, ['bob@example.test'])
    assert.equal(await installed.accounts.byAddress('alice@example.test'), undefined, 'a new file counts again')
  })

  test('an address of the account logs in as well as its login', async () => {
    const installed = await install()
    await add(installed, ['dave', 'dave@example.test'])
    const answer = await logIn(installed, 'Dave@example.test', 'correct horse')
    assert.ok(answer?.kind === 'authenticated')
    assert.equal(answer.account.login, 'dave')
  })

  test('the same password typed with combining accents is the same', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'], 'motörhead')
    assert.equal((await logIn(installed, 'alice@example.test', 'moto\u0308rhead'))?.kind, 'authenticated')
  })

  test('a right password of a disabled account is hashed as a wrong one is, though it was right a moment ago', async () => {
    const installed = await install({ parallel: 1, waiting: 0 })
    await add(installed, ['alice@example.test'])
    assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'authenticated')
    await runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { disable: true } })
    const other = logIn(installed, 'nobody@example.test', 'wrong')
    // 454: it wanted a place among those that hash
    assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'defer')
    await other
  })

  test('an unknown user costs as much time as a wrong password', async () => {
    const installed = await install({ cost: 14 })
    await add(installed, ['alice@example.test'])
    const time = async (login: string) => {
      const start = process.hrtime.bigint()
      await logIn(installed, login, 'wrong password')
      return Number(process.hrtime.bigint() - start) / 1e6
    }
    const known = Math.min(await time('alice@example.test'), await time('alice@example.test'))
    const unknown = Math.min(await time('nobody@example.test'), await time('nobody@example.test'))
    assert.ok(unknown > known / 3, `${unknown} ms against ${known} ms`)
  })

  test('a password that was right is not hashed again, a wrong one always is', async () => {
    const installed = await install({ waiting: 0, parallel: 1 })
    await add(installed, ['alice@example.test'])
    await logIn(installed, 'alice@example.test', 'correct horse')
    const answers = await Promise.all([
      logIn(installed, 'alice@example.test', 'wrong'),
      logIn(installed, 'alice@example.test', 'correct horse'),
      logIn(installed, 'alice@example.test', 'wrong'),
    ])
    assert.deepEqual(
      answers.map(answer => answer?.kind),
      ['reject', 'authenticated', 'defer'],
    )
  })

  test('a changed password ends the old one at once, remembered or not', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    await logIn(installed, 'alice@example.test', 'correct horse')
    await runCommand(installed.commands, 'user passwd', ['alice@example.test'], {
      options: { 'password-stdin': true },
      stdin: 'another one',
    })
    assert.deepEqual(await logIn(installed, 'alice@example.test', 'correct horse'), FAILED)
    assert.equal((await logIn(installed, 'alice@example.test', 'another one'))?.kind, 'authenticated')
  })

  test('more log-ins than may wait are told to come again', async () => {
    const installed = await install({ parallel: 1, waiting: 1 })
    const answers = await Promise.all([1, 2, 3].map(n => logIn(installed, `user${n}@example.test`, 'x')))
    assert.deepEqual(
      answers.map(answer => (answer && 'code' in answer ? answer.code : answer)),
      [535, 535, 454],
    )
  })

  test('of five hundred at once all but those that may wait are told so before a single hash is done', async () => {
    const installed = await install()
    await installed.accounts.list()
    const order: string[] = []
    const all = Array.from({ length: 500 }, async (_, n) => {
      const answer = await logIn(installed, `user${n}@example.test`, 'x')
      order.push(answer?.kind ?? 'nothing')
    })
    // What else there is to do is not behind them either.
    setImmediate(() => order.push('other work'))
    await Promise.all(all)
    assert.deepEqual(order.slice(0, 399), [...Array.from({ length: 398 }, () => 'defer'), 'other work'])
    assert.deepEqual(new Set(order.slice(399)), new Set(['reject']))
  })

  test('a log-in whose session ends while it waits leaves the waiting list', async () => {
    const installed = await install({ parallel: 1, waiting: 1 })
    const first = logIn(installed, 'a@example.test', 'x')
    const gone = new AbortController()
    const credentials = { kind: 'password', mechanism: 'PLAIN', login: 'b@example.test', password: 'x' } as const
    const second = installed.auth({ peer: aSession(), credentials }, aCall({ signal: gone.signal }))
    setImmediate(() => gone.abort())
    await assert.rejects(async () => second)
    const third = logIn(installed, 'c@example.test', 'x')
    assert.deepEqual([await first, await third], [FAILED, FAILED])
  })
})

describe('the directory', () => {
  test('an account is found by login, address and id', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test', 'alice@example.test', 'Office@Second.test'], 'correct horse', '1GB')
    const account = await installed.accounts.byLogin('alice@example.test')
    assert.deepEqual(account?.addresses, ['alice@example.test', 'office@second.test'])
    assert.equal(account.quotaBytes, 1024 ** 3)
    assert.deepEqual(await installed.accounts.byAddress('OFFICE@second.test'), account)
    assert.deepEqual(await installed.accounts.byId(account.id), account)
    assert.deepEqual(await installed.accounts.list(), [account])
  })

  test('SCRAM keys stand beside the hash', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const keys = await installed.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-256')
    assert.equal(keys?.iterations, 4096)
    assert.deepEqual(
      keys.candidates.map(({ storedKey, name }) => [Buffer.from(storedKey, 'base64').length, name]),
      [[32, undefined]],
    )
    assert.equal(await installed.accounts.scramKeys!('nobody@example.test', 'SCRAM-SHA-1'), undefined)
  })

  test('with scram: false no SCRAM keys are kept', async () => {
    const installed = await install({ scram: false })
    await add(installed, ['alice@example.test'])
    assert.equal(await installed.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-256'), undefined)
    assert.equal(installed.accounts.scramShape!('SCRAM-SHA-256'), undefined, 'so SCRAM is not offered')
  })

  test('the shape of SCRAM keys is that of those it makes', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const keys = await installed.accounts.scramKeys!('alice@example.test', 'SCRAM-SHA-1')
    const made = { iterations: keys!.iterations, saltBytes: Buffer.from(keys!.salt, 'base64').length }
    assert.deepEqual(installed.accounts.scramShape!('SCRAM-SHA-1'), made)
  })

  test('an account added by another process is known without a restart', async () => {
    const server = await install()
    assert.equal(await server.accounts.byLogin('alice@example.test'), undefined)
    const command = await install({}, {}, server.dataDir)
    await add(command, ['alice@example.test'])
    assert.equal((await server.accounts.byLogin('alice@example.test'))?.login, 'alice@example.test')
  })

  test('a file that breaks while we run leaves the last good one standing and is logged', async () => {
    const log = rememberingLog()
    const installed = await install({}, { log })
    await add(installed, ['alice@example.test'])
    await installed.accounts.list()
    writeFileSync(join(installed.dataDir, 'accounts.json'), '{ nonsense')
    assert.equal((await installed.accounts.list()).length, 1)
    assert.equal(log.lines.length, 1)
  })

  test('a directory that never could be read is trouble, not an empty directory', async () => {
    const installed = await install()
    writeFileSync(join(installed.dataDir, 'accounts.json'), '{ nonsense')
    await assert.rejects(
      () => installed.accounts.byLogin('alice@example.test'),
      (error: unknown) => error instanceof MailError && error.temporary,
    )
  })

  test('a wrong file stops the start and says where', async () => {
    const dataDir = mkdtempSync(join(folder, 'wrong-'))
    writeFileSync(join(dataDir, 'accounts.json'), '{\n  "format": 1,\n  "accounts": [}\n')
    await assert.rejects(
      () => install({}, {}, dataDir),
      (error: unknown) => error instanceof ConfigError && error.faults[0]!.line === 3,
    )
  })
})
