/** Limits, moment by moment: what is asked, charged, given back, and what those hear who have too much. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountLimits, Call, Envelope, Message, Session, State } from '../../../core/api/index.js'
import { MailError } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import limits from '../../../plugins/limits/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { address } from '../../harness/context.js'

const MINUTE = 60_000
const VERDICT = { findings: [], sum: 0 }

async function door(rules: readonly object[], more: { config?: object; state?: State } = {}) {
  const clock = { now: Date.UTC(2026, 10, 21) }
  const log = rememberingLog()
  const state = more.state ?? createMemoryState()
  const { hooks, call } = await setUp(limits, { config: { rules, ...more.config }, state, log, now: () => clock.now })
  let sessions = 0
  const session = (ip: string, login?: string): Session =>
    aSession({
      id: `s${++sessions}`,
      remote: { address: ip, port: 1 },
      ...(login === undefined ? {} : { account: { id: login, login, addresses: [] } }),
    })
  const envelope = (sender: string | null, recipients: readonly string[], size?: number): Envelope =>
    anEnvelope({
      sender: sender === null ? null : address(sender),
      recipients: recipients.map(to => ({ address: address(to), dsn: { notify: [] } })),
      parameters: new Map(size === undefined ? [] : [['SIZE', String(size)]]),
    })
  return {
    clock,
    log,
    state,
    session,
    envelope,
    connect: async (from: Session, own: Call = call) => said(await hooks.connect!({ session: from }, own)),
    end: (from: Session) => hooks.disconnect!({ session: from, end: 'quit' }, call),
    mail: async (from: Session, one: Envelope) => said(await hooks.mail!({ session: from, envelope: one }, call)),
    rcpt: async (from: Session, one: Envelope, to: string) =>
      said(
        await hooks.rcpt!(
          { session: from, envelope: one, recipient: { address: address(to), dsn: { notify: [] } } },
          call,
        ),
      ),
    /** Judged for all recipients; then kept, unless somebody else refuses it. */
    async message(from: Session, one: Envelope, message: Message = aMessage('Subject: x\n\nx\n'), kept = true) {
      const answers: (string | undefined)[] = []
      for (const recipient of one.recipients)
        answers.push(
          said(await hooks.message!({ session: from, envelope: one, message, verdict: VERDICT, recipient }, call)),
        )
      if (kept && answers.every(answer => answer === undefined))
        await hooks.headers!({ session: from, envelope: one, message, verdict: VERDICT }, call)
      return answers
    },
  }
}

function said(answer: unknown): string | undefined {
  const { code, status, text } = (answer ?? {}) as { code?: number; status?: string; text?: string }
  return code === undefined ? undefined : `${code} ${status} ${text}`
}

const TOO_MANY = '421 4.7.0 Too many connections from your network'

test('connections are let in up to the rate, per network, and again when time has passed', async () => {
  const { connect, session, clock } = await door([{ count: 'connections', per: 'network', limit: '2/1m' }])
  for (const [ip, after, heard] of [
    ['192.0.2.1', 0, undefined],
    ['192.0.2.1', 1000, undefined],
    ['192.0.2.1', 1000, `${TOO_MANY}, try again in 58s`],
    ['192.0.2.2', 0, undefined],
    ['::ffff:192.0.2.1', 0, `${TOO_MANY}, try again in 58s`],
    ['192.0.2.1', 58_000, undefined],
    ['2001:db8::1', 0, undefined],
    ['2001:db8::2', 0, undefined],
    ['2001:db8::3', 0, `${TOO_MANY}, try again in 1m`],
    ['2001:db8:0:1::3', 0, undefined],
    ['/run/socket', 0, undefined],
  ] as const) {
    clock.now += after
    assert.equal(await connect(session(ip)), heard, ip)
  }
})

test("prefix lengths are the admin's", async () => {
  const config = { network: { ipv4: 24, ipv6: 32 } }
  const { connect, session } = await door([{ count: 'connections', per: 'network', limit: '1/1m' }], { config })
  for (const [ip, heard] of [
    ['192.0.2.1', false],
    ['192.0.2.2', true],
    ['2001:db8::1', false],
    ['2001:db8:1::1', true],
  ] as const)
    assert.equal((await connect(session(ip))) !== undefined, heard, ip)
})

test('of overrides and exceptions the longest match counts', async () => {
  const rule = {
    count: 'connections',
    per: 'network',
    limit: '1/1m',
    overrides: { '192.0.2.0/24': '2/1m', '192.0.2.8/29': '0/1m', '2001:db8::/32': 'unlimited' },
    except: ['192.0.2.9'],
  }
  for (const [ip, letIn] of [
    ['198.51.100.1', 1],
    ['192.0.2.1', 2],
    ['192.0.2.10', 0],
    ['192.0.2.9', 5],
    ['2001:db8::1', 5],
  ] as const) {
    const { connect, session } = await door([rule])
    const heard = []
    for (let i = 0; i < 5; i++) heard.push(await connect(session(ip)))
    assert.equal(heard.filter(one => one === undefined).length, letIn, ip)
  }
})

test('connections at the same time are bounded, and a place is free when its session ends, once', async () => {
  const { connect, end, session } = await door([{ count: 'concurrent', per: 'network', limit: 2 }])
  const [one, two, three] = [session('192.0.2.1'), session('192.0.2.1'), session('192.0.2.1')]
  assert.equal(await connect(one), undefined)
  assert.equal(await connect(two), undefined)
  const full = '421 4.7.0 Too many connections at the same time from your network, close one or try again later'
  assert.equal(await connect(three), full)
  end(three)
  assert.equal(await connect(session('192.0.2.1')), full)
  end(one)
  end(one)
  await new Promise(setImmediate)
  assert.equal(await connect(session('192.0.2.1')), undefined)
  assert.equal(await connect(session('192.0.2.1')), full)
})

test('a place is free when the signal of its session fires, whatever labels it has got', async () => {
  const { connect, session, log } = await door([{ count: 'concurrent', per: 'network', limit: 1 }])
  const gone = new AbortController()
  assert.equal(await connect(session('192.0.2.1'), { signal: gone.signal, log }), undefined)
  assert.notEqual(await connect(session('192.0.2.1')), undefined)
  gone.abort()
  await new Promise(setImmediate)
  const over = AbortSignal.abort()
  assert.equal(await connect(session('192.0.2.1'), { signal: over, log }), undefined)
  await new Promise(setImmediate)
  assert.equal(await connect(session('192.0.2.1')), undefined)
})

test('a connection that finds no place is not charged, nor by one budget when another has not enough', async () => {
  const { connect, state, session, clock } = await door([
    { name: 'wide', count: 'connections', per: 'network', limit: '10/1m' },
    { name: 'tight', count: 'connections', per: 'network', limit: '3/1m' },
    { count: 'concurrent', per: 'network', limit: 2 },
  ])
  for (let i = 0; i < 6; i++) await connect(session('192.0.2.1'))
  const used = async (rule: string, limit: number) =>
    (await state.spend(`${rule}/192.0.2.1`, 0, { limit, windowMs: MINUTE }, clock.now)).used
  assert.deepEqual([await used('wide', 10), await used('tight', 3)], [2, 2])
})

test('messages are charged when they are taken; those refused by others get it back', async () => {
  const { mail, message, session, envelope, end } = await door([
    { count: 'messages', per: 'sender-domain', limit: '2/1h' },
  ])
  const [from, one] = [session('192.0.2.1'), envelope('a@Sender.test', ['b@example.test', 'c@example.test'])]
  for (let i = 0; i < 5; i++) {
    assert.equal(await mail(from, one), undefined, 'only asks')
    assert.deepEqual(await message(from, one, undefined, false), [undefined, undefined])
  }
  end(from)
  await new Promise(setImmediate)
  const next = session('192.0.2.2')
  for (let i = 0; i < 2; i++) {
    assert.equal(await mail(next, one), undefined)
    assert.deepEqual(await message(next, one), [undefined, undefined])
  }
  const words = "Too many messages of this sender's domain, try again in 1h"
  assert.equal(await mail(next, envelope('other@sender.test', [])), `450 4.7.1 ${words}`)
  assert.deepEqual(await message(next, one), [`451 4.7.1 ${words}`, `451 4.7.1 ${words}`], 'who has asked before')
  assert.equal(await mail(next, envelope('a@elsewhere.test', [])), undefined)
  assert.equal(await mail(next, envelope(null, [])), undefined)
})

test('recipients are counted with those the transaction has already', async () => {
  const { rcpt, message, session, envelope } = await door([
    {
      count: 'recipients',
      per: 'login',
      limit: '3/1d',
      overrides: { 'bulk@example.test': '1000/1d', 'other.test': 'unlimited' },
    },
  ])
  const from = session('192.0.2.1', 'alice@example.test')
  assert.equal(await rcpt(from, envelope('a@x.test', ['1@x.test', '2@x.test']), '3@x.test'), undefined)
  const heard = '450 4.7.1 Too many recipients of your account'
  assert.equal(
    await rcpt(from, envelope('a@x.test', ['1@x.test', '2@x.test', '3@x.test']), '4@x.test'),
    `${heard} at once`,
  )
  assert.deepEqual(await message(from, envelope('a@x.test', ['1@x.test', '2@x.test'])), [undefined, undefined])
  assert.equal(await rcpt(from, envelope('a@x.test', []), '3@x.test'), undefined)
  assert.equal(
    await rcpt(from, envelope('a@x.test', ['3@x.test']), '4@x.test'),
    `${heard}, try again in 24h`.replace('24h', '1d'),
  )
  for (const login of ['BULK@example.test', 'carol@deep.other.test']) {
    const own = session('192.0.2.1', login)
    assert.equal(
      await rcpt(own, envelope('a@x.test', ['1@x.test', '2@x.test', '3@x.test']), '4@x.test'),
      undefined,
      login,
    )
  }
  assert.equal(await rcpt(session('192.0.2.1'), envelope('a@x.test', Array(9).fill('1@x.test')), '4@x.test'), undefined)
})

test('octets are asked for as declared and charged as they came', async () => {
  const { mail, message, session, envelope } = await door([{ count: 'bytes', per: 'network', limit: '1KB/1d' }])
  const from = session('192.0.2.1')
  const large = aMessage(`Subject: x\n\n${'x'.repeat(700)}`)
  assert.equal(
    await mail(from, envelope('a@x.test', [], 2000)),
    '552 5.3.4 Larger than all the mail from your network may be',
  )
  assert.equal(await mail(from, envelope('a@x.test', [], 10)), undefined)
  assert.deepEqual(await message(from, envelope('a@x.test', ['b@x.test'], 10), large), [undefined])
  assert.match(
    (await mail(from, envelope('a@x.test', [], 500)))!,
    /^450 4\.7\.1 Too many octets of mail from your network, try again in 1d$/,
  )
  assert.equal(await mail(from, envelope('a@x.test', [])), undefined)
  const own = aMessage(`Subject: x\n\n${'x'.repeat(700)}`)
  assert.match((await message(from, envelope('a@x.test', ['b@x.test'], 10), own))[0]!, /^451 4\.7\.1 /)
})

test('a recipient has a limit of its own, which one refused beside others does not turn into Junk', async () => {
  const { rcpt, message, session, envelope } = await door([{ count: 'messages', per: 'recipient', limit: '1/1h' }])
  const from = session('192.0.2.1')
  assert.deepEqual(await message(from, envelope('a@x.test', ['b@x.test'])), [undefined])
  assert.equal(
    await rcpt(from, envelope('a@x.test', []), 'B@x.test'),
    '450 4.7.1 Too many messages for this recipient, try again in 1h',
  )
  assert.equal(await rcpt(from, envelope('a@x.test', []), 'c@x.test'), undefined)
  assert.deepEqual(await message(from, envelope('a@x.test', ['b@x.test', 'c@x.test'])), [undefined, undefined])
  assert.match((await message(from, envelope('a@x.test', ['b@x.test'])))[0]!, /^451 /)
})

test('a limit of an account itself takes the place of all rules of its kind, and holds for nobody else', async () => {
  const { message, session, envelope, log } = await door([
    { count: 'messages', per: 'login', limit: '2/1h', overrides: { 'example.test': '1/1h' } },
    { count: 'messages', per: 'login', limit: '1/1d', name: 'by-day' },
  ])
  const sendable = async (limits: AccountLimits | undefined, login: string) => {
    const account = { id: login, login, addresses: [], ...(limits && { limits }) }
    const from = { ...session('192.0.2.1'), account }
    let sent = 0
    while (sent < 5 && (await message(from, envelope('a@x.test', ['1@x.test'])))[0] === undefined) sent += 1
    return sent
  }
  for (const [limits, login, wish] of [
    [undefined, 'alice', 1],
    [{ messages: '4/1d' }, 'bob@example.test', 4],
    [{ messages: 'unlimited' }, 'carol', 5],
    [{ recipients: '1/1d' }, 'dave', 1],
    [{ messages: '0/1d' }, 'erna', 0],
    [{ messages: 'many' }, 'fred', 1],
  ] as const)
    assert.equal(await sendable(limits, login), wish, login)
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'warn').map(({ facts }) => (facts as { login: string }).login),
    ['fred'],
  )
})

test('a limit of an account itself needs no rule, and the refusal names it', async () => {
  const { hooks, call } = await setUp(limits, { config: { rules: [] }, state: createMemoryState() })
  const account = {
    id: 'a',
    login: 'alice@example.test',
    addresses: [],
    limits: { recipients: '1/1d', concurrent: '1' },
  }
  const session = aSession({ account })
  const two = anEnvelope({ recipients: [{ address: address('a@x.test'), dsn: { notify: [] } }] })
  const recipient = { address: address('b@x.test'), dsn: { notify: [] as const } }
  const answer = await hooks.rcpt!({ session, envelope: two, recipient }, call)
  assert.deepEqual((answer as { because?: unknown }).because, {
    rule: 'recipients-of-account',
    evidence: 'alice@example.test: 0 recipients, 2 more wanted; the limit is 1 in 1d, which is its own',
    exception: 'posthouse user change alice@example.test --limit-recipients LIMIT, or where the directory keeps it',
  })
  assert.equal(await hooks.mail!({ session, envelope: anEnvelope({}) }, call), undefined)
  const second = aSession({ id: 's2', account })
  assert.match(String(said(await hooks.mail!({ session: second, envelope: anEnvelope({}) }, call))), /^450 /)
})

test('a log-in may have so many sessions that send, and each takes one place', async () => {
  const { mail, end, session, envelope } = await door([{ count: 'concurrent', per: 'login', limit: 1 }])
  const [one, two] = [session('192.0.2.1', 'alice'), session('192.0.2.2', 'alice')]
  const any = envelope('a@x.test', [])
  assert.equal(await mail(one, any), undefined)
  assert.equal(await mail(one, any), undefined)
  assert.match((await mail(two, any))!, /^450 4\.7\.1 Too many connections at the same time of your account/)
  assert.equal(await mail(session('192.0.2.3', 'bob'), any), undefined)
  end(one)
  await new Promise(setImmediate)
  assert.equal(await mail(two, any), undefined)
})

test('a refusal tells the admin who, how much, which limit, and what to write', async () => {
  const rule = { count: 'connections', per: 'network', limit: '1/1m', overrides: { '192.0.2.0/24': '0/1m' } }
  const { hooks, call } = await setUp(limits, { config: { rules: [rule] }, state: createMemoryState() })
  const answer = await hooks.connect!({ session: aSession() }, call)
  assert.deepEqual((answer as { because?: unknown }).because, {
    rule: 'connections-per-network',
    evidence: '192.0.2.1: 0 connections, 1 more wanted; the limit is 0 in 1m (override 192.0.2.0/24)',
    exception:
      'in plugins.yaml, limits, rule connections-per-network: "192.0.2.1" under `except`, or with a limit of its own under `overrides`',
  })
  assert.equal(said(answer), `${TOO_MANY}, none are allowed`)
})

test('where no rule applies nothing is asked of the state and nobody waits', async () => {
  const rules = [
    { count: 'connections', per: 'network', limit: '1/1m', except: ['127.0.0.0/8', '::1'] },
    { count: 'concurrent', per: 'network', limit: 1, except: ['127.0.0.0/8', '::1'] },
  ]
  const { hooks, call } = await setUp(limits, { config: { rules } })
  for (const ip of ['127.0.0.1', '::1'])
    assert.equal(hooks.connect!({ session: aSession({ remote: { address: ip, port: 1 } }) }, call), undefined)
})

const broken = (): State => {
  const fail = async () => Promise.reject(new MailError('store-unavailable', 'gone'))
  return { get: fail, put: fail, add: fail, spend: fail, tally: fail, enter: fail, remove: fail, list: fail }
}
const EVERYTHING = [
  { count: 'connections', per: 'network', limit: '1/1m' },
  { count: 'concurrent', per: 'network', limit: 1 },
  { count: 'messages', per: 'network', limit: '1/1m' },
]

test('trouble of the state holds nobody up and is said once a minute', async () => {
  const { connect, mail, message, session, envelope, log, clock } = await door(EVERYTHING, { state: broken() })
  const [from, one] = [session('192.0.2.1'), envelope('a@x.test', ['b@x.test'])]
  assert.deepEqual(
    [await connect(from), await mail(from, one), await message(from, one)],
    [undefined, undefined, [undefined]],
  )
  const said = () =>
    log.lines.filter(({ sentence }) => sentence === 'limits are not held, the state has trouble').length
  assert.equal(said(), 1)
  clock.now += MINUTE
  await connect(from)
  assert.equal(said(), 2)
})

test('with when_unknown: defer trouble of the state is a failure of the hook', async () => {
  const { connect, session } = await door(EVERYTHING, { state: broken(), config: { when_unknown: 'defer' } })
  await assert.rejects(connect(session('192.0.2.1')), MailError)
})

test('who speaks for others by XCLIENT is not counted for them: its place and its charge are given back', async () => {
  const { connect, session } = await door([
    { count: 'connections', per: 'network', limit: '1/1m' },
    { count: 'concurrent', per: 'network', limit: 1 },
  ])
  const filter = session('192.0.2.1')
  assert.equal(await connect(filter), undefined)
  Object.assign(filter, { remote: { address: '198.51.100.7', port: 1 } })
  assert.equal(await connect(filter), undefined)
  assert.equal(await connect(session('192.0.2.1')), undefined)
  assert.match((await connect(session('198.51.100.7'))) ?? '', /^421 /)
})

test('where no rule counts mail, nobody waits for an answer', async () => {
  const rules = [{ count: 'connections', per: 'network', limit: '10/1m' }]
  const { hooks, call } = await setUp(limits, { config: { rules }, state: createMemoryState() })
  const [session, envelope, message] = [aSession(), anEnvelope(), aMessage('Subject: x\n\nx\n')]
  const recipient = { address: address('bob@example.test'), dsn: { notify: [] as const } }
  assert.equal(hooks.mail!({ session, envelope }, call), undefined)
  assert.equal(hooks.rcpt!({ session, envelope, recipient }, call), undefined)
  assert.equal(hooks.message!({ session, envelope, message, verdict: VERDICT, recipient }, call), undefined)
})
