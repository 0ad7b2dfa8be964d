/** Workers over one store, one state and one bus in memory, with a world that answers as a test says. */
import type { Bus, Job, NewRow, Outcome, Target } from '../../../../core/api/index.js'
import { QueueRunner, type RunnerSchedule } from '../../../../core/queue/runner.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const NOTHING = () => undefined
export const LOG = { error: NOTHING, warn: NOTHING, info: NOTHING, debug: NOTHING, child: () => LOG } as never

export type Deliver = (job: Job, worker: number) => Outcome | Promise<Outcome>

export class Bench {
  now = Date.UTC(2026, 10, 21)
  readonly clock = { now: () => this.now }
  readonly store = createMemoryStore(this.clock)
  readonly state = createMemoryState()
  readonly tried: { lane: string; worker: number; id: string }[] = []
  readonly sites = new Map<string, string>()
  readonly runners: QueueRunner[] = []
  readonly #listeners = new Map<string, Set<(payload: string) => void>>()
  readonly bus: Bus = {
    publish: (topic, payload) => {
      for (const listener of this.#listeners.get(topic) ?? []) listener(payload)
    },
    subscribe: (topic, listener) => {
      const listeners = this.#listeners.get(topic) ?? new Set()
      this.#listeners.set(topic, listeners.add(listener))
      return () => listeners.delete(listener)
    },
  }
  deliver: Deliver = job => taken(job)
  #count = 0

  constructor(schedule: Partial<RunnerSchedule>, workers: number) {
    for (let worker = 1; worker <= workers; worker += 1) this.runners.push(this.#runner(schedule, worker))
  }

  again(schedule: Partial<RunnerSchedule>, worker: number): QueueRunner {
    return this.#runner(schedule, worker)
  }

  #runner(schedule: Partial<RunnerSchedule>, worker: number): QueueRunner {
    const far: Target = {
      scope: 'remote',
      lane: to => to.domain,
      site: lane => this.sites.get(lane),
      deliver: async job => {
        this.tried.push({ lane: job.lane, worker, id: job.id })
        return [await this.deliver(job, worker)]
      },
    }
    return new QueueRunner({
      store: this.store,
      targets: new Map([['far', far]]),
      plan: async message => ({
        message: {
          ...{ id: message.id, body: { kind: 'memory' as const, bytes: message.bytes }, cuts: [], sender: null },
          ...{ utf8: false, bodyType: '7BIT' as const, received: this.now, origin: {} },
        },
        rows: [],
        filings: [],
        trail: [],
      }),
      pipeline: { gather: async () => [] as never, tell: NOTHING },
      server: { name: 'us.test' },
      schedule: {
        retryMs: [5 * MINUTE, 10 * MINUTE],
        warnAfterMs: [4 * HOUR],
        concurrency: 10,
        perLane: 4,
        leaseMs: 120_000,
        jitter: 0,
        ...schedule,
      },
      clock: this.clock,
      log: LOG,
      metrics: { count: NOTHING, observe: NOTHING },
      replies: {
        classify: async ({ text }) => ({
          class: text.includes('slow') ? 'rate-limited' : text.includes('answer') ? 'unreachable' : 'policy',
          general: false,
          rule: 'a-rule',
          ...(text.includes('leave us') ? { action: { suspendMs: HOUR } } : {}),
        }),
      },
      state: this.state,
      bus: this.bus,
    })
  }

  async add(domain: string, count: number, more: Partial<NewRow> = {}): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      this.#count += 1
      const to = { local: 'b', domain }
      await this.store.accept({
        message: {
          ...{
            id: `m${this.#count}.1`,
            body: { kind: 'memory', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') },
            cuts: [],
          },
          ...{
            sender: { local: 'a', domain: 'us.test' },
            utf8: false,
            bodyType: '7BIT',
            received: this.now,
            origin: {},
          },
        },
        rows: [
          {
            ...{ row: 0, to, original: to, dsn: { notify: [] }, target: 'far', lane: domain, detail: {}, prefix: '' },
            ...{ due: this.now, expires: this.now + 48 * HOUR, priority: 0, ...more },
          },
        ],
        filings: [],
        trail: [],
      })
    }
  }

  start(): void {
    for (const runner of this.runners) runner.start()
  }

  /** Until nothing moves. */
  async settle(): Promise<void> {
    for (let still = 0, before = -1; still < 8; ) {
      for (const runner of this.runners) runner.wake()
      await new Promise(resolve => setTimeout(resolve, 4))
      still = this.tried.length === before ? still + 1 : 0
      before = this.tried.length
    }
  }

  async pass(ms: number): Promise<number> {
    const before = this.tried.length
    this.now += ms
    await this.settle()
    return this.tried.length - before
  }

  async rows() {
    const found = []
    for await (const message of this.store.queue.list())
      found.push(...message.rows.map(row => ({ id: message.id, row })))
    return found
  }
}

export function taken(job: Job): Outcome {
  return { kind: 'delivered', row: job.recipients[0]!.row, remote: 'r', reply: '250 ok' }
}

export function said(job: Job, reply: string): Outcome {
  return { kind: 'deferred', row: job.recipients[0]!.row, status: '4.0.0', text: `r: ${reply}`, reply, stage: 'rcpt' }
}

export function nobody(job: Job): Outcome {
  return { kind: 'deferred', row: job.recipients[0]!.row, status: '4.4.1', text: 'r: no answer' }
}
