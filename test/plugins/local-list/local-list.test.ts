import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { AuthFacts, DkimFacts, Finding, MailAuth, Session } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import plugin from '../../../plugins/local-list/index.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { address } from '../../harness/context.js'

const MAIL = `From: Sender <boss@bank.example>
Reply-To: other@reply.example
Subject: hello

Write to info@shop.example or see https://www.link.example/offer/7?x=1 now.
`

interface Given {
  readonly list?: string
  readonly config?: object
  readonly session?: Partial<Session>
  readonly facts?: Partial<AuthFacts>
  readonly mail?: string
}

async function asked(t: TestContext, given: Given) {
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-list-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'a.list'), given.list ?? '')
  const log = rememberingLog()
  const base: AuthFacts = {
    dkim: [],
    dmarc: { result: 'none', domain: 'bank.example', disposition: 'none', why: '' } as AuthFacts['dmarc'],
    vouching: [],
    questions: 0,
    ...given.facts,
  }
  const mailAuth: MailAuth = { found: async () => base }
  const made = await setUp(plugin, {
    config: { files: ['a.list'], ...given.config },
    server: { configDir: dir },
    services: { tables: createMemoryTables(), 'mail-auth': mailAuth },
    log,
  })
  t.after(() => made.end())
  const session = aSession({ remote: { address: '192.0.2.1', port: 40000 }, helo: 'helo.example', ...given.session })
  const envelope = anEnvelope({ sender: address('bounce@sender.example') })
  const message = aMessage(given.mail ?? MAIL)
  const recipient = (to = 'alice@example.test') => ({ address: address(to), dsn: { notify: [] } })
  const { hooks, call } = made
  const score = async () => ((await hooks.score!({ session, envelope, message }, call)) ?? []) as readonly Finding[]
  const verdict = { findings: [], sum: 0 }
  return {
    log,
    score,
    connect: () => hooks.connect!({ session }, call),
    rcpt: (to?: string) => hooks.rcpt!({ session, envelope, recipient: recipient(to) }, call),
    message: (to?: string) => hooks.message!({ session, envelope, message, verdict, recipient: recipient(to) }, call),
  }
}

const signed = (domain: string): DkimFacts => ({
  result: 'pass',
  domain,
  selector: 's',
  algorithm: 'rsa-sha256',
  tag: 't',
  why: '',
})
const confirmed = (name: string): Partial<Session> => ({ reversed: { kind: 'confirmed', name } })

for (const [entry, finding, points, more] of [
  ['192.0.2.0/24', 'local-list-client', 3, {}],
  ['helo.example', 'local-list-helo', 1.5, {}],
  ['.isp.example', 'local-list-reverse', 2, { session: confirmed('host7.isp.example') }],
  [
    '.isp.example',
    'local-list-reverse',
    2,
    { session: { reversed: { kind: 'unconfirmed', names: ['host7.isp.example'] } } },
  ],
  ['@sender.example', 'local-list-sender', 2, {}],
  ['boss@bank.example', 'local-list-from', 2.5, {}],
  ['.reply.example', 'local-list-reply-to', 2, {}],
  ['signer.example', 'local-list-dkim', 2.5, { facts: { dkim: [signed('signer.example')] } }],
  ['//www.link.example/offer', 'local-list-link', 3, {}],
  ['info@shop.example', 'local-list-address', 2, {}],
  ['192.0.2.0/24 points=0.5', 'local-list-client', 0.5, {}],
] as const satisfies readonly (readonly [string, string, number, Given])[]) {
  test(`${entry} is found as ${finding} with ${points} points (${JSON.stringify(more).slice(0, 60)})`, async t => {
    const { score } = await asked(t, { list: `# mine\n${entry} Because\n`, ...more })
    const findings = await score()
    assert.deepEqual(
      findings.map(({ name, points: n }) => [name, n]),
      [[finding, points]],
    )
    assert.match(findings[0]!.says, /\(a\.list:2, Because\)$/)
  })
}

test('nothing is found where nothing fits, and a name in passing is none', async t => {
  const { score } = await asked(t, { list: 'example.org\nlink.example\n//link.example\n' })
  assert.deepEqual(await score(), [])
})

test('a finding says what was looked for, which entry it was, where it stands, and why', async t => {
  const { score } = await asked(t, { list: ':by=anna\n192.0.2.0/24 Attacks since May\n' })
  assert.equal(
    (await score())[0]!.says,
    'The client 192.0.2.1 is on the local list: 192.0.2.0/24 (a.list:2, Attacks since May, by anna)',
  )
})

test('one entry counts once, however much of the mail fits it', async t => {
  const { score } = await asked(t, { list: '.example\n', session: confirmed('x.example') })
  assert.deepEqual(
    (await score()).map(({ name }) => name),
    ['local-list-helo'],
  )
})

test('of many links the weightiest entry counts, and others are told beside it', async t => {
  const mail = 'From: a@b.test\n\nhttp://one.test/ http://two.test/ http://three.test/\n'
  const { score } = await asked(t, { list: 'one.test\ntwo.test points=4 worst\nthree.test points=1\n', mail })
  const findings = await score()
  assert.deepEqual(
    findings.map(({ points }) => points),
    [4],
  )
  assert.match(findings[0]!.says, /two\.test.*worst.*one\.test.*three\.test/)
})

test('points of 0 in config leave a kind out, whatever the entry weighs', async t => {
  const { score } = await asked(t, { list: '192.0.2.1 points=9\n', config: { points: { client: 0 } } })
  assert.deepEqual(await score(), [])
})

for (const [what, given, sum] of [
  ['the client', { list: '!192.0.2.1\n' }, -3],
  ['a reverse name that leads back', { list: '!x.isp.example\n', session: confirmed('x.isp.example') }, -2],
  [
    'a reverse name that does not',
    { list: '!x.isp.example\n', session: { reversed: { kind: 'unconfirmed', names: ['x.isp.example'] } } },
    0,
  ],
  ['a signature', { list: '!signer.example\n', facts: { dkim: [signed('signer.example')] } }, -2.5],
  ['a sender nobody vouches for', { list: '!@sender.example\n' }, 0],
  ['a sender that SPF vouches for', { list: '!@sender.example\n', facts: { vouching: ['sender.example'] } }, -2],
  ['a From nobody vouches for', { list: '!@bank.example\n' }, 0],
  [
    'a From that passes DMARC',
    {
      list: '!@bank.example\n',
      facts: { dmarc: { result: 'pass', domain: 'bank.example', disposition: 'none', why: '' } as AuthFacts['dmarc'] },
    },
    -2.5,
  ],
  ['a greeting', { list: '!helo.example\n' }, 0],
  ['a link', { list: '!//www.link.example\n' }, 0],
] as const satisfies readonly (readonly [string, Given, number])[]) {
  test(`an entry that allows ${what} gives ${sum} points`, async t => {
    const findings = await (await asked(t, given)).score()
    assert.equal(
      findings.reduce((all, { points }) => all + points, 0),
      sum,
    )
  })
}

test('an entry that allows takes what fits it out of a wider one that blocks, whoever may write it', async t => {
  const { score } = await asked(t, { list: '.link.example\n!//www.link.example\n' })
  assert.deepEqual(await score(), [])
})

test('an allowed client gets the label local-allowed at once, and a blocked one nothing', async t => {
  assert.deepEqual(await (await asked(t, { list: '!192.0.2.1\n' })).connect(), {
    kind: 'label',
    names: ['local-allowed'],
  })
  assert.equal(await (await asked(t, { list: '192.0.2.1\n' })).connect(), undefined)
})

test('as shipped nobody is refused', async t => {
  const { rcpt, message } = await asked(t, { list: '192.0.2.1 points=900\n' })
  assert.equal(await rcpt(), undefined)
  assert.equal(await message(), undefined)
})

test('at reject_at what the envelope shows refuses at RCPT, with the reason and where the entry stands', async t => {
  const { rcpt } = await asked(t, { list: '192.0.2.1 points=5 Attacks\n', config: { reject_at: 5 } })
  const answer = await rcpt()
  assert.ok(answer?.kind === 'reject')
  assert.equal(answer.text, '192.0.2.1 is on a list of this site: Attacks')
  assert.equal(answer.because?.rule, 'local-list-client')
  assert.match(answer.because?.evidence ?? '', /a\.list:1/)
  assert.equal(answer.because?.exception, 'posthouse local-list add 192.0.2.1 --allow')
})

test('what only the message shows refuses when it is there, and puts off at defer_at', async t => {
  const { rcpt, message } = await asked(t, { list: '//www.link.example\n', config: { defer_at: 3, reject_at: 4 } })
  assert.equal(await rcpt(), undefined)
  assert.equal((await message())?.kind, 'defer')
})

test('mail for postmaster is never refused', async t => {
  const { rcpt, message } = await asked(t, { list: '192.0.2.1 points=5\n', config: { reject_at: 5 } })
  assert.equal(await rcpt('postmaster@example.test'), undefined)
  assert.equal(await message('postmaster@example.test'), undefined)
})

for (const [who, session] of [
  [
    'people who logged in',
    { account: { id: '1', login: 'a', addresses: [] } as unknown as NonNullable<Session['account']> },
  ],
  ['trusted networks', { trusted: true }],
  ['LMTP', { protocol: 'lmtp' }],
] as const satisfies readonly (readonly [string, Partial<Session>])[]) {
  test(`mail of ${who} is not judged`, async t => {
    const { score, rcpt, message } = await asked(t, { list: '192.0.2.1 points=5\n', config: { reject_at: 1 }, session })
    assert.deepEqual(await score(), [])
    assert.equal(await rcpt(), undefined)
    assert.equal(await message(), undefined)
  })
}

test('a wrong file stops the start and says where', async t => {
  await assert.rejects(
    asked(t, { list: '192.0.2.1\n*.wrong.example\n' }),
    /a\.list:2:1: .*did you mean \.wrong\.example\?/,
  )
})
