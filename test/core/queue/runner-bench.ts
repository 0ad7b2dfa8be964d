/** A bench for the queue runner: the store in memory, targets that do what a test says and a clock that a test moves. */
import type {
  Acceptance,
  Call,
  Job,
  Log,
  NewField,
  NewRow,
  Outcome,
  QueueEvent,
  Store,
  Target,
} from '../../../core/api/index.js'
import type { OwnMessage } from '../../../core/pipeline/intake-types.js'
import { QueueRunner, type QueueRunnerDeps, type RunnerSchedule } from '../../../core/queue/runner.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const SENDER = { local: 'a', domain: 'us.test' }
export const BODY = 'From: a@us.test\r\nSubject: Hi\r\nBcc: secret@us.test\r\n\r\nbody\r\n'
export const BCC = [BODY.indexOf('Bcc:'), BODY.indexOf('\r\n\r\n') + 2] as const
export const PREFIX = 'Received: by us.test\r\n'
export const SENT = PREFIX + BODY.slice(0, BCC[0]) + BODY.slice(BCC[1])

export type Deliver = (job: Job, call: Call) => Promise<readonly Outcome[]> | readonly Outcome[]

/** Targets, a store and a clock in the hands of a test, and a runner over them. */
export class Bench {
  now = Date.UTC(2026, 10, 21)
  readonly store: Store = createMemoryStore({ now: () => this.now })
  readonly logged: { level: string; facts: Record<string, unknown>; sentence: string }[] = []
  readonly planned: OwnMessage[] = []
  readonly told: (readonly Outcome[])[] = []
  readonly events: QueueEvent[] = []
  readonly targets = new Map<string, Target>()
  runner: QueueRunner
  deliver: Deliver = job => job.recipients.map(({ row }) => ({ kind: 'delivered', row, remote: 'r', reply: '250 ok' }))
  plan: QueueRunnerDeps['plan'] = async message => this.acceptanceOf(message)
  sign: () => Promise<NewField[]> = async () => []
  #count = 0

  constructor(schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}) {
    this.targets.set('far', this.target('remote'))
    this.runner = this.makeRunner(schedule, more)
  }

  makeRunner(schedule: Partial<RunnerSchedule> = {}, more: Partial<QueueRunnerDeps> = {}): QueueRunner {
    return new QueueRunner({
      store: this.store,
      targets: this.targets,
      plan: (message, scope) => this.plan(message, scope),
      pipeline: {
        gather: async () => (await this.sign()) as never,
        tell: (moment, asked) => {
          if (moment === 'settled') this.told.push((asked as { outcomes: readonly Outcome[] }).outcomes)
          else this.events.push((asked as { event: QueueEvent }).event)
        },
      },
      server: { name: 'us.test' },
      schedule: {
        retryMs: [5 * MINUTE, 30 * MINUTE, HOUR],
        warnAfterMs: [4 * HOUR],
        concurrency: 10,
        perLane: 3,
        leaseMs: 120_000,
        ...schedule,
      },
      clock: { now: () => this.now },
      log: this.#log(),
      metrics: { count: () => undefined, observe: () => undefined },
      random: () => 0.5,
      ...more,
    })
  }

  target(scope: Target['scope']): Target {
    return { scope, lane: to => to.domain, deliver: async (job, call) => this.deliver(job, call) }
  }

  async add(
    to: readonly string[],
    more: Partial<NewRow> = {},
    message: Partial<Acceptance['message']> = {},
  ): Promise<string> {
    this.#count += 1
    const id = `m${this.#count}.1`
    await this.store.accept({
      message: {
        id,
        body: { kind: 'memory', bytes: Buffer.from(BODY) },
        cuts: [BCC],
        sender: SENDER,
        utf8: false,
        bodyType: '7BIT',
        received: this.now,
        origin: {},
        ...message,
      },
      rows: to.map((text, row) => this.row(text, row, more)),
      filings: [],
      trail: [],
    })
    return id
  }

  row(text: string, row: number, more: Partial<NewRow> = {}): NewRow {
    const [local = '', domain = ''] = text.split('@')
    const to = { local, domain }
    return {
      row,
      to,
      original: to,
      dsn: { notify: [] },
      target: 'far',
      lane: domain,
      detail: {},
      prefix: PREFIX,
      due: this.now,
      expires: this.now + 10 * HOUR,
      priority: 0,
      ...more,
    }
  }

  acceptanceOf(message: OwnMessage): Acceptance {
    this.planned.push(message)
    const { id, sender, utf8, bytes } = message
    return {
      message: {
        id,
        body: { kind: 'memory', bytes },
        cuts: [],
        sender,
        utf8,
        bodyType: '8BITMIME',
        received: this.now,
        origin: {},
      },
      rows: [],
      filings: [{ accountId: 'sender', mailbox: 'INBOX', flags: [], prefix: '', date: this.now }],
      trail: [],
    }
  }

  /** Lets the runner work until nothing is under way. */
  async settle(): Promise<void> {
    this.runner.wake()
    for (let quiet = 0; quiet < 5; quiet += 1) await new Promise(resolve => setTimeout(resolve, 2))
  }

  async trail(id: string): Promise<readonly string[]> {
    return (await this.store.trail.of(id)).map(entry => entry.event)
  }

  #log(): Log {
    const at = (level: string) => (facts: object, sentence: string) =>
      void this.logged.push({ level, facts: facts as Record<string, unknown>, sentence })
    const log: Log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), child: () => log }
    return log
  }
}

export function deferred(job: Job, status = '4.4.1'): readonly Outcome[] {
  return job.recipients.map(({ row }) => ({ kind: 'deferred', row, status, text: 'nobody answers' }))
}

export function failed(job: Job): readonly Outcome[] {
  return job.recipients.map(({ row }) => ({
    kind: 'failed',
    row,
    status: '5.1.1',
    text: 'mx refused: 550 5.1.1 no such user',
    remote: 'mx.them.test [192.0.2.1]:25',
    reply: '550 5.1.1 no such user',
  }))
}

export function gate(): { readonly promise: Promise<void>; open(): void } {
  let open: () => void = () => undefined
  const promise = new Promise<void>(resolve => {
    open = resolve
  })
  return { promise, open: () => open() }
}
