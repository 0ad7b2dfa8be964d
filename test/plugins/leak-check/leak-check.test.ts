import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Credentials, Session } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from '../../../core/testing/index.js'
import leakCheck from '../../../plugins/leak-check/index.js'
import { Prober } from '../../../plugins/leak-check/probe.js'
import { Sessions } from '../../../plugins/leak-check/sessions.js'
import { aCall } from '../../harness/context.js'
import { ALICE } from '../../harness/session.js'

const PASSWORD = 'correct Horse battery-staple'
const ACCOUNT = { id: 'a', login: 'alice@example.test', addresses: ['alice@example.test'] }

function credentials(password = PASSWORD, login = 'alice@example.test'): Credentials {
  return { kind: 'password', mechanism: 'PLAIN', login, password }
}

async function aCheck(config: object = {}) {
  const log = rememberingLog()
  const { hooks } = await setUp(leakCheck, { config, log })
  const call = aCall({ log })
  const message = async (session: Session, text: string) => {
    const recipient = { address: ALICE, dsn: { notify: [] } }
    const verdict = { findings: [], sum: 0 }
    return hooks.message!({ session, envelope: anEnvelope(), message: aMessage(text), verdict, recipient }, call)
  }
  return {
    log,
    hooks,
    call,
    message,
    /** What becomes of a message, sent behind that login. */
    async sent(text: string, given = credentials(), session = aSession({ account: ACCOUNT })): Promise<string> {
      assert.equal(await hooks.auth!({ peer: session, credentials: given }, call), undefined)
      const answer = await message(session, text)
      return answer && 'code' in answer ? `${answer.code} ${answer.status}` : (answer?.kind ?? 'sent')
    },
  }
}

const QP = 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n'
const B64 = 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n'

for (const [where, text, given, outcome] of [
  ['in the text', `Subject: x\n\nMy password is ${PASSWORD}.`, credentials(), '550 5.7.0'],
  ['at the very end of the text', `Subject: x\n\n${'a '.repeat(100_000)}${PASSWORD}`, credentials(), '550 5.7.0'],
  ['in the subject', `Subject: ${PASSWORD}\n\nx`, credentials(), '550 5.7.0'],
  [
    'in an encoded subject',
    'Subject: =?utf-8?b?Y29ycmVjdCBIb3JzZSBiYXR0ZXJ5LXN0YXBsZQ==?=\n\nx',
    credentials(),
    '550 5.7.0',
  ],
  ['over two lines', 'Subject: x\n\n> correct Horse\nbattery-staple', credentials(), '550 5.7.0'],
  ['in quoted-printable', `${QP}correct=20Horse =\nbattery=2Dstaple`, credentials(), '550 5.7.0'],
  ['in base64', `${B64}${Buffer.from(`it is ${PASSWORD}`).toString('base64')}`, credentials(), '550 5.7.0'],
  ['in HTML', 'Content-Type: text/html\n\n<p>correct <b>Horse</b> battery&#45;staple</p>', credentials(), '550 5.7.0'],
  ['with accents put together otherwise', `${QP}Gru=CC=88=C3=9Fe123`, credentials('Grüße123'), '550 5.7.0'],
  ['nowhere', 'Subject: x\n\nnothing of it', credentials(), 'sent'],
  ['nearly', 'Subject: x\n\ncorrect horse battery-staple correct Horse battery-stapl', credentials(), 'sent'],
  ['with fewer than eight characters', 'Subject: x\n\nsecret7', credentials('secret7'), 'sent'],
  ['as eight characters', 'Subject: x\n\nsecret78', credentials('secret78'), '550 5.7.0'],
  ['as a part of the login', 'Subject: x\n\n-- \nalice@example.test', credentials('Example.Test'), 'sent'],
  [
    'unknown to the session',
    'Subject: x\n\nx',
    { kind: 'token', mechanism: 'OAUTHBEARER', login: '', token: 'x' } as const,
    'sent',
  ],
] as const) {
  test(`a password ${where}: ${outcome}`, async () => {
    assert.equal(await (await aCheck()).sent(text, given), outcome)
  })
}

test('hold by config, and exceptions for a login', async () => {
  const text = `Subject: x\n\n${PASSWORD}`
  assert.equal(await (await aCheck({ answer: 'hold' })).sent(text), 'hold')
  assert.equal(await (await aCheck({ except: ['Alice@Example.test'] })).sent(text), 'sent')
})

describe('a session', () => {
  const text = `Subject: x\n\n${PASSWORD}`

  test('that has sent no password is not looked at, whoever else sent it', async () => {
    const { sent, message } = await aCheck()
    assert.equal(await sent(text), '550 5.7.0')
    assert.equal(await message(aSession({ id: 'other', account: ACCOUNT }), text), undefined)
  })

  test('is asked about the last password it sent', async () => {
    const { sent } = await aCheck()
    assert.equal(await sent(text, credentials('wrong password')), 'sent')
    assert.equal(await sent(text), '550 5.7.0')
    assert.equal(await sent('Subject: x\n\nwrong password'), 'sent')
  })

  test('of a stranger whose login failed is not looked at', async () => {
    assert.equal(await (await aCheck()).sent(text, credentials(), aSession()), 'sent')
  })

  test('takes what was kept of its password with it', async () => {
    const { sent, hooks, call, message } = await aCheck()
    const session = aSession({ account: ACCOUNT })
    assert.equal(await sent(text, credentials(), session), '550 5.7.0')
    await hooks.disconnect!({ session, end: 'quit' }, call)
    assert.equal(await message(session, text), undefined)
  })

  test('by IMAP or POP3 leaves nothing, and there is a bound for all', () => {
    const sessions = new Sessions(new Prober())
    sessions.note(aSession({ protocol: 'imap' as never }), credentials())
    assert.equal(sessions.size, 0)
    for (let i = 0; i < 20_010; i++) sessions.note(aSession({ id: `s${i}` }), credentials())
    assert.equal(sessions.size, 20_000)
    assert.equal(sessions.of('s0'), undefined)
    assert.notEqual(sessions.of('s20009'), undefined)
  })
})

test('neither the answer nor the log has any of the password', async () => {
  const { hooks, call, message, log } = await aCheck()
  const session = aSession({ account: ACCOUNT })
  await hooks.auth!({ peer: session, credentials: credentials() }, call)
  const answer = await message(session, `Subject: x\n\n${PASSWORD}`)
  assert.equal((answer as { because: { rule: string } }).because.rule, 'own-password')
  for (const word of PASSWORD.split(/\W/)) assert.ok(!JSON.stringify([answer, log.lines]).includes(word), word)
})

test('what is kept is a length and two digests, different in every process', () => {
  const [one, other] = [new Prober().probe(PASSWORD)!, new Prober().probe(PASSWORD)!]
  assert.deepEqual(Object.keys(one), ['length', 'hash', 'mac'])
  assert.notDeepEqual(one, other)
})

test('any part of a text is found, wherever it stands, and nothing else', async () => {
  const prober = new Prober()
  const text = Array.from({ length: 300 }, (_, i) => ((i * 7919) % 997).toString(36)).join('')
  for (const [start, length] of [
    [0, 8],
    [1, 31],
    [5, 32],
    [7, 33],
    [100, 64],
    [3, 400],
  ] as const) {
    const probe = prober.probe(text.slice(start, start + length))!
    assert.equal(await prober.found(probe, text, { maxBytes: 10_000 }), true, `${start} ${length}`)
    assert.equal(await prober.found(probe, text.slice(0, start + length - 1), { maxBytes: 10_000 }), false)
    assert.equal(await prober.found(probe, text, { maxBytes: start + length - 1 }), false, 'beyond the bound')
  }
})
