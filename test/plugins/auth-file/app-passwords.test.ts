import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Accounts, type Command, CommandError, type Hook, type Peer, type State } from '../../../core/api/index.js'
import { aCall, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import authFile from '../../../plugins/auth-file/index.js'
import { makeAppPassword, readAppPassword } from '../../../plugins/auth-file/password.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { keysOf } from '../../core/sasl/keys.js'
import { runCommand } from '../../harness/context.js'

const folder = mkdtempSync(join(tmpdir(), 'app-passwords-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
const ALICE = 'alice@example.test'
const START = Date.UTC(2026, 0, 1)

interface Installed {
  readonly dataDir: string
  readonly auth: Hook<'auth'>
  readonly commands: readonly Command[]
  readonly accounts: Accounts
  readonly log: ReturnType<typeof rememberingLog>
}

interface Place {
  readonly state?: State
  /** Of an install before it. */
  readonly dataDir?: string
}

/** With alice in it, whose own password is `correct horse`. */
async function install(
  config: object = {},
  { state = createMemoryState(), dataDir: old }: Place = {},
): Promise<Installed> {
  const dataDir = old ?? mkdtempSync(join(folder, `${count++}-`))
  const log = rememberingLog()
  const { contribution } = await setUp(authFile, {
    config: { cost: 12, scram_iterations: 4096, ...config },
    server: { dataDir, configDir: dataDir },
    state,
    log,
    now: () => START,
  })
  const commands = contribution.commands!
  const options = { 'password-stdin': true }
  if (old === undefined) await runCommand(commands, 'user add', [ALICE], { options, stdin: 'correct horse\n' })
  return { dataDir, auth: contribution.hooks!.auth!, commands, accounts: contribution.services!.accounts!, log }
}

/** Resolves to the password that was shown. */
async function make({ commands }: Installed, name: string, protocols?: string): Promise<string> {
  const options = protocols === undefined ? {} : { for: protocols }
  const { out } = await runCommand(commands, 'user app-password add', [ALICE, name], { options, json: true })
  return JSON.parse(out[0]!).password
}

function keysFor({ accounts }: Installed, protocol?: Peer['protocol']) {
  return accounts.scramKeys!(ALICE, 'SCRAM-SHA-256', protocol)
}

/** What the candidates for IMAP are known by. */
async function namesFor(installed: Installed) {
  return (await keysFor(installed, 'imap'))!.candidates.map(({ name }) => name)
}

async function kindOf(installed: Installed, password: string, protocol: Peer['protocol'] = 'imap', login = ALICE) {
  const credentials = { kind: 'password', mechanism: 'PLAIN', login, password } as const
  const answer = await installed.auth({ peer: aSession({ protocol }), credentials }, aCall())
  return answer?.kind
}

describe('an app password', () => {
  test('logs in beside the account’s own password, and is shown once', async () => {
    const installed = await install()
    const password = await make(installed, 'phone')
    assert.match(password, /^([a-z2-9]{5}-){4}[a-z2-9]{5}$/)
    assert.equal(await kindOf(installed, password), 'authenticated')
    assert.equal(await kindOf(installed, 'correct horse'), 'authenticated')
    const file = readFileSync(join(installed.dataDir, 'accounts.json'), 'utf8')
    assert.ok(!file.includes(password) && !file.includes(password.slice(6)))
  })

  for (const [protocol, kind] of [
    ['imap', 'authenticated'],
    ['pop3', 'reject'],
    ['smtp', 'reject'],
    ['lmtp', 'reject'],
    ['internal', 'reject'],
  ] as const) {
    test(`for imap alone: by ${protocol} it is ${kind === 'reject' ? 'refused' : 'accepted'}`, async () => {
      const installed = await install()
      assert.equal(await kindOf(installed, await make(installed, 'reader', 'imap'), protocol), kind)
    })
  }

  for (const [what, change] of [
    ['without dashes', (text: string) => text.replaceAll('-', '')],
    ['in capitals', (text: string) => text.toUpperCase()],
    ['with spaces around and for dashes', (text: string) => ` ${text.replaceAll('-', ' ')} `],
  ] as const) {
    test(`typed ${what} is the same`, async () => {
      const installed = await install()
      assert.equal(await kindOf(installed, change(await make(installed, 'phone'))), 'authenticated')
    })
  }

  test('with one letter wrong is refused, in its tag or behind it', async () => {
    const installed = await install()
    const password = await make(installed, 'phone')
    for (const at of [0, 6, 28]) {
      const other = password[at] === 'a' ? 'b' : 'a'
      assert.equal(await kindOf(installed, password.slice(0, at) + other + password.slice(at + 1)), 'reject')
    }
  })

  test('is of its account alone, and of no unknown one', async () => {
    const installed = await install()
    const password = await make(installed, 'phone')
    await runCommand(installed.commands, 'user add', ['bob@example.test'])
    assert.equal(await kindOf(installed, password, 'imap', 'bob@example.test'), 'reject')
    assert.equal(await kindOf(installed, password, 'imap', 'nobody'), 'reject')
  })

  test('ends at once when it is removed, remembered or not, and the others stay', async () => {
    const installed = await install()
    const [phone, laptop] = [await make(installed, 'phone'), await make(installed, 'laptop')]
    assert.equal(await kindOf(installed, phone), 'authenticated')
    await runCommand(installed.commands, 'user app-password remove', [ALICE, 'Phone'])
    assert.equal(await kindOf(installed, phone), 'reject')
    assert.equal(await kindOf(installed, laptop), 'authenticated')
  })

  test('that is removed while it is being checked is refused', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    const path = join(installed.dataDir, 'accounts.json')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    delete file.accounts[0].appPasswords
    await installed.accounts.list()
    const answer = kindOf(installed, phone)
    // What is in memory is looked up in microtasks; a hash is done only when this turn is over.
    await new Promise(resolve => process.nextTick(resolve))
    writeFileSync(path, JSON.stringify(file))
    assert.equal(await answer, 'reject')
  })

  test('does not get a disabled account in', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    await runCommand(installed.commands, 'user change', [ALICE], { options: { disable: true } })
    assert.equal(await kindOf(installed, phone), 'reject')
  })

  test('stays when the account’s own password is changed', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    await runCommand(installed.commands, 'user passwd', [ALICE])
    assert.equal(await kindOf(installed, phone), 'authenticated')
    assert.equal(await kindOf(installed, 'correct horse'), 'reject')
  })

  test('costs one hash, however many there are, and so does a wrong one or an unknown user', async () => {
    const installed = await install({ parallel: 1, waiting: 0, remember: '0s' })
    const last = []
    for (let n = 0; n < 5; n++) last.push(await make(installed, `app ${n}`))
    const wrong = makeAppPassword().password
    // With one place and nobody waiting a second hash within one log-in, or a free answer, would show in who is put off.
    for (const [first, second] of [
      [last[4]!, wrong],
      [wrong, last[0]!],
      ['correct horse', wrong],
    ] as const) {
      const answers = await Promise.all([kindOf(installed, first), kindOf(installed, second)])
      assert.equal(answers[1], 'defer')
    }
  })
})

describe('a password of its own that does not count everywhere', () => {
  const close = (installed: Installed, protocols: string) =>
    runCommand(installed.commands, 'user change', [ALICE], { options: { 'no-main-password': protocols } })

  test('is refused where only app passwords count', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    assert.equal(await kindOf(installed, 'correct horse', 'imap'), 'authenticated')
    const { out } = await close(installed, 'imap,smtp')
    assert.match(out[0]!, /own password not for imap, smtp/)
    assert.equal(await kindOf(installed, 'correct horse', 'imap'), 'reject', 'remembered or not')
    assert.equal(await kindOf(installed, 'correct horse', 'smtp'), 'reject')
    assert.equal(await kindOf(installed, 'correct horse', 'pop3'), 'authenticated')
    assert.equal(await kindOf(installed, phone, 'imap'), 'authenticated')
    await close(installed, 'none')
    assert.equal(await kindOf(installed, 'correct horse', 'imap'), 'authenticated')
  })

  test('is no SCRAM candidate there either, and the salt is the same as ever', async () => {
    const installed = await install()
    const { salt } = (await keysFor(installed))!
    assert.equal((await keysFor(installed))!.candidates.length, 1)
    await close(installed, 'imap')
    for (const [protocol, count] of [
      ['imap', 0],
      ['smtp', 1],
      // who does not say where hears no
      [undefined, 0],
    ] as const) {
      const keys = await keysFor(installed, protocol)
      assert.deepEqual([keys!.candidates.length, keys!.salt], [count, salt], protocol)
    }
  })

  test('is no protocol of ours: refused with a suggestion', async () => {
    const installed = await install()
    await assert.rejects(close(installed, 'imp'), /got "imp", did you mean imap\?/)
  })
})

describe('by SCRAM an app password', () => {
  test('is a candidate by its tag for its protocols, beside the account’s own', async () => {
    const installed = await install()
    const [phone, laptop] = [await make(installed, 'phone', 'imap'), await make(installed, 'laptop')]
    const { candidates, salt, iterations } = (await keysFor(installed, 'imap'))!
    assert.deepEqual(
      candidates.map(({ name }) => name),
      [undefined, phone.slice(0, 5), laptop.slice(0, 5)],
    )
    for (const [at, password] of ['correct horse', phone, laptop].entries()) {
      const { storedKey, serverKey } = keysOf(password, 'SCRAM-SHA-256', iterations, salt).candidates[0]!
      assert.deepEqual([candidates[at]!.storedKey, candidates[at]!.serverKey], [storedKey, serverKey])
    }
    const countFor = async (protocol?: Peer['protocol']) => (await keysFor(installed, protocol))!.candidates.length
    assert.deepEqual([await countFor('smtp'), await countFor('lmtp'), await countFor('internal')], [2, 2, 1])
    assert.equal(await countFor(), 1, 'who does not say where hears of none')
  })

  test('is a candidate where the account’s own is none', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    const options = { 'no-main-password': 'imap' }
    await runCommand(installed.commands, 'user change', [ALICE], { options })
    assert.deepEqual(await namesFor(installed), [phone.slice(0, 5)])
  })

  test('is a candidate no more once it is removed, nor when the account is disabled, and the salt stays', async () => {
    const installed = await install()
    await make(installed, 'phone')
    const laptop = await make(installed, 'laptop')
    const { salt } = (await keysFor(installed))!
    await runCommand(installed.commands, 'user app-password remove', [ALICE, 'phone'])
    assert.deepEqual(await namesFor(installed), [undefined, laptop.slice(0, 5)])
    await runCommand(installed.commands, 'user change', [ALICE], { options: { disable: true } })
    assert.deepEqual(await namesFor(installed), [])
    assert.equal((await keysFor(installed))!.salt, salt)
  })

  test('keeps its keys when the account’s own password is changed: the salt stays', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    const before = (await keysFor(installed, 'imap'))!
    const options = { 'password-stdin': true }
    await runCommand(installed.commands, 'user passwd', [ALICE], { options, stdin: 'battery staple\n' })
    const after = (await keysFor(installed, 'imap'))!
    assert.deepEqual([after.salt, after.iterations], [before.salt, before.iterations])
    const { storedKey, serverKey } = keysOf('battery staple', 'SCRAM-SHA-256', 4096, after.salt).candidates[0]!
    assert.deepEqual(after.candidates, [{ storedKey, serverKey }, before.candidates[1]])
    assert.equal(after.candidates[1]!.name, phone.slice(0, 5))
  })

  test('ties the iteration count, which is new again with the password after the last of them', async () => {
    const first = await install()
    const before = (await keysFor(first))!
    const second = await install({ scram_iterations: 5000 }, { dataDir: first.dataDir })
    await make(second, 'phone')
    assert.equal((await keysFor(second))!.iterations, 4096)
    await runCommand(second.commands, 'user passwd', [ALICE])
    assert.equal((await keysFor(second))!.iterations, 4096)
    await runCommand(second.commands, 'user app-password remove', [ALICE, 'phone'])
    await runCommand(second.commands, 'user passwd', [ALICE])
    const after = (await keysFor(second))!
    assert.equal(after.iterations, 5000)
    assert.notEqual(after.salt, before.salt)
  })

  test('is no candidate when it was made without keys, and has the salt to itself where the account’s own has none', async () => {
    const without = await install({ scram: false })
    await make(without, 'old')
    assert.equal(await keysFor(without), undefined)
    const again = await install({}, { dataDir: without.dataDir })
    const phone = await make(again, 'phone')
    assert.deepEqual(await namesFor(again), [phone.slice(0, 5)])
    const { salt } = (await keysFor(again))!
    await runCommand(again.commands, 'user passwd', [ALICE])
    assert.deepEqual(await namesFor(again), [undefined, phone.slice(0, 5)])
    assert.equal((await keysFor(again))!.salt, salt)
  })

  test('that was made while the account’s own was changed is not kept with another salt', async () => {
    const installed = await install()
    const results = await Promise.allSettled([
      runCommand(installed.commands, 'user passwd', [ALICE]),
      runCommand(installed.commands, 'user app-password add', [ALICE, 'phone']),
    ])
    // Both read the file before either writes it: hashing takes milliseconds.
    const lost = results.filter(result => result.status === 'rejected')
    assert.equal(lost.length, 1)
    assert.match(String(lost[0]!.reason), /meanwhile; try again/)
  })

  test('that was made while the account’s own was typed ties the salt: that change is refused', async () => {
    const installed = await install()
    const passwd = installed.commands.find(({ name }) => name === 'user passwd')!
    const stdin = async () => {
      await make(installed, 'phone')
      return 'battery staple\n'
    }
    const options = { 'password-stdin': true }
    const run = { args: [ALICE], options, json: false, print: () => undefined, warn: () => undefined, stdin }
    await assert.rejects(async () => passwd.run(run), /got an app password meanwhile; try again/)
    assert.equal(await kindOf(installed, 'correct horse'), 'authenticated')
  })

  test('of another salt than the account’s, which only an edited file can hold, is no candidate', async () => {
    const installed = await install()
    await make(installed, 'phone')
    const path = join(installed.dataDir, 'accounts.json')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    for (const keys of file.accounts[0].appPasswords[0].scram) keys.salt = 'AAAA'
    writeFileSync(path, JSON.stringify(file))
    assert.deepEqual(await namesFor(installed), [undefined])
  })

  test('has its use noted', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone')
    const account = (await installed.accounts.byLogin(ALICE))!
    installed.accounts.scramProven!(account, phone.slice(0, 5), aSession({ protocol: 'pop3' }))
    const { out } = await runCommand(installed.commands, 'user app-password list', [ALICE])
    assert.match(out[0]!, /last used 2026-01-01 by pop3 from 192\.0\.2\.1$/)
  })

  test('is refused beyond as many as SCRAM looks at', async () => {
    const installed = await install({ scram: false })
    const path = join(installed.dataDir, 'accounts.json')
    await make(installed, 'phone')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    const [entry] = file.accounts[0].appPasswords
    const more = Array.from({ length: 47 }, (_, n) => ({ ...entry, name: `n${n}`, tag: `t${n}` }))
    file.accounts[0].appPasswords = [entry, ...more]
    writeFileSync(path, JSON.stringify(file))
    await make(installed, 'the 49th')
    await assert.rejects(make(installed, 'the 50th'), /has 49 app passwords; remove one first/)
  })
})

describe('posthouse user app-password', () => {
  test('list shows names, protocols and last use, and no secret', async () => {
    const installed = await install()
    const phone = await make(installed, 'phone', 'imap,smtp')
    await make(installed, 'laptop')
    await kindOf(installed, phone)
    assert.deepEqual((await runCommand(installed.commands, 'user app-password list', [ALICE])).out, [
      'phone  for imap, smtp  made 2026-01-01  last used 2026-01-01 by imap from 192.0.2.1',
      'laptop  for imap, pop3, smtp  made 2026-01-01  not used',
    ])
    const { out } = await runCommand(installed.commands, 'user app-password list', [ALICE], { json: true })
    assert.deepEqual(JSON.parse(out[0]!)[0], {
      name: 'phone',
      for: ['imap', 'smtp'],
      created: '2026-01-01T00:00:00.000Z',
      lastUsed: { at: '2026-01-01T00:00:00.000Z', protocol: 'imap', remote: '192.0.2.1' },
    })
  })

  for (const [what, command, args, options, wish] of [
    ['a name twice', 'add', [ALICE, 'PHONE'], {}, /has an app password "PHONE"/],
    ['an empty name', 'add', [ALICE, ' '], {}, /1 to 64 letters/],
    ['an unknown account', 'add', ['alcie@example.test', 'x'], {}, /did you mean alice@/],
    ['a protocol that is none', 'add', [ALICE, 'x'], { for: 'imap,smpt' }, /got "smpt", did you mean smtp\?/],
    ['removing what is not there', 'remove', [ALICE, 'fone'], {}, /there are: "phone"/],
  ] as const) {
    test(`refuses ${what} in clear words`, async () => {
      const installed = await install()
      await make(installed, 'phone')
      await assert.rejects(
        runCommand(installed.commands, `user app-password ${command}`, args, { options }),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

  test('a log-in does not fail because its use cannot be noted', async () => {
    const state = { ...createMemoryState(), put: () => Promise.reject(new Error('disk')) }
    const installed = await install({}, { state })
    assert.equal(await kindOf(installed, await make(installed, 'phone')), 'authenticated')
    assert.equal(installed.log.lines.at(-1)?.sentence, 'use of an app password could not be noted')
  })

  test('a file with a broken app password stops the start and is named', async () => {
    const installed = await install()
    const path = join(installed.dataDir, 'accounts.json')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    file.accounts[0].appPasswords = [{ name: 'x', tag: 'abcde', password: 'plain', protocols: ['imap'], created: 0 }]
    writeFileSync(path, JSON.stringify(file))
    await assert.rejects(
      setUp(authFile, { server: { dataDir: installed.dataDir, configDir: installed.dataDir } }),
      /account 1: appPasswords: expected/,
    )
  })
})

test('what is no app password is not read as one', () => {
  for (const text of [
    '',
    'correct horse',
    'abcde-fghij-kmnpq-rstuv-wxyz',
    'abcde-fghij-kmnpq-rstuv-wxyz0',
    'a'.repeat(26),
  ])
    assert.equal(readAppPassword(text), undefined)
  const made = makeAppPassword()
  assert.deepEqual(readAppPassword(made.password), made)
})
