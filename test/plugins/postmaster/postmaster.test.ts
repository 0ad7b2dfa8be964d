/** Digests for the postmaster: what is news, what is told when, and that they cannot loop. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Notice, QueueEvent } from '../../../core/api/index.js'
import { aCall, aSession, setUp } from '../../../core/testing/index.js'
import { Book } from '../../../plugins/postmaster/book.js'
import { digestOf } from '../../../plugins/postmaster/digest.js'
import postmaster from '../../../plugins/postmaster/index.js'
import { newsOfEvent, newsOfSession } from '../../../plugins/postmaster/news.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { runCommand } from '../../harness/context.js'

const HOUR = 3_600_000
const OURS = new Set(['example.test'])

function event(more: Partial<QueueEvent> & Pick<QueueEvent, 'kind'>): QueueEvent {
  return {
    at: 0,
    message: 'q1.1',
    sender: 'alice@example.test',
    recipient: 'bob@far.test',
    size: 1,
    ageMs: 1,
    lane: 'far.test',
    ...more,
  }
}

describe('news is', () => {
  for (const [name, what, kind] of [
    ['a notice that fails', { kind: 'failed', sender: '' }, 'double-bounce'],
    ['a notice whose time is over', { kind: 'expired', sender: '' }, 'double-bounce'],
    ['that a sender was told', { kind: 'bounced' }, 'bounce'],
    ['mail that is late', { kind: 'delayed' }, 'delay'],
    ['that we are blocked', { kind: 'delayed', class: 'blocked' }, 'blocked'],
    ['that our mail does not convince', { kind: 'failed', class: 'unauthenticated' }, 'blocked'],
    [
      'a mailbox of ours that is full',
      { kind: 'delayed', recipient: 'bob@example.test', lane: 'example.test' },
      'resource',
    ],
    ['that mail which an alias of ours sends on is late', { kind: 'delayed', recipient: 'bob@example.test' }, 'delay'],
    [
      'that we are blocked where an alias of ours leads',
      { kind: 'failed', recipient: 'bob@example.test', class: 'blocked' },
      'blocked',
    ],
    ['a complaint', { kind: 'complained', class: 'abuse' }, 'complaint'],
    ['mail that came back', { kind: 'returned', class: 'no-such-user' }, 'returned'],
  ] as const) {
    test(name, () => assert.equal(newsOfEvent(event(what), OURS)?.kind, kind))
  }

  for (const kind of ['accepted', 'delivered', 'held', 'failed'] as const) {
    test(`not that mail was ${kind}`, () => assert.equal(newsOfEvent(event({ kind }), OURS), undefined))
  }

  test('not that mail which an alias of ours sends on has failed: its sender is told', () =>
    assert.equal(newsOfEvent(event({ kind: 'failed', recipient: 'bob@example.test' }), OURS), undefined))

  test('a session that was refused something, or broke a rule', () => {
    const refused = (commands: number) => aSession({ refused: { commands, unknown: 0 } })
    assert.equal(newsOfSession(refused(0), 'quit'), undefined)
    assert.equal(newsOfSession(refused(3), 'quit')?.kind, 'policy')
    assert.equal(newsOfSession(refused(3), 'errors')?.kind, 'protocol')
    assert.equal(newsOfSession(refused(0), 'early')?.kind, 'protocol')
  })
})

describe('the book', () => {
  const aBook = (lines = 3) => {
    const clock = { now: 20_000 * 24 * HOUR }
    const book = new Book(createMemoryState(), { now: () => clock.now }, { lines, keepMs: 100 * HOUR })
    const note = (about: string) => book.note({ kind: 'blocked', about, says: `line ${about}` })
    return { book, clock, note }
  }

  test('writes the first lines and counts the others', async () => {
    const { book, note } = aBook()
    for (let i = 0; i < 5; i++) await note(String(i))
    assert.deepEqual(await book.pages(), [{ kind: 'blocked', count: 5, lines: ['line 0', 'line 1', 'line 2'] }])
  })

  test('writes the same thing once', async () => {
    const { book, note } = aBook()
    for (let i = 0; i < 5; i++) await note('same')
    assert.deepEqual(await book.pages(), [{ kind: 'blocked', count: 1, lines: ['line same'] }])
  })

  test('is due once in its time, and empty once that is told', async () => {
    const { book, clock, note } = aBook()
    assert.equal(await book.due(HOUR), undefined)
    await note('a')
    const due = await book.due(HOUR)
    assert.equal(due?.pages.length, 1)
    await due.told()
    assert.deepEqual(await book.pages(), [])
    await note('b')
    assert.equal(await book.due(HOUR), undefined)
    clock.now += HOUR + 1
    assert.deepEqual((await book.due(HOUR))?.pages, [{ kind: 'blocked', count: 1, lines: ['line b'] }])
  })

  test('keeps what was due and not told, and what came while it was told', async () => {
    const { book, clock, note } = aBook()
    for (let i = 0; i < 5; i++) await note(String(i))
    await book.due(HOUR)
    clock.now += HOUR + 1
    const due = await book.due(HOUR)
    assert.deepEqual(due?.pages, [{ kind: 'blocked', count: 5, lines: ['line 0', 'line 1', 'line 2'] }])
    await note('late')
    await due.told()
    assert.deepEqual(await book.pages(), [{ kind: 'blocked', count: 1, lines: ['line late'] }])
  })
})

test('a digest says how much of what, in lines', () => {
  const { subject, text } = digestOf(
    [
      { kind: 'double-bounce', count: 1, lines: ['q1.1  x@y.test'] },
      { kind: 'blocked', count: 9, lines: ['far.test'] },
    ],
    'mail.example.test',
  )
  assert.equal(subject, 'mail.example.test: 10 things a postmaster should know (double-bounce, blocked)')
  assert.match(text, /so that nobody was told \(double-bounce\): 1\n {2}q1\.1 {2}x@y\.test\n\n/)
  assert.match(text, / {2}far\.test\n {2}… and 8 more\n/)
})

describe('the plugin', () => {
  async function aPlugin(config: object = {}) {
    const { hooks, contribution } = await setUp(postmaster, { config, state: createMemoryState() })
    const show = async () => (await runCommand(contribution.commands!, 'postmaster show')).out.join('\n')
    return { show, hear: (what: QueueEvent) => hooks.event!({ event: what }, aCall()) }
  }

  test('keeps what it is told to tell, and nothing else', async () => {
    const { show, hear } = await aPlugin({ tell: ['double-bounce'] })
    await hear(event({ kind: 'failed', sender: '', text: '550 no' }))
    await hear(event({ kind: 'bounced' }))
    assert.match(
      await show(),
      /^Notices that .* \(double-bounce\): 1\n {2}q1\.1 {2}bob@far\.test {2}a notice {2}550 no\ntold: double-bounce; at most every 1h$/,
    )
  })

  for (const [name, config, recipient] of [
    ['the postmaster', {}, 'Postmaster@example.test'],
    ['whoever gets it', { to: 'admin@far.test' }, 'admin@far.test'],
  ] as const) {
    test(`takes trouble with mail from nobody to ${name} for no news: a digest cannot cause the next`, async () => {
      const { show, hear } = await aPlugin(config)
      await hear(event({ kind: 'failed', sender: '', recipient }))
      await hear(event({ kind: 'delayed', sender: '', recipient }))
      assert.match(await show(), /^nothing waits/)
    })
  }

  test('forgets what waits once the digest is accepted, and not before', async t => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    let now = 20_000 * 24 * HOUR
    let accepts = false
    const told: string[] = []
    const notifier = {
      async tell({ text }: Notice) {
        told.push(text)
        return accepts
      },
    }
    const { hooks, contribution } = await setUp(postmaster, {
      state: createMemoryState(),
      services: { notifier },
      now: () => now,
    })
    await hooks.event!({ event: event({ kind: 'failed', sender: '' }) }, aCall())
    contribution.started!()
    for (let i = 0; i < 3; i++) {
      t.mock.timers.tick(60_000)
      await new Promise(setImmediate)
      now += HOUR + 1
      accepts = true
    }
    assert.equal(told.length, 2)
    assert.equal(told[1], told[0])
    await contribution.dispose!()
  })

  for (const [name, config, fault] of [
    ['an address', { to: 'nobody' }, /expected an address/],
    ['some time between digests', { every: '0s' }, /expected 1s or more, got "0s"/],
  ] as const) {
    test(`wants ${name}`, () => assert.rejects(aPlugin(config), fault))
  }
})
