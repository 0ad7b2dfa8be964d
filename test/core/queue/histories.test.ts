/**
 * Random histories of the runner: whatever targets, notices, admins, clocks and restarts do, a recipient leaves the queue only by delivery,
 * failure, expiry or an admin's command, and the trail says which.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Log, NewRow, Outcome, QueueChange, Store, Target } from '../../../core/api/index.js'
import { MailError } from '../../../core/api/index.js'
import { QueueRunner } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'

const HOUR = 3_600_000
const QUIET: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => QUIET,
}
const FINAL = ['delivered', 'filed', 'failed', 'dropped'] as const
const SAID: Readonly<Record<(typeof FINAL)[number], RegExp>> = {
  delivered: /^Delivered for (\S+) to/,
  filed: /^Filed for (\S+) into/,
  failed: /^(?:Failed|Gave up after the last try) for (\S+?):/,
  dropped: /^Dropped for (\S+) by/,
}

const step = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    recipients: fc.integer({ min: 1, max: 3 }),
    bounce: fc.boolean(),
    hold: fc.option(fc.constant('rule'), { nil: undefined }),
    hours: fc.integer({ min: 0, max: 30 }),
  }),
  fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 0, max: 40 }) }),
  fc.record({
    do: fc.constant('change' as const),
    pick: fc.nat(20),
    kind: fc.constantFrom('hold', 'release', 'retry', 'drop', 'fail', 'redirect'),
  }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('inspect' as const) }),
  fc.record({ do: fc.constant('noticesFail' as const), fail: fc.boolean() }),
)
const OUTCOMES = ['delivered', 'filed', 'deferred', 'failed', 'held', 'missing', 'throw', 'twice', 'stranger'] as const
const history = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 30 }),
  outcomes: fc.array(fc.constantFrom(...OUTCOMES), { minLength: 1, maxLength: 40 }),
})

class World {
  now = Date.UTC(2026, 0, 1)
  readonly store: Store = createMemoryStore({ now: () => this.now })
  readonly accepted = new Map<string, readonly string[]>()
  noticesFail = false
  runner: QueueRunner
  readonly #outcomes: readonly (typeof OUTCOMES)[number][]
  #turn = 0

  constructor(outcomes: readonly (typeof OUTCOMES)[number][]) {
    this.#outcomes = outcomes
    this.runner = this.#newRunner()
  }

  #newRunner(): QueueRunner {
    const target: Target = {
      scope: 'remote',
      lane: to => to.domain,
      deliver: async job => {
        const answers = job.recipients.map(({ row }) => this.#outcome(row))
        if (answers.includes(undefined)) throw new Error('a target that breaks')
        return answers.flat() as Outcome[]
      },
    }
    return new QueueRunner({
      store: this.store,
      targets: new Map([['far', target]]),
      plan: async () => {
        if (this.noticesFail) throw new MailError('directory-unavailable', 'no')
        return undefined
      },
      pipeline: { gather: async () => [] as never, tell: () => undefined },
      server: { name: 'us.test' },
      schedule: {
        retryMs: [HOUR, 4 * HOUR],
        warnAfterMs: [2 * HOUR],
        concurrency: 4,
        perLane: 1,
        leaseMs: 120_000,
        heldExpireMs: 60 * HOUR,
      },
      clock: { now: () => this.now },
      log: QUIET,
      metrics: { count: () => undefined, observe: () => undefined },
      random: () => 0.5,
    })
  }

  #outcome(row: number): Outcome | Outcome[] | undefined {
    const kind = this.#outcomes[this.#turn++ % this.#outcomes.length]!
    const deferred = { kind: 'deferred', row, status: '4.0.0', text: 'later' } as const
    switch (kind) {
      case 'delivered':
        return { kind, row, remote: 'r', reply: '250 ok' }
      case 'filed':
        return { kind, row, filings: [{ accountId: 'a', mailbox: 'INBOX', flags: [], prefix: '', date: this.now }] }
      case 'deferred':
        return deferred
      case 'failed':
        return { kind, row, status: '5.0.0', text: 'no' }
      case 'held':
        return { ...deferred, hold: 'the target says so' }
      case 'missing':
        return []
      case 'throw':
        return undefined
      case 'twice':
        return [deferred, { kind: 'delivered', row, remote: 'r', reply: '250 ok' }]
      case 'stranger':
        return { ...deferred, row: row + 100 }
    }
  }

  async settle(): Promise<void> {
    this.runner.start()
    this.runner.wake()
    for (let turn = 0; turn < 4; turn += 1) await new Promise(resolve => setTimeout(resolve, 1))
  }

  async restart(): Promise<void> {
    await this.runner.stop(0)
    this.runner = this.#newRunner()
  }

  async add({
    recipients,
    bounce,
    hold,
    hours,
  }: {
    recipients: number
    bounce: boolean
    hold?: string | undefined
    hours: number
  }) {
    const id = `m${this.accepted.size}.1`
    const names = Array.from({ length: recipients }, (_, i) => `r${this.accepted.size}x${i}`)
    const rows = names.map((local, row): NewRow => {
      const to = { local, domain: 'them.test' }
      const common = { dsn: { notify: [] }, target: 'far', lane: to.domain, detail: {}, prefix: '', priority: 0 }
      const expires = this.now + hours * HOUR
      return { row, to, original: to, due: this.now, expires, ...common, ...(hold === undefined ? {} : { hold }) }
    })
    await this.store.accept({
      message: {
        id,
        body: { kind: 'memory', bytes: Buffer.from('a: b\r\n\r\n') },
        cuts: [],
        sender: bounce ? null : { local: 's', domain: 'us.test' },
        utf8: false,
        bodyType: '7BIT',
        received: this.now,
        origin: {},
      },
      rows,
      filings: [],
      trail: [],
    })
    this.accepted.set(
      id,
      names.map(name => `${name}@them.test`),
    )
  }

  async change(pick: number, kind: string): Promise<void> {
    const ids = [...this.accepted.keys()]
    const id = ids[pick % Math.max(1, ids.length)]
    const message = id === undefined ? undefined : await this.store.queue.get(id)
    const row = message?.rows.find(({ leased }) => !leased)
    if (message === undefined || row === undefined) return
    const changes: Readonly<Record<string, QueueChange>> = {
      hold: { kind: 'hold', reason: 'admin' },
      release: { kind: 'release' },
      retry: { kind: 'retry', due: this.now },
      drop: { kind: 'drop' },
      fail: { kind: 'fail', verdict: { status: '5.7.1', text: 'not from here', expired: false } },
      redirect: { kind: 'redirect', to: row.to, target: 'far', lane: 'else.test', detail: {} },
    }
    const says = `Dropped for ${row.original.local}@${row.original.domain} by an admin`
    const trail = kind === 'drop' ? [{ id: message.id, at: this.now, event: 'dropped' as const, says, facts: {} }] : []
    await this.store.queue.change(message.id, changes[kind]!, [row.row], trail)
  }

  /** Every recipient is still there, or exactly one last word is said of it. */
  async check(): Promise<void> {
    for (const [id, names] of this.accepted) {
      const there = new Set((await this.store.queue.get(id))?.rows.map(row => `${row.original.local}@them.test`))
      const trail = await this.store.trail.of(id)
      for (const name of names) {
        const last = trail.filter(({ event, says }) =>
          FINAL.some(kind => event === kind && SAID[kind].exec(says)?.[1] === name),
        )
        assert.equal(last.length, there.has(name) ? 0 : 1, `${name}: ${trail.map(({ says }) => says).join(' | ')}`)
      }
    }
    const { adrift } = await this.store.queue.audit(this.now)
    assert.equal(adrift, 0)
  }
}

test('a recipient leaves the queue by delivery, failure, expiry or an admin, and the trail says which', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, outcomes }) => {
      const world = new World(outcomes)
      try {
        for (const one of steps) {
          if (one.do === 'add') await world.add(one)
          else if (one.do === 'wait') world.now += one.hours * HOUR
          else if (one.do === 'change') await world.change(one.pick, one.kind)
          else if (one.do === 'restart') await world.restart()
          else if (one.do === 'inspect') await world.runner.inspection.round()
          else world.noticesFail = one.fail
          if (one.do !== 'restart') await world.settle()
          await world.check()
        }
      } finally {
        await world.runner.stop(0)
      }
    }),
    { numRuns: 60 },
  )
})
