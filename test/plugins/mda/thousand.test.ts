/** Mail for a thousand accounts on its way through the intake: what the store is asked to do, step by step. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Acceptance, type Account, type Store, via } from '../../../core/api/index.js'
import { createIntake } from '../../../core/pipeline/intake.js'
import { Pipeline } from '../../../core/pipeline/pipeline.js'
import { aMessage } from '../../../core/testing/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { rememberingLog } from '../../harness/log.js'
import { anEnvelope, aServer, aSession } from '../../harness/session.js'
import { directory, install } from './house.js'

const PEOPLE = 1000
const TEXT = `Subject: to all\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(100)
const NOW = Date.UTC(2026, 0, 1)

const accounts: readonly Account[] = Array.from({ length: PEOPLE }, (_, at) => ({
  id: `a${at}`,
  login: `u${at}`,
  addresses: [`u${at}@example.test`],
}))

/** The store, with every change it is asked for. */
function watched(store: Store): { readonly store: Store; readonly accepted: Acceptance[]; readonly other: string[] } {
  const accepted: Acceptance[] = []
  const other: string[] = []
  const noted =
    <A extends readonly unknown[], R>(name: string, call: (...args: A) => R) =>
    (...args: A): R => {
      other.push(name)
      return call(...args)
    }
  const { blobs, trail } = store
  const parts: Pick<Store, 'blobs' | 'trail' | 'accept'> = {
    blobs: { ...blobs, draft: noted('draft', () => blobs.draft()) },
    trail: { ...trail, add: noted('trail', (entries: Parameters<typeof trail.add>[0]) => trail.add(entries)) },
    accept(one, lend) {
      accepted.push(one)
      return store.accept(one, lend)
    },
  }
  return { store: Object.assign(Object.create(store) as Store, parts), accepted, other }
}

test('it is one step: one body, a thousand filings, no row of the queue, and nothing before or behind it', async () => {
  const { store, accepted, other } = watched(createMemoryStore())
  const byId = new Map(accounts.map(account => [account.id, account]))
  const { target } = await install(undefined, {}, { accounts: { ...directory(), byId: async id => byId.get(id) } })
  const recipients = accounts.map(({ login }) => ({
    address: { local: login, domain: 'example.test' },
    dsn: { notify: [] },
  }))
  const routed = recipients.map((recipient, at) => ({
    recipient,
    claims: [via('mda', recipient.address, { detail: { account: `a${at}` } })],
  }))
  const intake = createIntake({
    pipeline: new Pipeline([], { count: () => undefined, observe: () => undefined }),
    targets: new Map([['mda', target]]),
    store,
    server: aServer(),
    clock: { now: () => NOW },
    lifeMs: () => 86_400_000,
    firstRetryMs: 300_000,
  })
  const bytes = Buffer.from(TEXT)
  const body = { kind: 'memory', bytes } as const
  const received = {
    session: aSession(),
    envelope: anEnvelope({ recipients }),
    routed,
    message: aMessage(TEXT),
    body,
    received: NOW,
  }
  const { answers } = await intake.receive(received, { signal: AbortSignal.timeout(60_000), log: rememberingLog() })
  assert.ok(answers.every(({ kind }) => kind === 'accepted'))
  const [only, more] = accepted
  assert.equal(more, undefined)
  assert.equal(only!.message.body, body)
  assert.equal(only!.filings.length, PEOPLE)
  assert.equal(new Set(only!.filings.map(({ accountId }) => accountId)).size, PEOPLE)
  assert.deepEqual(only!.rows, [])
  assert.deepEqual(other, [])
  // What is each one's own is in front of the body, and is small.
  for (const { prefix } of only!.filings) assert.ok(prefix.length < 1000)
})
