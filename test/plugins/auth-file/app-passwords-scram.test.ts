/** App passwords by SCRAM: which of them are candidates, under one salt. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Peer } from '../../../core/api/index.js'
import { aSession } from '../../../core/testing/index.js'
import { keysOf } from '../../core/sasl/keys.js'
import { runCommand } from '../../harness/context.js'
import { ALICE, install, keysFor, kindOf, make, namesFor } from './app-password-rig.js'

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
