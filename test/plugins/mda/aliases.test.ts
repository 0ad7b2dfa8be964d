/** Aliases for many names, aliases kept by command, and what `posthouse address` says of all of them. */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, test } from 'node:test'
import { type Bus, CommandError, ConfigError, MailError, type Tables } from '../../../core/api/index.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand } from '../../harness/context.js'
import { install, short } from './house.js'

const FILE = `
'sales-*@example.test': [alice, 'team+$1@far.test']
'*-list': lists@far.test
'l*-*-*b@example.test': '$1=$2=$3@far.test'
/a*@example.test: bob
'/(\\w+)\\.(\\w+)@(example|second)\\.test/': '$2'
'deep*@example.test': 'deep$1x'
sales-own@example.test: bob
webmaster: alice
'@example.test': bob
`

describe('an alias for many names', () => {
  for (const [to, wish] of [
    ['sales-eu@example.test', 'mda aalice, mx team+eu@far.test'],
    ['Sales-EU@Example.test', 'mda aalice, mx team+eu@far.test'],
    // a * is anything but nothing
    ['sales-@example.test', 'mda abob'],
    ['sales-eu@second.test', '550 5.1.1'],
    ['dev-list@second.test', 'mx lists@far.test'],
    ['some.bob@example.test', 'mda abob'],
    ['some.alice@second.test', 'mda aalice'],
    ['some.bob@second.test', '550 5.1.1'],
    ['x.some.bob@example.test', 'mda abob'],
    // its own name, an account, and an account with a tag come first
    ['sales-own@example.test', 'mda abob'],
    ['alice+sales-x@example.test', 'mda aalice +sales-x'],
    ['deepa@example.test', '451 4.3.5'],
    // as little as it can, each
    ['l1-a-b-b@example.test', 'mx 1=a=b-@far.test'],
    ['l1-2-b@example.test', 'mda abob'],
    [`l${'-'.repeat(62)}b@example.test`, `mx -=-=${'-'.repeat(58)}@far.test`],
    // not an expression
    ['/ax@example.test', 'mda abob'],
    ['l1--c@example.test', 'mda abob'],
    [`sales-${'é'.repeat(25)}@example.test`, `mda aalice, mx team+${'é'.repeat(25)}@far.test`],
  ] as const) {
    test(`${to.slice(0, 40)} → ${wish.slice(0, 60)}`, async () => {
      const { route } = await install(FILE)
      assert.equal(short(await route(to)), wish)
    })
  }

  test('what a pattern finds is never a domain, and a local part no longer than one may be', async () => {
    const { route } = await install("'*@second.test': 'forwarded-from-the-second-domain-$1@far.test'\n")
    assert.equal(short(await route('a-b@second.test')), 'mx forwarded-from-the-second-domain-a-b@far.test')
    for (const routed of ['a@b', 'a%b.test', 'b.test!a'])
      assert.equal(short(await route(`${routed}@second.test`)), '550 5.1.1', routed)
    assert.equal(short(await route(`${'x'.repeat(40)}@second.test`)), '550 5.1.1')
  })

  for (const [line, wish] of [
    ["'a*@*.example.test': bob", /a \* stands for part of a name, never of a domain/],
    ["'a*@examplw.test': bob", /did you mean example\.test\?/],
    ["'a*b*c*d*e*f*': bob", /at most 5 times/],
    ["'a*': b$2", /\$2 in a target, but a\* finds 1 things only/],
    ["'/(a+)+x/': bob", /can take for ever/],
    ["'/(.*)(.*)(.*)(.*)/': bob", /too costly/],
    ["'/(a/': bob", /not a regular expression/],
    ["'*': 'x@$1'", /expected an address or a name of the same domain/],
  ] as const) {
    test(`${line} is a fault with its place`, async () => {
      await assert.rejects(install(`webmaster: alice\n${line}\n`), (error: unknown) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, wish)
        assert.equal(error.faults[0]!.line, 2)
        return true
      })
    })
  }
})

/** As the control socket does it between processes. */
function aBus(): Bus {
  const listeners = new Map<string, Set<(payload: string) => void>>()
  return {
    publish(topic, payload) {
      for (const listener of listeners.get(topic) ?? []) listener(payload)
    },
    subscribe(topic, listener) {
      const all = listeners.get(topic) ?? new Set()
      listeners.set(topic, all.add(listener))
      return () => all.delete(listener)
    },
  }
}

describe('an alias kept by command', () => {
  test('holds at once, where another process has made it too, and goes again', async () => {
    const shared = { tables: createMemoryTables(), bus: aBus() }
    const one = await install(FILE, {}, shared)
    const other = await install(FILE, {}, shared)
    assert.equal(short(await one.route('team@example.test')), 'mda abob')
    const { out } = await runCommand(one.commands, 'alias add', ['Team@example.test', 'alice', 'x@far.test'])
    assert.deepEqual(out, ['team@example.test stands for alice, x@far.test now'])
    for (const { route } of [one, other])
      assert.equal(short(await route('team@example.test')), 'mda aalice, mx x@far.test')
    await runCommand(one.commands, 'alias add', ['team@example.test', 'alice'])
    assert.equal(short(await one.route('team@example.test')), 'mda aalice')
    await runCommand(one.commands, 'alias remove', ['TEAM@example.test'])
    assert.equal(short(await one.route('team@example.test')), 'mda abob')
  })

  test('a whole address counts before a bare name, and the file before the command', async () => {
    const { route, commands } = await install('webmaster: alice\n')
    await runCommand(commands, 'alias add', ['webmaster@second.test', 'x@far.test'])
    assert.equal(short(await route('webmaster@second.test')), 'mx x@far.test')
    assert.equal(short(await route('webmaster@example.test')), 'mda aalice')
    await runCommand(commands, 'alias add', ['@second.test', 'alice'])
    assert.equal(short(await route('whoever@second.test')), 'mda aalice')
  })

  for (const [name, args, wish] of [
    ['add', ['webmaster', 'bob'], /^webmaster stands in aliases\.yaml:9, which counts/],
    ['add', ['a@examplw.test', 'bob'], /did you mean example\.test\?/],
    ['add', ['a b', 'bob'], /is not an alias/],
    ['add', ['a', 'b c'], /"b c" is neither an address nor a name/],
    ['add', ['a*', 'bob'], /stand in the alias file/],
    ['remove', ['nobody'], /^nobody is no alias/],
    ['remove', ['webmaster'], /stands in aliases\.yaml:9: take it away there/],
  ] as const) {
    test(`alias ${name} ${args.join(' ')} is refused with a reason`, async () => {
      const { commands } = await install(FILE)
      await assert.rejects(
        runCommand(commands, `alias ${name}`, args),
        (error: unknown) => error instanceof CommandError && wish.test(error.message),
      )
    })
  }

  test('a table that cannot be read is never an unknown user', async () => {
    const down = (error: Error) => {
      const tables = createMemoryTables()
      const fails = () => Promise.reject(error)
      return { tables: { ...tables, table: (name: string) => ({ ...tables.table(name), size: fails, get: fails }) } }
    }
    const told = await install(undefined, {}, down(new MailError('store-unavailable', 'disk on fire')))
    assert.equal(short(await told.route('nobody@example.test')), '451 4.3.0')
    const fault = await install(undefined, {}, down(new TypeError('a fault')))
    await assert.rejects(async () => fault.route('nobody@example.test'), /a fault/)
  })

  test('one that is made while the table is counted is not missed afterwards', async () => {
    const tables = createMemoryTables()
    const counted = new EventEmitter()
    const told = once(counted, 'counted')
    const slow = {
      ...tables,
      table(name: string) {
        const table = tables.table(name)
        const size = async () => {
          const found = await table.size()
          await told
          return found
        }
        return { size, get: table.get.bind(table), list: table.list.bind(table), write: table.write.bind(table) }
      },
    }
    const shared = { bus: aBus() }
    const asked = await install(undefined, {}, { ...shared, tables: slow as Tables })
    const maker = await install(undefined, {}, { ...shared, tables })
    const before = asked.route('team@example.test')
    await runCommand(maker.commands, 'alias add', ['team', 'alice'])
    counted.emit('counted')
    await before
    assert.equal(short(await asked.route('team@example.test')), 'mda aalice')
  })

  test('alias list shows both kinds with where they stand', async () => {
    const { commands } = await install(FILE)
    await runCommand(commands, 'alias add', ['team', 'alice'])
    const { out } = await runCommand(commands, 'alias list')
    assert.equal(out.length, 10)
    assert.ok(out.includes('webmaster → alice  (aliases.yaml:9)'))
    assert.match(out.at(-1)!, /^team → alice {2}\(by command of /)
    const json = JSON.parse((await runCommand(commands, 'alias list', ['team'], { json: true })).out.join(''))
    assert.deepEqual(
      json.map((one: { alias: string; origin: string }) => [one.alias, one.origin]),
      [
        ['sales-*@example.test', 'aliases.yaml:2'],
        ['team', 'command'],
      ],
    )
  })
})

test('domain list counts who gets mail in each domain', async () => {
  const { commands } = await install(FILE)
  await runCommand(commands, 'alias add', ['x@second.test', 'alice'])
  assert.deepEqual((await runCommand(commands, 'domain list')).out, [
    'example.test  5 addresses of accounts, 1 alias, a catch-all',
    'second.test  1 address of accounts, 1 alias',
    'bücher.test  0 addresses of accounts, 0 aliases',
    'relayed.test  relayed',
  ])
})

describe('posthouse address', () => {
  const said = async (who: string, config: object = {}) => {
    const house = await install(FILE, config)
    const inbox = await house.store.mail.open('afew', (await house.store.mail.find('afew', 'INBOX'))!.id)
    await inbox.append([{ body: { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\n') }, flags: [], date: 0 }])
    return runCommand(house.commands, 'address', [who])
  }

  test('says each step, with where it stands, and what RCPT would hear', async () => {
    const { out, code } = await said('sales-eu@example.test')
    assert.deepEqual(out, [
      'sales-eu@example.test: alias for many names sales-*@example.test (aliases.yaml:2) → alice@example.test, team+eu@far.test',
      '  alice@example.test: account alice',
      '    into INBOX; holds 0B, 0 messages',
      '  team+eu@far.test: goes out by mx',
      'RCPT would be answered: 250 2.1.5',
    ])
    assert.equal(code, 0)
  })

  test('a full mailbox, nobody, a loop and a domain of others are told', async () => {
    const full = await said('few@example.test')
    assert.deepEqual(full.out.slice(1), [
      '  into INBOX; holds 14B, 1 of 1 messages',
      'RCPT would be answered: 452 4.2.2 Mailbox is full',
    ])
    assert.equal(full.code, 1)
    const nobody = await said('nobody@second.test')
    assert.deepEqual(nobody.out, [
      'nobody@second.test: neither an account nor an alias',
      'RCPT would be answered: 550 5.1.1 nobody@second.test: no such user here',
    ])
    assert.equal(nobody.code, 1)
    assert.match((await said('deepa@example.test')).out.at(-2)!, /more than ten aliases lead here/)
    assert.match((await said('x@far.test')).out[0]!, /far\.test is none of our domains/)
    await assert.rejects(said('nonsense'), CommandError)
  })

  test('roles, catch-alls and tags are named', async () => {
    assert.match(
      (await said('who@example.test')).out[0]!,
      /catch-all @example\.test \(aliases\.yaml:10\) → bob@example\.test/,
    )
    assert.match(
      (await said('abuse@second.test')).out[0]!,
      /nobody holds this role, so the first account gets it: alice/,
    )
    assert.match(
      (await said('abuse@second.test', { postmaster: 'bob@example.test' })).out[0]!,
      /`postmaster` of the entry mda/,
    )
    assert.deepEqual((await said('sales-own+x@example.test')).out.slice(0, 2), [
      'sales-own+x@example.test: alias sales-own@example.test (aliases.yaml:8) → bob@example.test',
      '  bob@example.test: account bob',
    ])
    assert.match((await said('off+x@example.test')).out.join('\n'), /account off, tag x\n {2}into INBOX.*; disabled/)
  })
})
