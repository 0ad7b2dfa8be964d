/** Warnings about full mailboxes and the grace beyond a quota, over several workers that share a store and a State. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Account, Notice, State } from '../../../../core/api/index.js'
import { quietLog } from '../../../../core/testing/index.js'
import { QuotaKeeper } from '../../../../plugins/mda/quota/keeper.js'
import { QuotaWarnings } from '../../../../plugins/mda/quota/warnings.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'
import { acceptance, filing, memory, message } from '../../../contracts/backend.js'

const DAY = 86_400_000
const ALICE: Account = { id: 'aalice', login: 'alice', addresses: ['alice@example.test'], quotaMessages: 20 }

function house(
  more: { account?: Partial<Account>; at?: readonly number[]; grace?: number; accepts?: () => boolean } = {},
) {
  const store = createMemoryStore()
  const state = createMemoryState()
  const clock = { at: Date.UTC(2026, 10, 22), now: () => clock.at }
  const account: Account = { ...ALICE, ...more.account }
  const told: Notice[] = []
  const said = new Map<string, number>()
  /** As core's: about one thing once in its time. */
  const tell = async (notice: Notice) => {
    if (more.accepts?.() === false) return false
    if (clock.at - (said.get(notice.about) ?? Number.NEGATIVE_INFINITY) < (notice.everyMs ?? DAY)) return false
    said.set(notice.about, clock.at)
    told.push(notice)
    return true
  }
  const accounts = {
    byId: async (id: string) => (id === account.id ? account : undefined),
    byLogin: async () => undefined,
    byAddress: async () => undefined,
    list: async () => [account],
  }
  const worker = (own: State = state) => {
    const keeper = new QuotaKeeper({
      ...{ mail: store.mail, state: own, clock, log: quietLog },
      grace: { percent: more.grace ?? 10, forMs: 7 * DAY },
    })
    const warnings = new QuotaWarnings({
      ...{ accounts, mail: store.mail, keeper, state: own, clock, log: quietLog, full: 'defer' },
      metrics: { count: () => undefined, observe: () => undefined },
      notifier: () => ({ tell }),
      at: more.at ?? [80, 95, 100],
    })
    return { keeper, warnings, look: (turnedAway = false) => warnings.lookAt(account.id, turnedAway) }
  }
  let count = 0
  const fill = async (to: number) => {
    const inbox = await store.mail.find(account.id, 'INBOX')
    const there = inbox?.messages ?? 0
    for (let at = there; at < to; at++) {
      const id = `q${++count}`
      await store.accept(acceptance(id, { message: message(id, { body: memory('x') }), filings: [filing(account.id)] }))
    }
    if (there <= to || inbox === undefined) return
    const box = await store.mail.open(account.id, inbox.id)
    await box.expunge((await box.list()).slice(to).map(({ uid }) => uid))
  }
  return { store, state, clock, account, told, worker, fill, subjects: () => told.map(({ subject }) => subject) }
}

describe('warnings', () => {
  test('reach an address that mail writes in quotes', async () => {
    const { worker, fill, told } = house({ account: { addresses: ['alice b@example.test'] } })
    await fill(17)
    await worker().look()
    assert.deepEqual(
      told.map(({ to }) => to),
      [{ local: 'alice b', domain: 'example.test' }],
    )
  })

  test('come once for each threshold, however many workers look', async () => {
    const { worker, fill, subjects } = house()
    const workers = [worker(), worker(), worker()]
    for (const messages of [1, 15, 16, 17, 18, 19, 20, 21]) {
      await fill(messages)
      await Promise.all(workers.map(({ look }) => look()))
    }
    assert.deepEqual(subjects(), ['Your mailbox is 80% full', 'Your mailbox is 95% full', 'Your mailbox is 100% full'])
  })

  test('of several thresholds at once name the highest, and are not repeated for the others', async () => {
    const { worker, fill, subjects, clock } = house()
    await fill(19)
    await worker().look()
    clock.at += 2 * DAY
    await worker().look()
    assert.deepEqual(subjects(), ['Your mailbox is 95% full'])
  })

  test('come again when there was clearly less meanwhile, and not when it was only a little', async () => {
    const { worker, fill, subjects, clock } = house()
    const { look } = worker()
    for (const [messages, wish] of [
      [16, 1],
      [15, 1],
      [16, 1],
      [14, 1],
      [16, 2],
    ] as const) {
      clock.at += DAY
      await fill(messages)
      await look()
      assert.equal(subjects().length, wish, `at ${messages}`)
    }
  })

  test('are not lost when they could not be sent: they come with the next mail', async () => {
    let works = false
    const { worker, fill, subjects } = house({ accepts: () => works })
    await fill(16)
    await worker().look()
    works = true
    await worker().look()
    assert.deepEqual(subjects(), ['Your mailbox is 80% full'])
  })

  test('do not come for accounts without a quota', async () => {
    const { account, worker, fill, told } = house({ account: {} })
    const { quotaMessages: _, ...free } = account
    Object.assign(account, { ...free, quotaMessages: undefined })
    await fill(20)
    await worker().look(true)
    assert.deepEqual(told, [])
  })

  test('come at no threshold where the site wants none, but when mail is turned away', async () => {
    const { worker, fill, subjects, clock } = house({ at: [] })
    const { keeper, warnings, look } = worker()
    await fill(22)
    await look()
    assert.deepEqual(subjects(), [])
    const heard: string[] = []
    keeper.onTurnedAway(id => heard.push(id))
    assert.equal((await keeper.room(ALICE, { bytes: 1, messages: 1 })).room, 'full')
    assert.deepEqual(heard, [ALICE.id])
    await warnings.lookAt(ALICE.id, true)
    clock.at += 2 * DAY
    await warnings.lookAt(ALICE.id, true)
    assert.deepEqual(subjects(), ['Your mailbox is full'])
  })

  test('tell of mail that is turned away once, and whether or not they told that it is full', async () => {
    const { worker, fill, subjects, clock } = house()
    const { look } = worker()
    await fill(20)
    for (const turnedAway of [false, true, true, false, true]) {
      clock.at += 2 * DAY
      await look(turnedAway)
    }
    assert.deepEqual(subjects(), ['Your mailbox is 100% full', 'Your mailbox is full'])
    await fill(10)
    await look()
    clock.at += 2 * DAY
    await look(true)
    assert.deepEqual(subjects().slice(2), ['Your mailbox is full'])
  })

  test('say what is used, what follows, and where most of it lies', async () => {
    const { worker, fill, told } = house()
    await fill(21)
    await worker().look()
    const [{ to, text } = { to: undefined, text: '' }] = told
    assert.deepEqual(to, { local: 'alice', domain: 'example.test' })
    assert.match(text, /21 messages of 20, which is 105% of what it may hold/)
    assert.match(text, /still taken until Sun, 29 Nov 2026 00:00:00 \+0000/)
    assert.match(text, /Most of it lies in:\n {2}INBOX: .*, 21 messages/)
  })
})

describe('grace', () => {
  const ONE = { bytes: 1, messages: 1 }

  test('lasts from the day the quota was passed, and is there anew after there was room', async () => {
    const { worker, fill, clock } = house()
    const [{ keeper, look }, other] = [worker(), worker()]
    const room = async () => (await other.keeper.room(ALICE, ONE)).room
    await fill(20)
    await look()
    assert.equal(await room(), 'there is room')
    await fill(21)
    await look()
    clock.at += 7 * DAY - 1
    await look()
    assert.equal(await room(), 'there is room')
    clock.at += 1
    assert.equal(await room(), 'full')
    assert.equal(await keeper.graceUntil(ALICE, { bytes: 0, messages: 21 }), clock.at)
    await fill(19)
    await look()
    assert.equal(await room(), 'there is room')
    await fill(21)
    assert.equal(await room(), 'there is room')
  })

  test('is there anew also where nobody has looked while there was room', async () => {
    const { worker, fill, clock } = house()
    const { keeper, look } = worker()
    await fill(21)
    await look()
    clock.at += 8 * DAY
    assert.equal((await keeper.room(ALICE, ONE)).room, 'full')
    await fill(20)
    assert.equal((await keeper.room(ALICE, ONE)).room, 'there is room')
    await fill(21)
    await look()
    assert.equal((await keeper.room(ALICE, ONE)).room, 'there is room')
  })

  test('ends for all but what the server itself has to say', async () => {
    const { worker, fill } = house({ grace: 0 })
    const { keeper } = worker()
    await fill(20)
    assert.equal((await keeper.room(ALICE, ONE)).room, 'full')
    assert.equal((await keeper.room(ALICE, { ...ONE, own: true })).room, 'there is room')
    await fill(40)
    assert.equal((await keeper.room(ALICE, { ...ONE, own: true })).room, 'full')
  })

  test('holds where it cannot be known since when: nobody is turned away for it', async () => {
    const { worker, fill } = house()
    const broken = { ...createMemoryState(), get: () => Promise.reject(new Error('disk')) }
    await fill(21)
    assert.equal((await worker(broken).keeper.room(ALICE, ONE)).room, 'there is room')
  })
})
