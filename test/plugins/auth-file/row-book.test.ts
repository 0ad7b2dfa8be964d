/** Accounts in rows of the store: what was in the file is taken over once, and a change is whole or not at all. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MailError, type Table } from '../../../core/api/index.js'
import type { StoredAccount } from '../../../plugins/auth-file/accounts-file.js'
import { RowBook } from '../../../plugins/auth-file/row-book.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand, servicesOf } from '../../harness/context.js'
import { quietLog, rememberingLog } from '../../harness/log.js'
import { add, FAILED, folder, install, logIn } from './install.js'

const HASH = `{SSHA512}${Buffer.alloc(72, 7).toString('base64')}`

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
  await book.add([account(1, { login: 'x²', addresses: ['One@example.test', 'sales@example.test'] }), account(2)])
  for (const [kind, name] of [
    ['login', 'x²'],
    ['prepared', 'x2'],
    ['address', 'one@example.test'],
    ['address', 'sales@example.test'],
  ] as const)
    assert.equal((await book.find(kind, name))?.id, 'aid00000001', name)
  await book.change(['aid00000001'], one => ({ ...one, login: 'y', addresses: ['sales@example.test'] }))
  assert.equal(await book.find('login', 'x²'), undefined)
  assert.equal(await book.find('prepared', 'x2'), undefined)
  assert.equal(await book.find('address', 'one@example.test'), undefined)
  assert.equal((await book.find('address', 'sales@example.test'))?.login, 'y')
  await book.change(['aid00000001'], () => undefined)
  assert.equal(await book.byId('aid00000001'), undefined)
  // The other account, its two names, and that something has begun.
  assert.equal(await table.size(), 4)
  assert.equal(await book.find('login', 'x'.repeat(5000)), undefined)
})

test('a name may go from one account to another in one change', async () => {
  const { book } = open()
  await book.add([account(1, { addresses: ['a@example.test', 'b@example.test'] }), account(2)])
  await book.change(['aid00000002', 'aid00000001'], one => ({
    ...one,
    addresses: one.id === 'aid00000001' ? ['a@example.test'] : ['user2@example.test', 'b@example.test'],
  }))
  assert.equal((await book.find('address', 'b@example.test'))?.id, 'aid00000002')
  assert.equal((await book.find('address', 'a@example.test'))?.id, 'aid00000001')
})

test('a name that somebody has is refused, and nothing of the change stays', async () => {
  const { book, table } = open()
  await book.add([account(1), account(2)])
  const size = await table.size()
  const refused = [
    [() => book.add([account(3), account(4, { login: 'USER1@example.test' })]), /already an account user1@/],
    [
      () => book.add([account(3), account(4, { addresses: ['User3@example.test'] })]),
      /user3@\S+ already belongs to user3@/,
    ],
    [() => book.change(['aid00000001'], one => ({ ...one, login: 'user2@example.test' })), /already an account user2@/],
    [
      () => book.change(['aid00000001'], one => ({ ...one, addresses: account(2).addresses })),
      /already belongs to user2@/,
    ],
  ] as const
  for (const [change, why] of refused) await assert.rejects(change(), why)
  assert.deepEqual(await book.list(), [account(1), account(2)])
  assert.equal(await table.size(), size)
})

test('of two whose names are prepared alike one may go, and the other is found by it', async () => {
  const { book } = open()
  await book.add([account(1, { login: 'x²' }), account(2, { login: 'x₂' })])
  await book.change(['aid00000001'], () => undefined)
  assert.equal((await book.find('prepared', 'x2'))?.id, 'aid00000002')
  await book.change(['aid00000002'], one => ({ ...one, login: 'y' }))
  assert.equal(await book.find('prepared', 'x2'), undefined)
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
  await book.change(
    one.map(({ id }) => id),
    () => undefined,
  )
  assert.deepEqual(await open(table, dir).book.list(), [])
  assert.equal(JSON.parse(await readFile(join(dir, 'accounts.json'), 'utf8')).accounts.length, 2500)
})

test('a change reads and writes those alone whom it names, and whoever has their new names', async () => {
  const { book, table } = open()
  await book.add([account(1), account(2), account(3)])
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
  const { book: other } = open(counting)
  await other.change(['aid00000002', 'nobody000'], one => ({ ...one, quotaBytes: 5, addresses: ['new@example.test'] }))
  await other.add([account(4)])
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
  await book.add([account(1)])
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

test('commands that are about one account read no others', async () => {
  const tables = createMemoryTables()
  const services = servicesOf({
    tables: { table: name => ({ ...own(tables.table(name)), list: () => assert.fail('all') }) },
  })
  const installed = await install({ keep: 'store' }, { services })
  await add(installed, ['alice@example.test'])
  const commands = [
    ['user change', ['alice@example.test', 'sales@example.test'], { quota: '1GB' }],
    ['user rename', ['sales@example.test', 'al@example.test']],
    ['user app-password add', ['al@example.test', 'phone']],
    ['user app-password list', ['al@example.test']],
    ['user app-password remove', ['al@example.test', 'phone']],
    ['user passwd', ['al@example.test']],
    ['user remove', ['al@example.test']],
  ] as const
  for (const [name, args, options = {}] of commands) await runCommand(installed.commands, name, args, { options })
  assert.equal(await tables.table('auth-file/accounts').size(), 1)
})

test('accounts go to the store and back, with what has changed on either side', async () => {
  const services = servicesOf({ tables: createMemoryTables() })
  const inFile = await install({}, { services })
  const inStore = () => install({ keep: 'store' }, { services }, inFile.dataDir)
  await add(inFile, ['alice@example.test'])
  const first = await inStore()
  await runCommand(first.commands, 'user change', ['alice@example.test'], { options: { quota: '1GB' } })
  await add(first, ['bob@example.test'])
  await runCommand(first.commands, 'user copy-to', ['file'])
  await assert.rejects(runCommand(first.commands, 'user copy-to', ['store']), /kept in the store already/)
  assert.deepEqual(await inFile.accounts.list(), await first.accounts.list().then(sorted))
  await runCommand(inFile.commands, 'user change', ['alice@example.test'], { options: { disable: true } })
  await runCommand(inFile.commands, 'user remove', ['bob@example.test'])
  await runCommand(inFile.commands, 'user copy-to', ['store'])
  const second = await inStore()
  assert.deepEqual(
    (await second.accounts.list()).map(({ login, disabled, quotaBytes }) => [login, disabled, quotaBytes]),
    [['alice@example.test', true, 1024 ** 3]],
  )
  assert.equal(await second.accounts.byAddress('bob@example.test'), undefined)
})

for (const to of ['file', 'store'] as const)
  test(`whoever is added while accounts are copied to the ${to} comes after all of it, or along`, async () => {
    let reading: (() => Promise<void>) | undefined
    const tables = createMemoryTables()
    const watched = (table: Table): Table => ({
      ...own(table),
      async get(keys) {
        await reading?.()
        return table.get(keys)
      },
      async list(...page) {
        const found = await table.list(...page)
        await reading?.()
        return found
      },
    })
    const services = servicesOf({ tables: { table: name => watched(tables.table(name)) } })
    const inFile = await install({}, { services })
    const inStore = () => install({ keep: 'store' }, { services }, inFile.dataDir)
    await add(inFile, ['alice@example.test'])
    const installed = to === 'file' ? await inStore() : inFile
    await installed.accounts.list()
    const order: string[] = []
    let added: Promise<unknown> = Promise.resolve()
    reading = async () => {
      reading = undefined
      added = add(installed, ['bob@example.test']).then(() => order.push('added'))
      // Time enough for an addition that nothing holds up.
      await Promise.race([added, sleep(500)])
    }
    await runCommand(installed.commands, 'user copy-to', [to])
    order.push('copied')
    await added
    const copy = to === 'file' ? inFile : await inStore()
    const along = (await copy.accounts.byLogin('bob@example.test')) !== undefined
    assert.deepEqual(order, along ? ['added', 'copied'] : ['copied', 'added'])
  })

test('a file that was changed since it was taken over is spoken of, and those of the store count', async () => {
  const services = servicesOf({ tables: createMemoryTables() })
  const inFile = await install({}, { services })
  await add(inFile, ['alice@example.test'])
  const log = rememberingLog()
  const inStore = () => install({ keep: 'store' }, { services, log }, inFile.dataDir)
  await (await inStore()).accounts.list()
  await (await inStore()).accounts.list()
  const warned = () => log.lines.filter(({ sentence }) => /was changed since it was taken over/.test(sentence)).length
  assert.equal(warned(), 0)
  await add(inFile, ['bob@example.test'])
  assert.equal(await (await inStore()).accounts.byAddress('bob@example.test'), undefined)
  assert.equal(warned(), 1)
})

test('a file that cannot be read makes mail wait, and is taken over once it can', async () => {
  const { book, dir } = open()
  await writeFile(join(dir, 'accounts.json'), '{')
  await assert.rejects(book.find('login', 'x'), (error: unknown) => error instanceof MailError && error.temporary)
  await writeFile(join(dir, 'accounts.json'), JSON.stringify({ format: 1, accounts: [account(1)] }))
  assert.equal((await book.find('login', 'user1@example.test'))?.id, 'aid00000001')
})

function own(table: Table): Table {
  return {
    get: keys => table.get(keys),
    list: (...of) => table.list(...of),
    write: changes => table.write(changes),
    size: () => table.size(),
  }
}

function sorted<T extends { readonly login: string }>(accounts: readonly T[]): readonly T[] {
  return [...accounts].sort((one, two) => (one.login < two.login ? -1 : 1))
}
