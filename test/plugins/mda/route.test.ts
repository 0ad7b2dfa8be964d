import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Accounts, ConfigError, MailError } from '../../../core/api/index.js'
import { aSession } from '../../harness/session.js'
import { directory, install, short } from './house.js'

const ALIASES = `
sales@example.test: [alice, bob@example.test]
webmaster: alice
outside@example.test: friend@far.test
both@example.test: [bob, friend@far.test, bob@example.test]
bob@example.test: [bob, alice]
nested@example.test: sales
ring1@example.test: ring2
ring2@example.test: ring1
halfring@example.test: [halfring2, alice]
halfring2@example.test: halfring
nobody@example.test: ghost
part@example.test: [ghost, alice]
solo@example.test: solo
'@second.test': alice@second.test
`

describe('whose mail is it', () => {
  for (const [to, wish] of [
    ['alice@example.test', 'mda aalice'],
    ['ALICE@example.test', 'mda aalice'],
    ['alice+shop@example.test', 'mda aalice +shop'],
    ['alice+@example.test', 'mda aalice'],
    ['+alice@example.test', '550 5.1.1'],
    ['unknown@example.test', '550 5.1.1'],
    ['unknown@far.test', 'nothing'],
    ['sales@example.test', 'mda aalice, mda abob'],
    ['Sales+x@example.test', 'mda aalice, mda abob'],
    // A forwarded user's tags are forwarded too; an alias with the user in it keeps the tag for the user alone.
    ['outside+x@example.test', 'mx friend@far.test'],
    ['bob+shop@example.test', 'mda abob +shop, mda aalice'],
    // Quoted local parts are names, however much like an alias they look.
    ['sales@example.test@second.test', 'mda aalice'],
    ['sales@example.test@example.test', '550 5.1.1'],
    ['@second.test@example.test', '550 5.1.1'],
    ['webmaster@second.test', 'mda aalice'],
    ['outside@example.test', 'mx friend@far.test'],
    ['both@example.test', 'mda abob, mda aalice, mx friend@far.test'],
    ['bob@example.test', 'mda abob, mda aalice'],
    ['nested@example.test', 'mda aalice, mda abob'],
    ['ring1@example.test', '451 4.3.5'],
    ['halfring@example.test', 'mda aalice'],
    // An alias for itself that has no account: with a tag it is no other.
    ['solo@example.test', '451 4.3.5'],
    ['solo+x@example.test', '451 4.3.5'],
    ['nobody@example.test', '550 5.1.1'],
    ['part@example.test', 'mda aalice'],
    ['anything@second.test', 'mda aalice'],
    ['postmaster@mail.example.test', 'mda aalice'],
    ['alice@mail.example.test', 'nothing'],
    ['postmaster@example.test', 'mda aalice'],
    ['abuse@example.test', 'mda aalice'],
    ['__proto__@example.test', '550 5.1.1'],
  ] as const) {
    test(`${to}: ${wish}`, async () => {
      const { route } = await install(ALIASES)
      assert.equal(short(await route(to)), wish)
    })
  }

  for (const [to, wish] of [
    ['postmaster@example.test', 'mda aalice'],
    ['Postmaster@', 'mda aalice'],
    ['ABUSE@second.test', 'mda aalice'],
    ['webmaster@example.test', '550 5.1.1'],
  ] as const) {
    test(`with a postmaster, ${to}: ${wish}`, async () => {
      const { route } = await install(undefined, { postmaster: 'alice@example.test' })
      assert.equal(short(await route(to)), wish)
    })
  }

  test('of the accounts for postmaster the first is enough: further sources may be away', async () => {
    const asked: (number | undefined)[] = []
    const accounts = directory()
    const counting: Accounts = {
      ...accounts,
      list: async most => {
        asked.push(most)
        return accounts.list(most)
      },
    }
    const { route } = await install(undefined, {}, { accounts: counting })
    assert.equal(short(await route('postmaster@example.test')), 'mda aalice')
    assert.deepEqual(asked, [1])
  })

  test('without any account even postmaster is unknown', async () => {
    const { route } = await install(undefined, {}, { accounts: { ...directory(), list: async () => [] } })
    assert.equal(short(await route('postmaster@example.test')), '550 5.1.1')
  })

  test('a bare alias is not found under a quoted local part that has its full spelling', async () => {
    const { route } = await install('sales@example.test: alice\n')
    assert.equal(short(await route('sales@example.test@second.test')), '550 5.1.1')
  })

  test('the catch-all of an international domain is found in both spellings of the domain', async () => {
    for (const alias of ['@bücher.test', '@xn--bcher-kva.test']) {
      const { route } = await install(`'${alias}': alice@example.test\n`)
      for (const domain of ['bücher.test', 'xn--bcher-kva.test'])
        assert.equal(short(await route(`x@${domain}`)), 'mda aalice')
    }
  })

  test('an alias that leads nowhere in part is logged', async () => {
    const { route, log } = await install(ALIASES)
    await route('part@example.test')
    assert.deepEqual(log.lines[0]?.facts, { to: 'part@example.test', at: 'ghost@example.test', trouble: 'unknown' })
  })

  test('the refusal of an unknown user is printable, whatever the peer sent', async () => {
    const { route } = await install(undefined)
    const answer = await route('evil\u202e@example.test')
    assert.ok(answer && 'text' in answer)
    assert.doesNotMatch(answer.text, /\u202e/)
  })

  test('aliases nested deeper than ten end there', async () => {
    const lines = Array.from({ length: 15 }, (_, n) => `n${n}@example.test: n${n + 1}`)
    const { route } = await install(`${lines.join('\n')}\nn15@example.test: alice\n`)
    assert.equal(short(await route('n0@example.test')), '451 4.3.5')
    assert.equal(short(await route('n6@example.test')), 'mda aalice')
  })

  test('an alias file that multiplies gives at most a thousand results: with more, none, and the sender comes again', async () => {
    const level = (n: number) =>
      Array.from({ length: 40 }, (_, k) => (n === 2 ? `x${k}@far.test` : `l${n}x${k}`)).join(', ')
    const inner = Array.from(
      { length: 40 },
      (_, k) => `l0x${k}: [${Array.from({ length: 40 }, (_, j) => `y${k}z${j}@far.test`).join(', ')}]`,
    )
    const { route } = await install(`all: [${level(0)}]\n${inner.join('\n')}\n`)
    const answer = await route('all@example.test')
    assert.equal(short(answer), '451 4.3.5')
  })
})

for (const [to, accounts] of [
  ['alice@example.test', ['aalice']],
  ['alice+tag@example.test', ['aalice']],
  ['team@example.test', ['aalice', 'abob']],
  ['away@example.test', ['abob']],
  ['friend@example.test', []],
  ['nobody@example.test', []],
  ['alice@far.test', []],
] as const) {
  test(`other plugins are told that mail for ${to} is for: ${accounts.join(', ') || 'no account'}`, async () => {
    const { accountsOf } = await install('team: [alice, bob]\naway: [bob, x@far.test]\nfriend: x@far.test\n')
    assert.deepEqual(await accountsOf(to), accounts)
  })
}

describe('trouble is temporary', () => {
  test('while it lasts, the log says so once in a while and not with each recipient', async () => {
    const down = () => Promise.reject(new MailError('directory-unavailable', 'disk on fire'))
    const { route, log } = await install(undefined, {}, { accounts: { ...directory(), byAddress: down } })
    for (const name of ['alice', 'bob', 'carol']) await route(`${name}@example.test`)
    assert.deepEqual(
      log.lines.map(({ level, sentence }) => `${level} ${sentence}`),
      ['error', 'debug', 'debug'].map(level => `${level} recipient look-up failed`),
    )
  })

  test('a directory that is down defers', async () => {
    const down = () => Promise.reject(new MailError('directory-unavailable', 'disk on fire'))
    const { route } = await install(undefined, {}, { accounts: { ...directory(), byAddress: down } })
    const answer = await route('alice@example.test')
    assert.deepEqual(answer, {
      kind: 'defer',
      code: 451,
      status: '4.3.0',
      text: 'Cannot look up the recipient right now',
    })
  })

  test('a full mailbox is said while the sender still holds the mail', async () => {
    const { route, store } = await install(undefined)
    assert.equal(short(await route('full@example.test')), 'mda afull')
    assert.equal(short(await route('full@example.test', [['SIZE', '2000']])), '552 5.2.3', 'no use to come again')
    assert.equal(short(await route('full@example.test', [['SIZE', '900']])), 'mda afull')
    const inbox = (await store.mail.list('afull')).find(box => box.name === 'INBOX')!
    const body = { kind: 'memory', bytes: Buffer.alloc(1000) } as const
    await (await store.mail.open('afull', inbox.id)).append([{ body, flags: [], date: 0 }])
    assert.equal(short(await route('full@example.test')), '452 4.2.2')
    assert.equal(short(await route('full@example.test', [['SIZE', '900']])), '452 4.2.2')
    const bounce = aSession({ protocol: 'internal' })
    assert.equal(short(await route('full@example.test', [], bounce)), 'mda afull', 'a bounce waits in the queue')
  })

  for (const [what, answer, wish] of [
    ['that is full takes mail which rules may keep nowhere', async () => true, 'mda afew'],
    ['that is full is full where rules keep all mail', async () => false, '452 4.2.2'],
    ['whose rules cannot be read is full', () => Promise.reject(new Error('a fault')), '452 4.2.2'],
    ['whose rules cannot be known now', () => Promise.reject(new MailError('store-unavailable', 'x')), '451 4.3.0'],
  ] as const)
    test(`a mailbox ${what}`, async () => {
      const rules = { actionsFor: async () => [], describe: async () => [], mayKeepNone: answer }
      const { route, store } = await install(undefined, {}, { rules })
      const inbox = (await store.mail.list('afew')).find(box => box.name === 'INBOX')!
      const body = { kind: 'memory', bytes: Buffer.alloc(1) } as const
      await (await store.mail.open('afew', inbox.id)).append([{ body, flags: [], date: 0 }])
      assert.equal(short(await route('few@example.test')), wish)
    })

  test('a mailbox with as many messages as it may hold is full, whatever their size', async () => {
    const { route, store } = await install(undefined)
    assert.equal(short(await route('few@example.test', [['SIZE', '2000000']])), 'mda afew')
    const inbox = (await store.mail.list('afew')).find(box => box.name === 'INBOX')!
    const body = { kind: 'memory', bytes: Buffer.alloc(1) } as const
    await (await store.mail.open('afew', inbox.id)).append([{ body, flags: [], date: 0 }])
    assert.equal(short(await route('few@example.test')), '452 4.2.2')
  })

  test('a full mailbox is refused for good where the admin wants it so', async () => {
    const { route, store } = await install(undefined, { full: 'refuse' })
    assert.equal(short(await route('full@example.test')), 'mda afull')
    const inbox = (await store.mail.list('afull')).find(box => box.name === 'INBOX')!
    const body = { kind: 'memory', bytes: Buffer.alloc(1000) } as const
    await (await store.mail.open('afull', inbox.id)).append([{ body, flags: [], date: 0 }])
    assert.equal(short(await route('full@example.test')), '552 5.2.2')
  })

  for (const [disabled, to, expected] of [
    ['file', 'off@example.test', 'mda aoff'],
    ['refuse', 'off@example.test', '550 5.2.1'],
    ['refuse', 'gone@example.test', '550 5.2.1'],
    ['refuse', 'team@example.test', 'mda aoff, mda abob'],
  ] as const) {
    test(`with disabled: ${disabled}, ${to} gets: ${expected}`, async () => {
      const aliases = 'gone@example.test: off\nteam@example.test: [off, bob]\n'
      const { route } = await install(aliases, { disabled })
      assert.equal(short(await route(to)), expected)
    })
  }
})

describe('a wrong alias file stops the start and says where', () => {
  for (const [what, yaml, line, wish] of [
    ['a key that is none', 'ok: alice\n"a b c": alice', 2, /is not an alias/],
    ['a domain that is not ours', 'x@exampel.test: alice', 1, /did you mean example\.test\?/],
    ['a target that is none', 'x:\n  - alice\n  - 12', 3, /expected an address/],
    ['no targets', 'x: []', 1, /between 1 and 100/],
    ['one alias in two spellings', 'x: alice\nX: bob', 2, /stands here twice/],
  ] as const) {
    test(what, async () => {
      await assert.rejects(
        () => install(yaml),
        (error: unknown) =>
          error instanceof ConfigError && error.faults[0]!.line === line && wish.test(error.faults[0]!.message),
      )
    })
  }
})

describe('an alias', () => {
  const team = (name: string, members: number) =>
    `${name}: [${Array.from({ length: members }, (_, at) => `${name}-${at}@far.test`).join(', ')}]`
  const teams = Array.from({ length: 12 }, (_, at) => `team${at}`)
  const ALL = `all: [alice, ${teams.join(', ')}]\n`

  test('leads to all of a thousand', async () => {
    const { route, log } = await install(ALL + teams.map(name => team(name, 83)).join('\n'))
    const answer = await route('all@example.test')
    assert.equal(Array.isArray(answer) ? answer.length : 0, 12 * 83 + 1)
    assert.deepEqual(log.lines, [])
  })

  for (const [what, aliases, kind] of [
    ['to more', ALL + teams.map(name => team(name, 90)).join('\n'), 'too-many'],
    [
      'over more than ten others',
      `all: [bob, deep0]\n${Array.from({ length: 11 }, (_, at) => `deep${at}: ${at === 10 ? 'alice' : `deep${at + 1}`}`).join('\n')}`,
      'too-deep',
    ],
  ] as const) {
    test(`that leads ${what} lets none of them go without the mail unheard: the sender comes again, and the log says why, once`, async () => {
      const { route, log } = await install(aliases)
      assert.equal(short(await route('all@example.test')), '451 4.3.5')
      assert.deepEqual(
        log.lines.map(({ facts }) => facts.trouble),
        [kind],
      )
    })
  }
})
