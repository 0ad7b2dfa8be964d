/** ETRN on the store in memory: who may ask for what, and which rows become due. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRow, Session, SmtpReply, SmtpTurn, Store } from '../../../core/api/index.js'
import { ConfigError, MailError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/set-up.js'
import etrn from '../../../plugins/etrn/index.js'
import { createMemoryStore } from '../../../plugins/store-memory/store.js'
import { aSession } from '../../harness/session.js'

const NOW = Date.UTC(2026, 10, 21)
const LATER = NOW + 3_600_000
const CONFIG = {
  clients: [
    { domains: ['branch.test', '.wide.test'], networks: ['192.0.2.0/24'] },
    { domains: ['login.test'], logins: ['customer'] },
  ],
}
const CUSTOMER = { id: 'a1', login: 'customer', addresses: [] }

async function queued(...messages: readonly (readonly [id: string, domain: string, more?: Partial<NewRow>])[]) {
  const store = createMemoryStore({ now: () => NOW })
  for (const [id, domain, more] of messages) {
    const to = { local: 'x', domain }
    const row: NewRow = {
      row: 0,
      to,
      original: to,
      dsn: { notify: [] },
      target: 'mx',
      lane: domain,
      detail: {},
      prefix: '',
      due: LATER,
      expires: LATER * 2,
      priority: 0,
      ...more,
    }
    const message = { id, cuts: [], sender: null, utf8: false, bodyType: '7BIT', received: NOW, origin: {} } as const
    const body = { kind: 'memory', bytes: Buffer.from('x') } as const
    await store.accept({ message: { ...message, body }, rows: [row], filings: [], trail: [] })
  }
  return store
}

async function ask(store: Store, argument: string, session: Partial<Session> = {}): Promise<SmtpReply> {
  const { contribution } = await setUp(etrn, { config: CONFIG, services: { store }, now: () => NOW })
  const verb = contribution.smtpVerbs?.ETRN
  assert.ok(verb !== undefined && verb.available?.(aSession(session)) === true)
  return plain(await verb.run(aSession(session), argument, new AbortController().signal))
}

function plain(answer: SmtpReply | SmtpTurn): SmtpReply {
  assert.ok(!('kind' in answer))
  return answer
}

async function dueNow(store: Store): Promise<string[]> {
  const ids: string[] = []
  for await (const { id, rows } of store.queue.list()) if (rows.some(({ due }) => due <= NOW)) ids.push(id)
  return ids
}

for (const [argument, session, code, text] of [
  ['branch.test', {}, 253, 'OK, 2 pending messages for node branch.test started'],
  ['BRANCH.test', {}, 253, 'OK, 2 pending messages for node branch.test started'],
  ['wide.test', {}, 251, 'OK, no messages waiting for node wide.test'],
  ['@wide.test', {}, 253, 'OK, 1 pending messages for node @wide.test started'],
  ['below.wide.test', {}, 253, 'OK, 1 pending messages for node below.wide.test started'],
  ['login.test', {}, 459, undefined],
  ['login.test', { account: CUSTOMER }, 251, undefined],
  ['branch.test', { remote: { address: '203.0.113.1', port: 1 } }, 459, undefined],
  ['other.test', {}, 459, undefined],
  ['', {}, 501, undefined],
  ['a b', {}, 501, undefined],
  ['#queue', {}, 459, 'Node # not allowed: queues have no names here'],
  ['#', {}, 501, undefined],
  ['localname', {}, 501, undefined],
  ['@[192.0.2.1]', {}, 501, undefined],
] as const) {
  test(`ETRN ${argument || '(nothing)'} ${JSON.stringify(session)}: ${code}`, async () => {
    const store = await queued(
      ['m1', 'branch.test'],
      ['m2', 'branch.test'],
      ['m3', 'other.test'],
      ['m4', 'below.wide.test'],
    )
    const reply = await ask(store, argument, session)
    assert.equal(reply.code, code, JSON.stringify(reply))
    if (text !== undefined) assert.equal(reply.text, text)
  })
}

test('only what waits for the node becomes due, and no other', async () => {
  const store = await queued(
    ['m1', 'branch.test'],
    ['m2', 'other.test'],
    ['m3', 'branch.test', { hold: 'quarantine' }],
    ['m4', 'branch.test', { target: 'other' }],
  )
  const reply = await ask(store, 'branch.test')
  assert.match(String(reply.text), /^OK, 1 pending/)
  assert.deepEqual(await dueNow(store), ['m1'])
})

test('before a greeting nothing is started', async () => {
  const { helo: _, ...silent } = aSession()
  const { contribution } = await setUp(etrn, { config: CONFIG, services: { store: await queued() } })
  const reply = plain(await contribution.smtpVerbs!.ETRN!.run(silent, 'branch.test', new AbortController().signal))
  assert.equal(reply.code, 503)
})

test('a client without patience hears what was begun: 250 for nothing yet, 252 for some; and of a store in trouble 458', async () => {
  const store = await queued(['m1', 'branch.test'], ['m2', 'branch.test'])
  const { contribution } = await setUp(etrn, { config: CONFIG, services: { store } })
  const reply = plain(await contribution.smtpVerbs!.ETRN!.run(aSession(), 'branch.test', AbortSignal.abort()))
  assert.deepEqual([reply.code, reply.text], [250, 'OK, queuing for node branch.test started'])
  const leaving = new AbortController()
  const { change } = store.queue
  Object.assign(store.queue, {
    change: (...args: Parameters<typeof change>) => {
      leaving.abort()
      return change.apply(store.queue, args)
    },
  })
  const some = plain(await contribution.smtpVerbs!.ETRN!.run(aSession(), 'branch.test', leaving.signal))
  assert.deepEqual([some.code, some.text], [252, 'OK, pending messages for node branch.test started'])
  Object.assign(store.queue, { change: () => Promise.reject(new MailError('store-unavailable', 'down')) })
  assert.equal((await ask(store, 'branch.test')).code, 458)
})

test('over LMTP and on submission ports there is no ETRN (RFC 6409 §7)', async () => {
  const { contribution } = await setUp(etrn, { config: CONFIG, services: { store: await queued() } })
  const there = (session: Partial<Session>) => contribution.smtpVerbs!.ETRN!.available!(aSession(session))
  assert.equal(there({ protocol: 'lmtp' }), false)
  for (const listener of ['submission', 'submissions']) assert.equal(there({ listener }), false)
  assert.equal(there({ listener: 'odmr' }), true)
})

test('every fault of the clients has its place and says what to do', async () => {
  const networks = ['192.0.2.0/24']
  const clients = [
    { domains: ['no domain', 'a.test', '.a.test', '*.b.test', '@c.test', 'A.test'], networks },
    { domains: ['a.test'] },
  ]
  await assert.rejects(setUp(etrn, { config: { clients }, services: { store: await queued() } }), (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    const text = JSON.stringify({ clients })
    assert.deepEqual(
      error.faults.map(({ column, message }) => `${text.slice(column - 1).split(/[,\]]/, 1)} ${message}`),
      [
        '"no domain" "no domain" is not a domain; expected example.org, or .example.org for it and all below it',
        '"*.b.test" "*.b.test" is not a domain; expected example.org, or .example.org for it and all below it; did you mean .b.test?',
        '"@c.test" "@c.test" is not a domain; expected example.org, or .example.org for it and all below it; did you mean .c.test?',
        '"A.test" "A.test" stands already in line 1; take one of them away',
        '{"domains":["a.test" nobody may ask for these domains; add networks: or logins:',
      ],
    )
    return true
  })
})

test('a network that is none is a fault with its place', async () => {
  const clients = [{ domains: ['a.test'], networks: ['192.0.2.0/24', '192.0.2.0/33'] }]
  await assert.rejects(setUp(etrn, { config: { clients }, services: { store: await queued() } }), (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    const [fault, ...more] = error.faults
    assert.deepEqual(more, [])
    assert.equal(fault!.column, 1 + JSON.stringify({ clients }).indexOf('"192.0.2.0/33"'))
    assert.match(fault!.message, /expected a network such as 192\.0\.2\.0\/24/)
    return true
  })
})
