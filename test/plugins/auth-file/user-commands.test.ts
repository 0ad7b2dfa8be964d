/** `posthouse user`: accounts are added, changed, listed and removed by command. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { CommandError } from '../../../core/api/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { runCommand, servicesOf } from '../../harness/context.js'
import { add, FAILED, install, logIn } from './install.js'

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

  test('limits and grace are kept, told and handed to others, one by one, until there are none', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const change = (options: Record<string, string>) =>
      runCommand(installed.commands, 'user change', ['alice@example.test'], { options })
    const seen = async () => {
      const { limits, quotaGracePercent } = (await installed.accounts.byLogin('alice@example.test'))!
      return [limits, quotaGracePercent]
    }
    const { out } = await change({ 'limit-messages': '500/1d', 'limit-concurrent': '2', 'quota-grace': '20%' })
    assert.match(String(out[0]), /grace 20% {2}sends messages 500\/1d {2}sends concurrent 2$/)
    await change({ 'limit-messages': 'none', 'limit-bytes': '200MB/1d' })
    assert.deepEqual(await seen(), [{ bytes: '200MB/1d', concurrent: '2' }, 20])
    await change({ 'limit-concurrent': 'none', 'limit-bytes': 'none', 'quota-grace': 'none' })
    assert.deepEqual(await seen(), [undefined, undefined])
  })

  test('a place is kept, told and handed to others, until there is none', async () => {
    const installed = await install()
    await add(installed, ['alice@example.test'])
    const change = (place: string) =>
      runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { place } })
    assert.match(String((await change('spool')).out[0]), /mail to the place spool$/)
    assert.equal((await installed.accounts.byLogin('alice@example.test'))?.place, 'spool')
    await assert.rejects(change('/var/mail/alice'), /--place: expected a name like spool/)
    await change('none')
    assert.equal((await installed.accounts.byLogin('alice@example.test'))?.place, undefined)
  })

  for (const [what, options, wish] of [
    ['a rate without a time', { 'limit-messages': '500' }, /--limit-messages: expected \/ and a time/],
    ['octets without a size', { 'limit-bytes': 'lots' }, /--limit-bytes: expected 200MB\/1d or unlimited/],
    ['a rate of sessions', { 'limit-concurrent': '5/1d' }, /expected a number like 5/],
    ['more grace than quota', { 'quota-grace': '101' }, /100 at most/],
  ] as const) {
    test(`change refuses ${what}`, async () => {
      const installed = await install()
      await add(installed, ['alice@example.test'])
      await assert.rejects(
        () => runCommand(installed.commands, 'user change', ['alice@example.test'], { options: { ...options } }),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

  for (const [what, args, options, wish] of [
    [
      'another address of ours: the old one goes on taking mail',
      ['alice@example.test', 'Alice.Smith@example.test'],
      {},
      ['alice.smith@example.test', ['alice.smith@example.test', 'alice@example.test', 'sales@example.test']],
    ],
    [
      'another address of ours, and the old one is given up',
      ['alice@example.test', 'al@second.test'],
      { 'drop-address': true },
      ['al@second.test', ['al@second.test', 'sales@example.test']],
    ],
    ['a bare name', ['sales@example.test', 'al'], {}, ['al', ['alice@example.test', 'sales@example.test']]],
    [
      'one of its addresses',
      ['alice@example.test', 'sales@example.test'],
      {},
      ['sales@example.test', ['sales@example.test', 'alice@example.test']],
    ],
  ] as const) {
    test(`an account gets the login of ${what}`, async () => {
      const installed = await install()
      await add(installed, ['alice@example.test', 'sales@example.test'])
      const { id } = (await installed.accounts.byLogin('alice@example.test'))!
      await runCommand(installed.commands, 'user rename', args, { options })
      const [login, addresses] = wish
      const found = await installed.accounts.byLogin(login)
      assert.deepEqual([found?.id, found?.login, found?.addresses], [id, login, addresses])
      assert.equal((await logIn(installed, login, 'correct horse'))?.kind, 'authenticated')
    })
  }

  for (const [what, args, options, wish] of [
    ['a login that is taken', ['alice@example.test', 'bob@example.test'], {}, /already an account bob/],
    ['an address of another', ['alice@example.test', 'robert@example.test'], {}, /already belongs to bob/],
    ['nobody', ['carol@example.test', 'x'], {}, /no account "carol@example\.test"/],
    ['what is no login', ['alice@example.test', 'a b'], {}, /cannot be a login name/],
    ['what leaves no address', ['alice@example.test', 'al'], { 'drop-address': true }, /would have no address/],
  ] as const) {
    test(`rename refuses ${what}`, async () => {
      const installed = await install()
      await add(installed, ['alice@example.test'])
      await add(installed, ['bob@example.test', 'robert@example.test'])
      await assert.rejects(
        () => runCommand(installed.commands, 'user rename', args, { options }),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

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
