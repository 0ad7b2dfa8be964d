/**
 * What every contract suite stands on: a backend to open, a clock to turn, and messages to put in. A backend passes when its test files
 * hand a factory to the suites of this folder; together with `core/api/stores.ts` they say all a new backend has to do.
 */
import { test } from 'node:test'
import type {
  Acceptance,
  Address,
  Claimed,
  ClaimOptions,
  Filing,
  Mailbox,
  MailEntry,
  NewBody,
  NewMail,
  NewMessage,
  NewRow,
  QueueField,
  QueueFilter,
  State,
  Store,
} from '../../core/api/index.js'
import { fieldIs } from '../../core/api/index.js'

/** A clock that stands still until it is turned. */
export class TurnedClock {
  time = Date.UTC(2030, 0, 2, 3, 4, 5)
  now = () => this.time
}

export interface StoreBackend {
  readonly name: string
  /** An empty store of its own. `warn` hears of watchers that throw. */
  open(clock: TurnedClock, warn: (sentence: string) => void): Promise<Store>
}

export interface StateBackend {
  readonly name: string
  /** An empty state that takes at most so many octets, as `costOf` counts them. */
  open(most?: number): Promise<State>
}

export interface Bench {
  readonly store: Store
  readonly clock: TurnedClock
  readonly warnings: readonly string[]
}

/** A test with an empty store, which is closed at its end. */
export function contract(backend: StoreBackend, behaviour: string, run: (bench: Bench) => Promise<void>): void {
  test(`${backend.name}: ${behaviour}`, async t => {
    const clock = new TurnedClock()
    const warnings: string[] = []
    const store = await backend.open(clock, sentence => warnings.push(sentence))
    t.after(() => store.close())
    await run({ store, clock, warnings })
  })
}

// ── material ──

export const SENDER: Address = { local: 'sender', domain: 'example.org' }
export const TEXT = 'Bcc: hidden\r\nSubject: hello\r\n\r\nbody\r\n'

export function memory(text: string | Buffer = TEXT): NewBody {
  return { kind: 'memory', bytes: Buffer.from(text as string) }
}

export function message(id: string, more: Partial<NewMessage> = {}): NewMessage {
  const base = { id, body: memory(), cuts: [], sender: SENDER, utf8: false, bodyType: '8BITMIME' } as const
  return { ...base, received: Date.UTC(2030, 0, 2), origin: { helo: 'client.example.org' }, ...more }
}

export function row(number: number, more: Partial<NewRow> = {}): NewRow {
  const to = { local: `user${number}`, domain: 'example.net' }
  const base = {
    row: number,
    to,
    original: to,
    dsn: { notify: [] },
    target: 'mx',
    lane: 'example.net',
    detail: {},
    prefix: '',
  }
  return { ...base, due: 0, expires: Date.UTC(2040, 0, 1), priority: 0, ...more }
}

export function filing(accountId: string, mailbox = 'INBOX', more: Partial<Filing> = {}): Filing {
  return { accountId, mailbox, flags: [], prefix: '', date: Date.UTC(2030, 0, 1), ...more }
}

export function acceptance(
  id: string,
  more: Partial<Omit<Acceptance, 'message'>> & Partial<Pick<Acceptance, 'message'>> = {},
): Acceptance {
  return { message: message(id), rows: [], filings: [], trail: [], ...more }
}

export function mail(
  text: string | Buffer = TEXT,
  flags: readonly string[] = [],
  date = Date.UTC(2030, 0, 1),
): NewMail {
  return { body: memory(text), flags, date }
}

// ── steps ──

/** Queues a message with these rows. */
export async function enqueue(store: Store, id: string, ...rows: readonly Partial<NewRow>[]): Promise<void> {
  await store.accept(acceptance(id, { rows: rows.map((more, number) => row(number, more)) }))
}

/** A filter of equalities, as `{ target: 'mx', limit: 2 }`. */
export function thatAre(
  fields: Partial<Readonly<Record<QueueField, string | number | boolean>>> & { readonly limit?: number },
): QueueFilter {
  const { limit, ...equal } = fields
  const where = Object.entries(equal).map(([field, value]) => fieldIs(field as QueueField, value))
  return { where, ...(limit === undefined ? {} : { limit }) }
}

export function claim({ store, clock }: Bench, more: Partial<ClaimOptions> = {}): Promise<readonly Claimed[]> {
  return store.queue.claim({ now: clock.time, leaseMs: 60_000, max: 100, ...more })
}

/** Which rows were claimed, as `id:row,row`. */
export function rowsOf(claimed: readonly Claimed[]): string[] {
  return claimed.map(({ message, rows }) => `${message.id}:${rows.map(({ row }) => row).join(',')}`)
}

export async function openByName(store: Store, accountId: string, name = 'INBOX'): Promise<Mailbox> {
  const info = await store.mail.find(accountId, name)
  if (info === undefined) throw new Error(`no mailbox ${name}`)
  return store.mail.open(accountId, info.id)
}

export async function uidsOf(mailbox: Mailbox): Promise<number[]> {
  return (await mailbox.list()).map(({ uid }) => uid)
}

export async function only(mailbox: Mailbox): Promise<MailEntry> {
  const [entry, ...more] = await mailbox.list()
  if (entry === undefined || more.length > 0) throw new Error('not exactly one message')
  return entry
}

/** What asserts use to look for an error of the catalogue. */
export function coded(errorCode: string): { readonly name: string; readonly errorCode: string } {
  return { name: 'MailError', errorCode }
}

/** Resolves when `done` says so; gives up after a minute, which only what never happens takes. */
export async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await done())) {
    if (Date.now() > end) throw new Error('it did not happen')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** Bytes that differ everywhere, so that a wrong range shows. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff
  return bytes
}
