/** App passwords: where each logs in, until when, and how they are told. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CommandError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import authFile from '../../../plugins/auth-file/index.js'
import { makeAppPassword, readAppPassword } from '../../../plugins/auth-file/password.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { runCommand } from '../../harness/context.js'
import { ALICE, type Installed, install, keysFor, kindOf, make } from './app-password-rig.js'

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
    assert.equal(await kindOf(installed, password, 'imap', 'nobody'), undefined, 'core refuses whom no source has')
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
