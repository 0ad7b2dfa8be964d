/** Every kind of fault is laid into a store by hand, found, told, and mended; and a store that is right, or at work, has none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Accounts, CommandRun, WordIndex } from '../../../core/api/index.js'
import type { Environment } from '../../../plugins/store-lmdb/environment.js'
import { openEnvironment } from '../../../plugins/store-lmdb/environments.js'
import { createLmdbStore, FORMAT, type LmdbStore } from '../../../plugins/store-lmdb/store.js'
import { type VerifyParts, verifyCommand } from '../../../plugins/store-lmdb/verify-command.js'
import { acceptance, filing, mail, openByName, row, TurnedClock } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

const MAP_BYTES = 16 * 1024 ** 2

interface Laid {
  readonly store: LmdbStore
  readonly clock: TurnedClock
  readonly env: Environment
  /** Of INBOX. */
  readonly boxId: string
  verify(
    options?: CommandRun['options'],
    parts?: Partial<VerifyParts>,
  ): Promise<{ code: number; out: string; warned: string }>
}

/** A store with mail of all kinds: delivered, queued, copied, deleted, brought. */
async function laid(t: { after(end: () => Promise<void>): void }): Promise<Laid> {
  const path = freshPath()
  const clock = new TurnedClock()
  const store = createLmdbStore({ path, mapBytes: MAP_BYTES, now: clock.now })
  t.after(() => store.close())
  const env = openEnvironment({ path, mapBytes: MAP_BYTES, kind: 'mail', version: FORMAT })
  for (const at of [1, 2, 3])
    await store.accept(acceptance(`q${at}`, { rows: [row(0)], filings: [filing('ann'), filing('bob', 'Work/2024')] }))
  const inbox = await openByName(store, 'ann')
  const trash = await openByName(store, 'ann', 'Trash')
  await inbox.append([mail('x'.repeat(600_000), ['\\Seen', '\\Deleted']), mail('y')])
  await inbox.copy([1, 2], trash.id)
  await inbox.move([3], trash.id)
  await inbox.flag([2], { kind: 'add', flags: ['\\Seen'] })
  await trash.expunge([1])
  await inbox.bring([{ ...mail('brought'), source: 'b', uid: 20, uniqueId: 'u' }])
  await store.mail.delete('bob', 'Work/2024')
  const verify: Laid['verify'] = async (options = {}, parts = {}) => {
    const [out, warned]: [string[], string[]] = [[], []]
    const command = verifyCommand({ store, clock, accounts: () => undefined, words: () => undefined, ...parts })
    const run = {
      args: [],
      options,
      json: options.json === true,
      print: (line: string) => out.push(line),
      warn: (line: string) => warned.push(line),
    }
    const code = (await command.run(run as unknown as CommandRun)) ?? 0
    return { code, out: out.join('\n'), warned: warned.join('\n') }
  }
  return { store, clock, env, boxId: inbox.id, verify }
}

test('a store that is right adds up', async t => {
  const { verify } = await laid(t)
  const { code, out } = await verify()
  assert.equal(code, 0, out)
  assert.match(out, /^2 accounts with mailboxes, 13 mailboxes, 7 messages of 586\.1KB in 6 bodies\nall of it adds up$/)
})

interface Damage {
  readonly name: string
  lay(of: Laid): Promise<void>
  readonly told: RegExp
  /** Whether it can be mended. */
  readonly mends: boolean
}

const changeBox =
  (key: string, value: unknown) =>
  async ({ env, boxId }: Laid) => {
    const boxes = env.database<Record<string, unknown>, string>('boxes')
    await env.write(() => void boxes.put(boxId, { ...boxes.get(boxId), [key]: value }))
  }

const DAMAGES: readonly Damage[] = [
  {
    name: 'messages miscounted',
    lay: changeBox('messages', 99),
    told: /ann\/INBOX: messages 99 where there are 5/,
    mends: true,
  },
  {
    name: 'octets miscounted',
    lay: changeBox('bytes', -7),
    told: /ann\/INBOX: bytes -7 where there are 6000/,
    mends: true,
  },
  {
    name: 'unseen and deleted miscounted',
    lay: changeBox('unseen', 0),
    told: /unseen 0 where there are 3/,
    mends: true,
  },
  {
    name: 'a UIDNEXT that would come again',
    lay: changeBox('uidNext', 3),
    told: /UIDNEXT is 3, and there is a message 20/,
    mends: true,
  },
  {
    name: 'a MODSEQ behind its messages',
    lay: changeBox('modseq', 1),
    told: /MODSEQ is 1, and a message has \d+/,
    mends: true,
  },
  {
    name: 'a message that is not in the history',
    lay: async ({ env, boxId }) => {
      const history = env.database<number, [string, number, number]>('history')
      const key = [...history.getKeys()].find(([id, , uid]) => id === boxId && uid === 2)!
      await env.write(() => void history.remove(key))
    },
    told: /ann\/INBOX: 1 messages are missing in the history of changes, and 0 are wrong there/,
    mends: true,
  },
  {
    name: 'a message twice in the history',
    lay: ({ env, boxId }) =>
      env.write(() => void env.database<number, [string, number, number]>('history').put([boxId, 1, 2], 0)),
    told: /0 messages are missing in the history of changes, and 1 are wrong there/,
    mends: true,
  },
  {
    name: 'a name of nothing',
    lay: ({ env }) => env.write(() => void env.database('names').put(['ann', 'Ghost'], 'nowhere')),
    told: /ann\/Ghost: is the name of no mailbox/,
    mends: true,
  },
  {
    name: 'two names of one mailbox',
    lay: ({ env, boxId }) => env.write(() => void env.database('names').put(['ann', 'Twin'], boxId)),
    told: /ann\/Twin: is the name of ann\/INBOX/,
    mends: true,
  },
  {
    name: 'a mailbox without a name',
    lay: ({ env }) => env.write(() => void env.database('names').remove(['ann', 'Trash'])),
    told: /ann\/Trash: no name leads to this mailbox/,
    mends: true,
  },
  {
    name: 'a body counted too often',
    lay: ({ env }) => countBody(env, 1),
    told: /body \S+: is counted 4 times and referred to 3 times/,
    mends: true,
  },
  {
    name: 'a body counted too rarely',
    lay: ({ env }) => countBody(env, -2),
    told: /body \S+: is counted 1 times and referred to 3 times/,
    mends: true,
  },
  {
    name: "a body that is nobody's",
    lay: ({ env }) =>
      env.write(() => {
        env.database('bodies').put('orphan', { size: 3, chunk: 1000, references: 0 })
        env.octets('chunks').put(['orphan', 0], Buffer.from('abc'))
      }),
    told: /body orphan: is counted 0 times and referred to 0 times/,
    mends: true,
  },
  {
    name: 'octets without a record',
    lay: ({ env }) => env.write(() => void env.octets('chunks').put(['stray', 0], Buffer.from('abc'))),
    told: /body stray: is octets without a record/,
    mends: true,
  },
  {
    name: 'what is left of a mailbox that is gone',
    lay: ({ env }) =>
      env.write(() => {
        env.octets('indexParts').put(['gone-1', 7, 1], Buffer.from('x'))
        env.database('sources').put(['gone-2', 'digest'], 3)
      }),
    told: /mailbox gone-2: has sources and is gone\nmailbox gone-1: has indexParts and is gone/,
    mends: true,
  },
  {
    name: 'a body that is gone',
    lay: async ({ env, store }) => {
      const { bodyId } = (await (await openByName(store, 'ann')).get([5]))[0]!
      await env.write(() => void env.database('bodies').remove(bodyId))
    },
    told: /ann\/INBOX: message 5 has no body any more/,
    mends: false,
  },
  {
    name: 'a message that cannot be read',
    lay: ({ env, boxId }) => env.write(() => void env.database('entries').put([boxId, 5], ['no more'])),
    told: /ann\/INBOX: message 5 cannot be read/,
    mends: false,
  },
  {
    name: 'a body that lacks a piece',
    lay: async ({ env, store }) => {
      const { bodyId } = (await (await openByName(store, 'ann')).get([4]))[0]!
      await env.write(() => void env.octets('chunks').remove([bodyId, 1]))
    },
    told: /ann\/INBOX: message 4 lacks a piece of its body/,
    mends: false,
  },
]

for (const [name, lay] of [
  [
    'of a mailbox',
    ({ env, boxId }: Laid) => env.write(() => void env.database('entries').put([boxId, 5], 'not a list' as never)),
  ],
  ['of the queue', ({ env }: Laid) => env.write(() => void env.database('messages').put('q1', 'no envelope' as never))],
  [
    'that was put aside',
    async ({ env }: Laid) =>
      env.write(() => {
        env.database('messages').remove('q1')
        env.database('broken').put('1', { id: 'q1', at: 1, why: 'damaged', from: 'messages', size: 5 })
      }),
  ],
] as const)
  test(`the body of a message ${name} that cannot be read stays, whatever is mended`, async t => {
    const house = await laid(t)
    const bodies = () => [...house.env.database('bodies').getKeys()]
    const before = bodies()
    await lay(house)
    const { code, out } = await house.verify({ repair: true })
    assert.equal(code, 1, out)
    assert.match(out, /cannot be read/)
    assert.deepEqual(bodies(), before)
  })

async function countBody(env: Environment, by: number): Promise<void> {
  const bodies = env.database<{ references: number }, string>('bodies')
  const found = [...bodies.getRange({})].find(({ value }) => value.references === 3)!
  await env.write(() => void bodies.put(found.key, { ...found.value, references: 3 + by }))
}

for (const { name, lay, told, mends } of DAMAGES)
  test(`${name}: told, and ${mends ? 'mended' : 'what can be mended is'}`, async t => {
    const house = await laid(t)
    await lay(house)
    const found = await house.verify()
    assert.equal(found.code, 1)
    assert.match(found.out, told)
    assert.match((await house.verify()).out, told)
    const mended = await house.verify({ repair: true })
    assert.equal(mended.code, mends ? 0 : 1, mended.out)
    assert.match(mended.out, mends ? /all mended$/ : /cannot be mended: restore them from a backup$/)
    await house.store.sweep(0, 0)
    const after = await house.verify()
    assert.equal(after.code, mends ? 0 : 1, after.out)
  })

test('counts are mended by what was wrong, whatever has changed meanwhile', async t => {
  const house = await laid(t)
  await changeBox('messages', 50)(house)
  const { faults, mend } = house.store.verification()
  const found = []
  for await (const fault of faults()) found.push(fault)
  const inbox = await openByName(house.store, 'ann')
  await inbox.append([mail('more')])
  await inbox.expunge([1])
  for (const fault of found) await mend(fault)
  assert.equal((await inbox.info()).messages, (await inbox.list()).length)
  assert.equal((await house.verify()).code, 0)
})

test('what changes while it looks is no fault', async t => {
  const house = await laid(t)
  const inbox = await openByName(house.store, 'ann')
  for (let at = 0; at < 5; at++) {
    // So many ids in a millisecond would not all be different.
    house.clock.time++
    await inbox.append(Array.from({ length: 1_000 }, (_, more) => mail(`${at} ${more}`)))
  }
  let over = false
  const work = (async () => {
    for (let at = 0; !over; at++) {
      const [uid] = await inbox.append([mail(`new ${at}`)])
      await inbox.flag([uid! - 1], { kind: 'add', flags: ['\\Seen'] })
      await inbox.expunge([uid! - 2])
    }
  })()
  try {
    for (let turn = 0; turn < 3; turn++) {
      const { code, out } = await house.verify()
      assert.equal(code, 0, out)
    }
  } finally {
    over = true
  }
  await work
})

test('accounts nobody has are told of, and are no fault', async t => {
  const { verify } = await laid(t)
  const accounts = {
    byId: async (id: string) => (id === 'ann' ? { id } : undefined),
    list: async () => [{ id: 'ann' }],
  } as unknown as Accounts
  const { code, out } = await verify({}, { accounts: () => accounts })
  assert.deepEqual([code, /account bob: has mailboxes here, and nobody can log in to it/.test(out)], [0, true])
  const down = { byId: () => Promise.reject(new Error('the directory is down')) } as unknown as Accounts
  assert.match((await verify({}, { accounts: () => down })).warned, /cannot be asked now: the directory is down/)
})

test('accounts without a mailbox are counted apart', async t => {
  const { verify } = await laid(t)
  const ids = ['ann', 'bob', 'carol', 'dave', 'eve']
  const accounts = {
    byId: async (id: string) => ({ id }),
    list: async () => ids.map(id => ({ id })),
  } as unknown as Accounts
  const { out } = await verify({}, { accounts: () => accounts })
  assert.match(out, /^2 accounts with mailboxes and 3 without, 13 mailboxes, 7 messages/)
  const told = JSON.parse((await verify({ json: true }, { accounts: () => accounts })).out)
  assert.deepEqual([told.seen.accounts, told.withoutMailboxes], [2, 3])
})

test('--words has the index of every mailbox made anew', async t => {
  const { verify } = await laid(t)
  const asked: string[] = []
  const words: WordIndex = { rebuild: async ({ accountId }) => asked.push(accountId) && 10 }
  assert.match((await verify({ words: true }, { words: () => words })).out, /130 messages in the index of words/)
  assert.deepEqual([asked.filter(id => id === 'ann').length, asked.filter(id => id === 'bob').length], [6, 7])
  assert.match((await verify({ words: true })).warned, /the plugin imap is off/)
})

test('--json tells everything', async t => {
  const house = await laid(t)
  await changeBox('messages', 99)(house)
  const { out } = await house.verify({ json: true, repair: true })
  const { seen, faults, adrift, strangers } = JSON.parse(out)
  assert.deepEqual([seen.messages, adrift, strangers], [7, 0, []])
  assert.deepEqual(faults, [
    { kind: 'counts', where: 'ann/INBOX', what: 'messages 99 where there are 5', mended: true },
  ])
})
