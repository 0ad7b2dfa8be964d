/** ATRN without a network: whose mail is held, and what the verb answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRow, Session, SmtpReply, SmtpTurn, Store } from '../../../core/api/index.js'
import { ConfigError, MailError } from '../../../core/api/index.js'
import { anEnvelope } from '../../../core/testing/asked.js'
import { setUp } from '../../../core/testing/set-up.js'
import atrn from '../../../plugins/atrn/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { aSession } from '../../harness/session.js'

const NOW = Date.UTC(2026, 10, 21)
const CONFIG = {
  clients: [
    { login: 'branch', domains: ['one.test', 'TWO.test'] },
    { login: 'other', domains: ['three.test'] },
  ],
}
const HOLD = 'waits for its client (ATRN)'
const nobody = () => Promise.reject(new Error('not to be used'))

function started(store: Store, config: unknown = CONFIG) {
  const services = { store, dispatcher: { drain: nobody }, 'mail-client': { open: nobody } }
  const relayDomains = new Set(['one.test', 'two.test', 'three.test'])
  return setUp(atrn, { config, services, server: { relayDomains }, now: () => NOW })
}

async function queued(...rows: readonly Partial<NewRow>[]): Promise<Store> {
  const store = createMemoryStore({ now: () => NOW })
  for (const [at, more] of rows.entries()) {
    const to = { local: 'x', domain: more.lane ?? 'one.test' }
    const row: NewRow = {
      row: 0,
      to,
      original: to,
      dsn: { notify: [] },
      target: 'atrn',
      lane: 'one.test',
      detail: {},
      prefix: '',
      due: NOW,
      expires: NOW * 2,
      priority: 0,
      hold: HOLD,
      ...more,
    }
    const body = { kind: 'memory', bytes: Buffer.from('x') } as const
    const facts = { cuts: [], sender: null, utf8: false, bodyType: '7BIT', received: NOW, origin: {} } as const
    await store.accept({ message: { id: `m${at}`, body, ...facts }, rows: [row], filings: [], trail: [] })
  }
  return store
}

async function ask(
  store: Store,
  argument: string,
  more: Partial<Session> = {},
  signal = new AbortController().signal,
): Promise<SmtpReply | SmtpTurn> {
  const { contribution } = await started(store)
  const session = aSession({ account: { id: 'a1', login: 'branch', addresses: [] }, ...more })
  return contribution.smtpVerbs!.ATRN!.run(session, argument, signal)
}

function codeOf(answer: SmtpReply | SmtpTurn): number {
  return 'kind' in answer ? answer.reply.code : answer.code
}

for (const [argument, rows, code] of [
  ['', [{}], 250],
  ['one.test', [{}], 250],
  ['two.test, ONE.test', [{}], 250],
  ['two.test', [{}], 453],
  ['', [], 453],
  ['', [{ hold: 'quarantine: spam' }], 453],
  ['', [{ due: NOW + 1 }], 453],
  ['', [{ lane: 'three.test' }], 453],
  ['', [{ target: 'mx' }], 453],
  ['three.test', [{}], 450],
  ['one.test,three.test', [{}], 450],
  ['one.test,', [{}], 501],
  ['one..test', [{}], 501],
  ['[192.0.2.1]', [{}], 501],
] as const) {
  test(`ATRN ${argument || '(alone)'} with ${JSON.stringify(rows)} waiting: ${code}`, async () => {
    assert.equal(codeOf(await ask(await queued(...rows), argument)), code)
  })
}

test('a login that is nobody here hears 450, and a store in trouble or a long queue 451', async () => {
  const store = await queued({ lane: 'three.test' }, { hold: 'quarantine: spam' })
  assert.equal(codeOf(await ask(store, '', { account: { id: 'a2', login: 'stranger', addresses: [] } })), 450)
  assert.equal(codeOf(await ask(store, '', {}, AbortSignal.abort())), 451)
  const down = () => {
    throw new MailError('store-unavailable', 'down')
  }
  Object.assign(store.queue, { list: down })
  assert.equal(codeOf(await ask(store, '')), 451)
})

test('mail that goes out in another session is no mail for this one, until it comes back', async () => {
  const store = await queued({}, {})
  const only = new Set(['atrn/one.test'])
  const [first, second] = await store.queue.claim({ now: NOW, leaseMs: 60_000, max: 2, only, held: HOLD })
  const busy = await ask(store, '')
  assert.deepEqual([codeOf(busy), 'kind' in busy || busy.status], [450, '4.3.0'])
  await store.queue.settle(first!.token, [{ kind: 'done', row: 0 }])
  assert.equal(codeOf(await ask(store, '')), 450)
  await store.queue.release(second!.token)
  assert.equal(codeOf(await ask(store, '')), 250)
})

test('what was released waits for its client again', async () => {
  const { contribution } = await started(await queued())
  const recipients = [{ row: 3 }, { row: 5 }]
  const outcomes = await contribution.targets!.atrn!.deliver({ recipients } as never, {} as never)
  assert.deepEqual(
    outcomes.map(outcome => outcome.kind === 'deferred' && [outcome.row, outcome.hold]),
    [
      [3, HOLD],
      [5, HOLD],
    ],
  )
})

test('mail for a client is claimed and held, other mail is left alone', async () => {
  const { hooks, call } = await started(await queued())
  const route = (domain: string) => {
    const recipient = { address: { local: 'x', domain }, dsn: { notify: [] } }
    return hooks.route!({ session: aSession(), envelope: anEnvelope(), recipient }, call)
  }
  const to = { local: 'x', domain: 'Two.test' }
  assert.deepEqual(await route('Two.test'), { kind: 'claim', target: 'atrn', to, hold: HOLD })
  assert.equal(await route('example.test'), undefined)
  assert.equal(await route(''), undefined)
})

/** What `check` says of clients that name these domains: column and sentence of each fault. */
async function faultsOf(...clients: readonly (readonly string[])[]): Promise<string[]> {
  const config = { clients: clients.map((domains, at) => ({ login: `l${at}`, domains })) }
  const failure = await started(await queued(), config).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(failure instanceof ConfigError, String(failure))
  const text = JSON.stringify(config)
  return failure.faults.map(({ file, line, column, message }) => {
    assert.deepEqual([file, line], ['with', 1])
    return `${text.slice(column - 1).split(/[,\]]/, 1)} ${message}`
  })
}

test('every fault of the domains has its place and says what to do', async () => {
  assert.deepEqual(await faultsOf(['one.test', '@two.test'], ['on.test', 'elsewhere.example', '::1'], ['ONE.test']), [
    '"@two.test" "@two.test" is not a domain; expected one like example.org; did you mean two.test?',
    '"on.test" "on.test" is not in relay_domains of server.yaml, so nobody could send mail to it; did you mean one.test?',
    '"elsewhere.example" "elsewhere.example" is not in relay_domains of server.yaml, so nobody could send mail to it; add it there',
    '"::1" "::1" is not a domain; expected one like example.org',
    '"ONE.test" "ONE.test" stands already in line 1; take one of them away',
  ])
})

test('over LMTP and on submission ports there is no ATRN (RFC 6409 §7)', async () => {
  const { contribution } = await started(await queued())
  const there = (session: Partial<Session>) => contribution.smtpVerbs!.ATRN!.available!(aSession(session))
  assert.equal(there({ protocol: 'lmtp' }), false)
  for (const listener of ['submission', 'submissions']) assert.equal(there({ listener }), false)
  assert.equal(there({ listener: 'odmr' }), true)
})
