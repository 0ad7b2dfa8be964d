/** Accounts in rows of the store: what was in the file is taken over once, and a change is whole or not at all. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MailError, type Table } from '../../../core/api/index.js'
import type { StoredAccount } from '../../../plugins/auth-file/accounts-file.js'
import { RowBook } from '../../../plugins/auth-file/row-book.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand, servicesOf } from '../../harness/context.js'
import { quietLog } from '../../harness/log.js'
import { add, FAILED, folder, install, logIn } from './install.js'

const HASH = '{SSHA512}' + Buffer.alloc(72, 7).toString('base64')

function account(n: number, more: Partial<StoredAccount> = {}): StoredAccount {
  return {
    id: `aid${String(n).padStart(8, '0')}`,
    login: `user${n}@example.test`,
    addresses: [`user${n}@example.test`],
    password: HASH,
    ...more,
  }
}

function open(
  table: Table = createMemoryTables().table('auth-file/accounts'),
  dir = mkdtempSync(join(folder, 'rows-')),
) {
  return { table, dir, book: new RowBook({ table: () => table, path: join(dir, 'accounts.json'), log: quietLog }) }
}

test('names find their account in any of their forms, and nothing finds what is gone', async () => {
  const { book, table } = open()
  await book.change(() => [
    account(1, { login: 'x²', addresses: ['One@example.test', 'sales@example.test'] }),
    account(2),
  ])
  for (const [kind, name] of [
    ['login', 'x²'],
    ['prepared', 'x2'],
    ['address', 'one@example.test'],
    ['address', 'sales@example.test'],
  ] as const)
    assert.equal((await book.find(kind, name))?.id, 'aid00000001', name)
  await book.change(all =>
    all.map(one => (one.id === 'aid00000001' ? { ...one, login: 'y', addresses: ['sales@example.test'] } : one)),
  )
  assert.equal(await book.find('login', 'x²'), undefined)
  assert.equal(await book.find('prepared', 'x2'), undefined)
  assert.equal(await book.find('address', 'one@example.test'), undefined)
  assert.equal((await book.find('address', 'sales@example.test'))?.login, 'y')
  await book.change(all => all.filter(({ login }) => login !== 'y'))
  assert.equal(await book.byId('aid00000001'), undefined)
  // The other account, its two names, and that something has begun.
  assert.equal(await table.size(), 4)
  assert.equal(await book.find('login', 'x'.repeat(5000)), undefined)
})

test('a name may go from one account to another in one change', async () => {
  const { book } = open()
  await book.change(() => [account(1, { addresses: ['a@example.test', 'b@example.test'] }), account(2)])
  await book.change(([one, two]) => [
    { ...one!, addresses: ['a@example.test'] },
    { ...two!, addresses: ['user2@example.test', 'b@example.test'] },
  ])
  assert.equal((await book.find('address', 'b@example.test'))?.id, 'aid00000002')
  assert.equal((await book.find('address', 'a@example.test'))?.id, 'aid00000001')
})

test('two accounts of one name are refused, and nothing of the change stays', async () => {
  const { book } = open()
  await book.change(() => [account(1)])
  await assert.rejects(
    book.change(all => [...all, account(2), account(3, { login: 'USER1@example.test' })]),
    /stands there twice/,
  )
  assert.deepEqual(
    (await book.list()).map(({ id }) => id),
    ['aid00000001'],
  )
})

test('what the file holds is taken over once, however many begin at a time, and not again when all are gone', async () => {
  const { book, table, dir } = open()
  const file = { format: 1, accounts: Array.from({ length: 2500 }, (_, n) => account(n)) }
  await writeFile(join(dir, 'accounts.json'), JSON.stringify(file))
  const other = open(table, dir).book
  const [one, two] = await Promise.all([book.list(), other.list()])
  assert.equal(one.length, 2500)
  assert.deepEqual(two, one)
  assert.equal((await book.list(1001)).length, 1001)
  await book.change(() => [])
  assert.deepEqual(await open(table, dir).book.list(), [])
  assert.equal(JSON.parse(await readFile(join(dir, 'accounts.json'), 'utf8')).accounts.length, 2500)
})

test('turning some reads and writes these alone', async () => {
  const { book, table } = open()
  await book.change(() => [account(1), account(2), account(3)])
  const asked: string[] = []
  const counting: Table = {
    get: keys => {
      asked.push(...keys)
      return table.get(keys)
    },
    list: () => assert.fail('nobody asked for all'),
    write: changes => {
      asked.push(...changes.map(({ key }) => `write ${key}`))
      return table.write(changes)
    },
    size: () => table.size(),
  }
  await open(counting).book.turn(['aid00000002', 'nobody000'], one => ({ ...one, quotaBytes: 5 }))
  assert.equal((await book.byId('aid00000002'))?.quotaBytes, 5)
  assert.deepEqual(
    asked.filter(key => /00000001|00000003|user1|user3/.test(key)),
    [],
  )
})

test('without a store, and with a damaged row, mail waits', async () => {
  const none = new RowBook({ table: () => undefined, path: join(folder, 'none.json'), log: quietLog })
  const temporary = (error: unknown) => error instanceof MailError && error.temporary
  await assert.rejects(none.find('login', 'x'), temporary)
  const { book, table } = open()
  await book.change(() => [account(1)])
  await table.write([{ key: 'account/aid00000001', value: '{"id":' }])
  await assert.rejects(book.find('login', 'user1@example.test'), temporary)
})

test('people log in, get other passwords and app passwords as with a file', async () => {
  const services = servicesOf({ tables: createMemoryTables() })
  const installed = await install({ keep: 'store' }, { services })
  await add(installed, ['alice@example.test'])
  assert.equal((await logIn(installed, 'alice@example.test', 'correct horse'))?.kind, 'authenticated')
  const made = await runCommand(installed.commands, 'user app-password add', ['alice@example.test', 'phone'], {
    json: true,
  })
  const { password } = JSON.parse(made.out[0]!) as { password: string }
  assert.equal((await logIn(installed, 'alice@example.test', password))?.kind, 'authenticated')
  await runCommand(installed.commands, 'user passwd', ['alice@example.test'], {
    options: { 'password-stdin': true },
    stdin: 'battery staple\n',
  })
  assert.deepEqual(await logIn(installed, 'alice@example.test', 'correct horse'), FAILED)
  await runCommand(installed.commands, 'user rename', ['alice@example.test', 'al@example.test'])
  assert.equal((await installed.accounts.byAddress('alice@example.test'))?.login, 'al@example.test')
  await assert.rejects(readFile(join(installed.dataDir, 'accounts.json')), { code: 'ENOENT' })
})
