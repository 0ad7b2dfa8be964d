/**
 * The LMDB store and the in-memory store live through the same random histories and must answer alike at every step. The contract
 * suites look at one promise at a time; this looks for what happens between them: indexes and counters that drift apart.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Claimed,
  type Mailbox,
  MailError,
  type NewRow,
  type RowChange,
  type Store,
} from '../../../core/api/index.js'
import { createLmdbStore } from '../../../plugins/store-lmdb/store.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { acceptance, filing, mail, memory, message, row, TurnedClock, thatAre } from '../../contracts/backend.js'
import { freshPath } from './backend.js'

/** What a step says of a store, with all ids replaced by what they stand for. */
type Said = unknown
type Step = (side: Side) => Promise<Said>

interface Side {
  readonly store: Store
  /** Tokens of leases, in the order they were given. */
  readonly tokens: string[]
}

class Dice {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  /** mulberry32 */
  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
  of<T>(choices: readonly T[]): T {
    return choices[this.next(choices.length)]!
  }
  some<T>(choices: readonly T[]): T[] {
    return choices.filter(() => this.next(2) === 0)
  }
}

const NAMES = ['INBOX', 'Junk', 'a', 'a/b', 'a/b/c', 'b', 'ab', 'x/a']
const LANES = ['one.example', 'two.example', 'three.example']
const FLAGS = ['\\Seen', '\\Deleted', '$Junk', '$JUNK', 'k']
const UIDS = Array.from({ length: 12 }, (_, at) => at + 1)

for (const seed of [1, 2]) {
  test(`mailboxes answer alike through random history ${seed}`, t => alike(t, new Dice(seed), mailStep, mailState))
  test(`queues answer alike through random history ${seed}`, t => alike(t, new Dice(seed), queueStep, queueState))
}

async function alike(
  t: { after(end: () => Promise<unknown>): void },
  dice: Dice,
  make: (dice: Dice, clock: TurnedClock, at: number) => readonly [string, Step],
  look: (side: Side, now: number) => Promise<Said>,
): Promise<void> {
  const clock = new TurnedClock()
  const plain: Side = { store: createMemoryStore({ now: clock.now }), tokens: [] }
  const lmdb: Side = { store: createLmdbStore({ path: freshPath(), mapBytes: 1024 ** 2, now: clock.now }), tokens: [] }
  t.after(() => lmdb.store.close())
  const told: string[] = []
  for (let at = 0; at < 200; at++) {
    const [name, step] = make(dice, clock, at)
    told.push(name)
    const [wanted, found] = [await said(step, plain), await said(step, lmdb)]
    assert.deepEqual(found, wanted, told.slice(-5).join('\n'))
    assert.deepEqual(await look(lmdb, clock.time), await look(plain, clock.time), told.slice(-5).join('\n'))
  }
}

/** What a step says, or the code of the error it throws. */
async function said(step: Step, side: Side): Promise<Said> {
  try {
    return (await step(side)) ?? 'nothing'
  } catch (error) {
    if (error instanceof MailError) return error.errorCode
    throw error
  }
}

// ── mailboxes ──

function mailStep(dice: Dice, clock: TurnedClock, at: number): readonly [string, Step] {
  clock.time += dice.next(3) * 700
  const [name, other] = [dice.of(NAMES), dice.of(NAMES)]
  const [uids, flags, since] = [dice.some(UIDS), dice.some(FLAGS), dice.next(12)]
  const kind = dice.of(['add', 'remove', 'replace'] as const)
  const inside = (run: (box: Mailbox, store: Store) => Promise<Said>): Step => {
    return async ({ store }) => {
      const info = await store.mail.find('ann', name)
      return info === undefined ? 'missing' : run(await store.mail.open('ann', info.id), store)
    }
  }
  const target = async (store: Store) => (await store.mail.find('ann', other))?.id ?? 'nowhere'
  const choices: readonly (readonly [string, Step])[] = [
    [`create ${name}`, async ({ store }) => (await store.mail.create('ann', name)).uidValidity],
    [`rename ${name} to ${other}`, ({ store }) => store.mail.rename('ann', name, other)],
    [`delete ${name}`, ({ store }) => store.mail.delete('ann', name)],
    [`subscribe ${name}`, ({ store }) => store.mail.subscribe('ann', name, true)],
    [`file into ${name} and ${other}`, ({ store }) => store.accept(filed(at, name, other, flags))],
    [`file into ${name}`, ({ store }) => store.accept(filed(at, name, name, flags))],
    [`append to ${name}`, inside(box => box.append([mail(`text ${at}`, flags), mail('x'.repeat(at))]))],
    [
      `bring ${uids} to ${name}`,
      inside(box =>
        box.bring(
          uids.map(uid => ({ ...mail(`from ${uid}`, flags), source: `${uid % 7}`, uid, uniqueId: `u${uid}` })),
          since,
        ),
      ),
    ],
    [`adopt ${name}`, async ({ store }) => (await store.mail.adopt('ann', name, 1_000 + at)).uidValidity],
    [`${kind} ${flags} in ${name}`, inside(async box => nameless(await box.flag(uids, { kind, flags }, since * 3)))],
    [`${kind} ${flags} on all in ${name}`, inside(async box => nameless(await box.flag(UIDS, { kind, flags })))],
    [`expunge ${uids} in ${name}`, inside(box => box.expunge(uids))],
    [`copy ${uids} from ${name} to ${other}`, inside(async (box, store) => box.copy(uids, await target(store)))],
    [`move ${uids} from ${name} to ${other}`, inside(async (box, store) => box.move(uids, await target(store)))],
    [`changes in ${name} since ${since}`, inside(async box => nameless(await box.changes(since)))],
  ]
  return dice.of(choices)
}

function filed(at: number, name: string, other: string, flags: readonly string[]) {
  const one = message(`q${at}`, {
    body: memory(`Bcc: x\r\nSubject: ${at}\r\n\r\n`),
    cuts: at % 2 === 0 ? [[0, 8]] : [],
  })
  return acceptance(`q${at}`, {
    message: one,
    filings: [filing('ann', name, { flags }), filing('ann', other, { prefix: `P: ${at}\r\n` })],
  })
}

async function mailState({ store }: Side): Promise<Said> {
  const boxes = [...(await store.mail.list('ann'))].sort((a, b) => (a.name < b.name ? -1 : 1))
  const emails = new Map<string, number>()
  const contents = boxes.map(async ({ id, ...info }) => {
    const box = await store.mail.open('ann', id)
    const entries = await box.list()
    const texts = await Promise.all(entries.map(async entry => (await box.read(entry)).toString()))
    for (const { emailId } of entries) emails.set(emailId, (emails.get(emailId) ?? 0) + 1)
    return { info, entries: nameless(entries), texts, changes: nameless(await box.changes(0)) }
  })
  const state = { contents: await Promise.all(contents), usage: await store.mail.usage('ann') }
  return {
    ...state,
    subscriptions: [...(await store.mail.subscriptions('ann'))].sort(),
    copies: [...emails.values()].sort(),
  }
}

/** Ids that stores make up are left out. */
function nameless(value: unknown): unknown {
  const ids = new Set(['bodyId', 'emailId'])
  return JSON.parse(JSON.stringify(value, (key, held) => (ids.has(key) ? undefined : held)))
}

// ── queue ──

function queueStep(dice: Dice, clock: TurnedClock, at: number): readonly [string, Step] {
  clock.time += dice.next(4) * 100
  const { time } = clock
  // Spread wide: rows of one due time may be claimed in any order.
  const due = () => time - 100_000 + dice.next(110_000)
  const rows: NewRow[] = Array.from({ length: 1 + dice.next(6) }, (_, number) =>
    row(number, {
      lane: dice.of(LANES),
      due: due(),
      priority: dice.of([0, 0, 0, 5, -9]),
      prefix: dice.of(['', 'P: 1\r\n']),
      ...(dice.next(6) === 0 ? { hold: 'by chance' } : {}),
    }),
  )
  const options = { now: time, leaseMs: 100 + dice.next(500), max: 1 + dice.next(4), maxRows: 1 + dice.next(3) }
  const except = new Set(dice.some(LANES).map(lane => `mx/${lane}`))
  const [which, id] = [dice.next(30), `q${dice.next(at + 1)}`]
  const changes = Array.from({ length: 6 }, (_, number) => rowChange(dice, number, due()))
  const change = dice.of([
    { kind: 'hold', reason: 'x' },
    { kind: 'release' },
    { kind: 'retry', due: due() },
    { kind: 'drop' },
    { kind: 'fail', verdict: { status: '5.0.0', text: `at ${at}`, expired: at % 2 === 0 } },
    { kind: 'redirect', to: { local: 'x', domain: 'y.test' }, target: 'mx', lane: dice.of(LANES), detail: {} },
  ] as const)
  const shares = { mostTried: dice.next(3), leastTried: dice.next(3), perLane: 1 + dice.next(3) }
  const received = Date.UTC(2030, 0, 2) - dice.next(50) * 3_600_000
  const rule = { id: `r${dice.next(3)}`, where: [], reason: 'x', created: at }
  const single = change.kind === 'retry' || change.kind === 'fail' || change.kind === 'redirect'
  // What becomes due at one and the same time may be claimed in any order.
  const chosen = single ? [dice.next(4)] : dice.some([0, 1, 2, 3])
  const enqueue: readonly [string, Step] = [
    `enqueue q${at}`,
    ({ store }) => store.accept(acceptance(`q${at}`, { message: message(`q${at}`, { received }), rows })),
  ]
  const claim: readonly [string, Step] = [
    `claim ${JSON.stringify(options)}`,
    side => claimed(side, { ...options, except }),
  ]
  const lanes = new Set(dice.some(LANES).map(lane => `mx/${lane}`))
  const whole = { now: time, leaseMs: options.leaseMs, max: 1000, maxRows: 1000, only: lanes }
  const held = dice.of(['by chance', 'x'])
  const choices: readonly (readonly [string, Step])[] = [
    enqueue,
    enqueue,
    claim,
    claim,
    [`claim ${JSON.stringify(shares)}`, side => claimed(side, { ...options, ...shares, except })],
    [`rule ${rule.id}`, ({ store }) => store.queue.addHoldRule(rule)],
    [`no rule ${rule.id}`, ({ store }) => store.queue.removeHoldRule(rule.id)],
    [`claim held ${held} of ${[...lanes]}`, side => claimed(side, { ...whole, held })],
    [`settle ${which}`, side => settled(side, which, changes)],
    [
      `settle ${which} with all done`,
      side =>
        settled(
          side,
          which,
          changes.map(({ row }) => ({ kind: 'done', row })),
        ),
    ],
    [`release ${which}`, ({ store, tokens }) => store.queue.release(tokens.at(-1 - which) ?? 'none')],
    [`renew ${which}`, ({ store, tokens }) => store.queue.renew(tokens.at(-1 - which) ?? 'none', time + 300)],
    [`hold, release or drop ${id}`, ({ store }) => store.queue.change(id, change, single ? chosen : undefined)],
    [`${change.kind} ${id} ${chosen}`, ({ store }) => store.queue.change(id, change, chosen)],
  ]
  return dice.of(choices)
}

function rowChange(dice: Dice, number: number, due: number): RowChange {
  const again = { kind: 'again', row: number, due, status: '4.0.0', text: 'later' } as const
  return dice.of([{ kind: 'done', row: number }, again, again, { kind: 'hold', row: number, reason: 'x' }] as const)
}

async function claimed({ store, tokens }: Side, options: Parameters<Store['queue']['claim']>[0]): Promise<Said> {
  const found = await store.queue.claim(options)
  // In which order held rows come is the store's.
  const jobs = options.held === undefined ? found : found.map(inRowOrder).sort(byFirstRow)
  tokens.push(...jobs.map(({ token }) => token))
  return nameless(jobs.map(({ token: _, ...job }) => job))
}

function inRowOrder(job: Claimed): Claimed {
  return { ...job, rows: [...job.rows].sort((a, b) => a.row - b.row) }
}

function byFirstRow(a: Claimed, b: Claimed): number {
  return a.message.id < b.message.id ? -1 : a.message.id > b.message.id ? 1 : a.rows[0]!.row - b.rows[0]!.row
}

/** Settles what is under the lease. */
async function settled({ store, tokens }: Side, which: number, changes: readonly RowChange[]): Promise<Said> {
  const token = tokens.at(-1 - which) ?? 'none'
  for (let some = changes; ; some = some.slice(0, -1)) {
    const outcome = await store.queue.settle(token, some).then(
      () => 'settled',
      error => error.errorCode as string,
    )
    // A lease seldom has all six rows: fewer changes are tried until they fit.
    if (outcome !== 'internal' || some.length === 0) return [outcome, some.length]
  }
}

async function queueState({ store }: Side, now: number): Promise<Said> {
  const messages: unknown[] = []
  for await (const one of store.queue.list()) messages.push(nameless(one))
  const held = LANES.map(async lane => {
    const ids: string[] = []
    for await (const { id } of store.queue.list(thatAre({ target: 'mx', lane, held: true }))) ids.push(id)
    return ids.sort()
  })
  const { totals, rules } = { totals: await store.queue.totals(), rules: await store.queue.holdRules() }
  const shape = await store.queue.shape({ now, edges: [5, 20, 30].map(hours => hours * 3_600_000), most: 2 })
  const audit = await store.queue.audit(now)
  assert.deepEqual([audit.adrift, audit.rows], [0, totals.rows])
  return { messages, totals, rules, shape, audit, held: await Promise.all(held) }
}
