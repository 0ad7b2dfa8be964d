import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import {
  type Accounts,
  type Command,
  CommandError,
  ConfigError,
  type Hook,
  MailError,
} from '../../../core/api/index.js'
import authFile from '../../../plugins/auth-file/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { aCall, aContext, runCommand, servicesOf } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'
import { aServer, aSession } from '../../harness/session.js'

const folder = mkdtempSync(join(tmpdir(), 'auth-file-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const DEFAULTS = {
  file: 'accounts.json',
  cost: 12,
  scram: true,
  scram_iterations: 4096,
  parallel: 2,
  waiting: 100,
  remember: '5m',
  demo: false,
}
let count = 0

interface Installed {
  readonly dataDir: string
  readonly accounts: Accounts
  readonly auth: Hook<'auth'>
  readonly commands: readonly Command[]
}

async function install(
  more: Partial<typeof DEFAULTS> = {},
  context: Partial<ReturnType<typeof aContext<typeof DEFAULTS>>> = {},
  dataDir = mkdtempSync(join(folder, `${count++}-`)),
): Promise<Installed> {
  const server = aServer({ dataDir, configDir: dataDir, domains: new Set(['example.test', 'second.test']) })
  const made = await authFile.setup(aContext({ ...DEFAULTS, ...more }, { server, ...context }))
  return { dataDir, accounts: made.services!.accounts!, auth: made.hooks!.auth!, commands: made.commands! }
}

function logIn({ auth }: Installed, login: string, password: string) {
  return auth({ peer: aSession(), credentials: { kind: 'password', mechanism: 'PLAIN', login, password } }, aCall())
}

function add(installed: Installed, args: readonly string[], password = 'correct horse', quota?: string) {
  return runCommand(installed.commands, 'user add', args, {
    options: { 'password-stdin': true, ...(quota !== undefined && { quota }) },
    stdin: `${password}\n`,
  })
}

const FAILED = { kind: 'reject', code: 535, status: '5.7.8', text: 'Authentication failed' }

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

describe('posthouse user', () => {
  test('add without --password-stdin prints a made-up password once, and it works', async () => {
    const installed = await install()
    const { out } = await runCommand(installed.commands, 'user add', ['alice@example.test'])
    const password = /^password: (\S+)$/m.exec(out.join('\n'))![1]!
    assert.match(password, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/)
    assert.equal((await logIn(installed, 'alice@example.test', password))?.kind, 'authenticated')
  })

  test('the accounts file is readable by its owner alone and holds no password', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const path = join(installed.dataDir, 'accounts.json')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const { readFileSync } = await import('node:fs')
    assert.doesNotMatch(readFileSync(path, 'utf8'), /correct horse/)
  })

  test('a bare login gets an address in the first domain', async () => {
    const installed = await install()
    await add(installed, ['alice'])
    assert.deepEqual((await installed.accounts.byLogin('alice'))?.addresses, ['alice@example.test'])
  })

  for (const [what, args, addresses] of [
    [
      'an address of ours keeps it beside others',
      ['a@example.test', 'b@example.test'],
      ['a@example.test', 'b@example.test'],
    ],
    ['an address of ours, named again, stands once', ['a@example.test', 'A@example.test'], ['a@example.test']],
    ['a name has the addresses it was given', ['a', 'b@second.test'], ['b@second.test']],
    ['an address elsewhere has the addresses it was given', ['a@far.test', 'b@example.test'], ['b@example.test']],
  ] as const) {
    test(`a login that is ${what}`, async () => {
      const installed = await install()
      await add(installed, args)
      assert.deepEqual((await installed.accounts.byLogin(args[0]))?.addresses, addresses)
    })
  }

  for (const [what, args, options, wish] of [
    ['a domain that is not ours', ['alice@exampel.test'], {}, /did you mean example\.test\?/],
    ['an address that is none', ['alice', 'alice@'], {}, /is not an address/],
    ['a login with a space', ['al ice'], {}, /cannot be a login name/],
    ['a login that exists', ['bob@example.test'], {}, /already an account/],
    ['an address that is taken', ['robert', 'bob@example.test'], {}, /already belongs to bob@example\.test/],
    ['a quota that is no size', ['alice'], { quota: 'much' }, /expected a size/],
    ['an empty password', ['alice'], { 'password-stdin': true }, /empty/],
  ] as const) {
    test(`add refuses ${what} in clear words`, async () => {
      const installed = await install()
      await add(installed, ['bob@example.test'])
      await assert.rejects(
        () => runCommand(installed.commands, 'user add', args, { options }),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

  test('change gives other addresses and another quota, and keeps what is not said', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test', 'al@example.test'], 'correct horse', '10MB')
    const before = await installed.accounts.byLogin('alice@example.test')
    const change = (args: readonly string[], options = {}) =>
      runCommand(installed.commands, 'user change', ['alice@example.test', ...args], { options })
    const { out } = await change(['sales@example.test'])
    assert.deepEqual(out, ['changed alice@example.test  alice@example.test, sales@example.test  quota 10MB'])
    assert.equal(await installed.accounts.byAddress('al@example.test'), undefined)
    await change([], { quota: 'none' })
    const after = await installed.accounts.byLogin('alice@example.test')
    assert.deepEqual([after?.id, after?.quotaBytes, after?.addresses.length], [before?.id, undefined, 2])
    assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'authenticated')
  })

  test('a closed account cannot log in until it is opened again', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const change = (options: object) =>
      runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { ...options } })
    assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'authenticated')
    await change({ disable: true })
    assert.deepEqual(await logIn(installed, 'alice@example.test', 'correct horse'), FAILED)
    await change({ enable: true })
    assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'authenticated')
  })

  for (const [what, args, options, wish] of [
    ['nothing', [], {}, /nothing to change/],
    ['both ways', [], { disable: true, enable: true }, /cannot both be meant/],
    ['an address that is taken', ['bob@example.test'], {}, /already belongs to bob@example\.test/],
    ['a quota that is no size', [], { quota: 'much' }, /expected a size/],
    ['a number of messages that is none', [], { 'quota-messages': 'many' }, /expected a number like/],
    ['what is no capability', [], { 'imap-disable': 'MOVE,' }, /expected capabilities like/],
  ] as const) {
    test(`change refuses ${what} in clear words`, async () => {
      const installed = await install()
      await add(installed, ['bob@example.test'])
      await add(installed, ['alice@example.test'])
      await assert.rejects(
        () => runCommand(installed.commands, 'user change', ['alice@example.test', ...args], { options }),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

  test('a quota of messages is kept and told, until there is none', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const change = (number: string) =>
      runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { 'quota-messages': number } })
    assert.match(String((await change('500')).out[0]), /quota 500 messages$/)
    assert.equal((await installed.accounts.byLogin('alice@example.test'))?.quotaMessages, 500)
    await change('none')
    assert.equal((await installed.accounts.byLogin('alice@example.test'))?.quotaMessages, undefined)
  })

  test('IMAP capabilities an account does without are kept and told, until there are none', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const change = (names: string) =>
      runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { 'imap-disable': names } })
    const { out } = await change('condstore,COMPRESS=DEFLATE')
    assert.match(String(out[0]), /IMAP without CONDSTORE, COMPRESS=DEFLATE$/)
    assert.deepEqual((await installed.accounts.byLogin('alice@example.test'))?.imapDisable, [
      'CONDSTORE',
      'COMPRESS=DEFLATE',
    ])
    await change('none')
    assert.equal((await installed.accounts.byLogin('alice@example.test'))?.imapDisable, undefined)
  })

  test('an unknown login gets a suggestion', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    for (const name of ['user passwd', 'user remove']) {
      await assert.rejects(() => runCommand(installed.commands, name, ['alcie@example.test']), /did you mean alice@/)
    }
  })

  test('list --json is data', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'], 'correct horse', '10MB')
    const { out } = await runCommand(installed.commands, 'user list', [], { json: true })
    const [row] = JSON.parse(out.join('\n'))
    assert.equal(row.login, 'alice@example.test')
    assert.equal(row.quotaBytes, 10 * 1024 * 1024)
    assert.equal(row.password, undefined)
  })

  test('twenty accounts added at the same time are all there', async () => {
    const installed = await install({ cost: 12, scram: false, parallel: 4 })
    const names = Array.from({ length: 20 }, (_, n) => `user${n}@example.test`)
    await Promise.all(names.map(name => add(installed, [name])))
    assert.equal((await installed.accounts.list()).length, 20)
  })

  test('remove keeps the mail unless told to delete it', async () => {
    const store = createMemoryStore()
    const installed = await install({}, { services: servicesOf({ store }) })
    for (const [name, options, left] of [
      ['alice@example.test', {}, 1],
      ['bob@example.test', { 'delete-mail': true }, 0],
    ] as const) {
      await add(installed, [name])
      const { id } = (await installed.accounts.byLogin(name))!
      const inbox = (await store.mail.list(id)).find(box => box.name === 'INBOX')!
      const body = { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\n') } as const
      await (await store.mail.open(id, inbox.id)).append([{ body, flags: [], date: 0 }])
      await runCommand(installed.commands, 'user remove', [name], { options })
      assert.equal(await installed.accounts.byId(id), undefined)
      assert.equal((await store.mail.usage(id)).messages, left)
    }
  })

  test('demo makes two accounts at the first start only', async () => {
    const installed = await install({ demo: true })
    const { out } = await runCommand(installed.commands, 'user demo', [], { json: true })
    const made = JSON.parse(out.join('')) as { login: string; password: string }[]
    assert.deepEqual(
      made.map(account => account.login),
      ['alice@example.test', 'bob@example.test'],
    )
    assert.equal((await logIn(installed, made[0]!.login, made[0]!.password))?.kind, 'authenticated')
    assert.deepEqual((await runCommand(installed.commands, 'user demo')).out, [])
  })

  test('without demo: true no demo accounts are made', async () => {
    const installed = await install()
    assert.deepEqual((await runCommand(installed.commands, 'user demo')).out, [])
    assert.deepEqual(await installed.accounts.list(), [])
  })
})
