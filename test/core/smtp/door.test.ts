/**
 * The door under stress of its surroundings: hooks and intakes that fail, draining, verbs of plugins, and what the log says of it all. Real
 * sockets, scripts in place.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { defer, label, MailError, reject, type SmtpVerb } from '../../../core/api/index.js'
import { logged, open, talk, untilSpoken } from './door-talk.js'

const never = () => new Promise<never>(() => undefined)
const throws = () => {
  throw new Error('a bug')
}
const rejects = () => Promise.reject(new Error('a bug, later'))

for (const [how, hook] of [
  ['throws', throws],
  ['rejects', rejects],
  ['never settles', never],
] as const) {
  test(`a connect hook that ${how} closes with 421 and the server lives`, async t => {
    let calls = 0
    const door = await open(t, { hooks: { connect: () => (calls++ === 0 ? hook() : undefined) } })
    await talk(door, 'S: 421 4.3.0 …\nS: <closed>')
    await talk(door, 'S: 220 …')
  })
  test(`a helo or mail hook that ${how} is 451 4.3.0 and the session goes on`, async t => {
    const door = await open(t, { hooks: { helo: ({ name }) => (name === 'bad' ? hook() : undefined), mail: hook } })
    await talk(
      door,
      `S: 220 …
      C: HELO bad
      S: 451 4.3.0 …
      C: MAIL FROM:<a@b.test>
      S: 503 …
      C: HELO good
      S: 250 …
      C: MAIL FROM:<a@b.test>
      S: 451 4.3.0 …
      C: RCPT TO:<alice@example.test>
      S: 503 …`,
    )
  })
}

test('an intake that throws is 451 4.3.0, at RCPT and after the message, and the log says why', async t => {
  const door = await open(t, { judge: () => Promise.reject(new Error('the disk is on fire')) })
  await talk(
    door,
    `{envelope}
    C> x\\r\\n.\\r\\n
    S: 451 4.3.0 Internal error, try again later
    C: MAIL FROM:<a@b.test>
    S: 250 …
    C: RCPT TO:<throws@example.test>
    S: 451 4.3.0 Internal error, try again later
    C: RCPT TO:<alice@example.test>
    S: 250 …`,
  )
  const facts = await logged(door, 'message could not be taken')
  assert.match(String(facts.err), /disk is on fire/)
})

test('an expected failure is answered with the words of the catalogue and no others', async t => {
  const door = await open(t, { judge: () => Promise.reject(new MailError('store-full', '/secret/path is full')) })
  await talk(
    door,
    '{envelope}\nC> x\\r\\n.\\r\\nS: 452 4.3.1 Insufficient system storage'.replace('\\r\\nS', '\\r\\n\nS'),
  )
})

test('hooks may refuse the session: 554 waits for QUIT, a deferral closes', async t => {
  let refuse = true
  const door = await open(t, {
    hooks: { connect: () => (refuse ? reject('You are not welcome') : defer('Come back later')) },
  })
  await talk(
    door,
    `S: 554 5.7.1 You are not welcome …
    C: EHLO c.test
    S: 503 5.5.1 Session was refused, only QUIT is left
    C: QUIT
    S: 221 2.0.0 Bye
    S: <closed>`,
  )
  refuse = false
  await talk(door, 'S: 421 4.7.1 Come back later …\nS: <closed>')
})

test('what hooks say is made fit before it is a reply', async t => {
  const door = await open(t, { hooks: { mail: () => reject('no\r\n250 2.0.0 OK') } })
  await talk(door, 'S: 220 …\nC: HELO c.test\nS: 250 …\nC: MAIL FROM:<a@b.test>\nS: 550 5.7.1 no??250 2.0.0 OK …')
})

test('under implicit TLS a login is offered at once and STARTTLS is not', async t => {
  const door = await open(t, { listener: { name: 'submissions', tls: 'implicit', auth: 'required' } })
  await talk(
    door,
    `S: 220 …
    C: EHLO c.test
    S: <any>
    S: 250-ENHANCEDSTATUSCODES
    S: 250 AUTH PLAIN LOGIN
    C: STARTTLS
    S: 503 5.5.1 TLS is already active
    C> AUTH PLAIN AGFsaWNlAHNlY3JldA==\\r\\nMAIL FROM:<alice@example.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\n
    S: 235 …
    S: 250 …
    S: 250 …
    S: 354 …
    C> x\\r\\n.\\r\\nQUIT\\r\\n
    S: 250 …
    S: 221 …
    S: <closed>`,
    { implicitTls: true },
  )
  const { session } = door.taken[0]!
  assert.equal(session.tls?.protocol, 'TLSv1.3')
  assert.equal(session.account?.login, 'alice')
  assert.deepEqual([...session.labels].sort(), ['authenticated', 'submissions', 'tls'])
})

test('labels of one sender do not serve the next', async t => {
  const seen: string[][] = []
  const door = await open(t, {
    hooks: {
      mail: ({ envelope, session }) => {
        seen.push([...session.labels])
        return envelope.sender?.local === 'friend' ? label('friend') : undefined
      },
    },
  })
  await talk(
    door,
    `S: 220 …
    C> HELO c.test\\r\\nMAIL FROM:<friend@b.test>\\r\\nRSET\\r\\nMAIL FROM:<foe@b.test>\\r\\n
    S: 250 …
    S: 250 …
    S: 250 …
    S: 250 …`,
  )
  assert.deepEqual(seen, [['mx'], ['mx']])
})

test('at the end plugins hear how it ended, and how often the session was told no', async t => {
  const ends: unknown[] = []
  const { hook, reached } = untilSpoken()
  const door = await open(t, {
    hooks: {
      connect: hook,
      disconnect: ({ session, end }) => void ends.push([end, { ...session.refused }]),
    },
  })
  const early =
    'C: EHLO c.test\nC: <reached it>\nS: 554 5.5.1 Client spoke before the greeting\nS: 503 …\nC: QUIT\nS: 221 …'
  await talk(door, early, { reached })
  await talk(
    door,
    `S: 220 …
    C: NOSUCH
    S: 500 …
    C: HELO c.test
    S: 250 …
    C: MAIL FROM:<>
    S: 250 …
    C: RCPT TO:<unknown@example.test>
    S: 550 5.1.1 …
    C: RCPT TO:<later@example.test>
    S: 451 …
    C: RCPT TO:<alice@example.test>
    S: 250 …
    C: RCPT TO:<unknown@example.test>
    S: 550 5.1.1 …
    C: QUIT
    S: 221 …`,
  )
  while (ends.length < 2) await sleep(10)
  assert.deepEqual(ends, [
    ['early', { commands: 1, unknown: 0 }],
    ['quit', { commands: 4, unknown: 2 }],
  ])
})

test('draining ends idle sessions at once and lets a transaction finish', async t => {
  const door = await open(t)
  // Both have got as far as they shall: the one is greeted, the other in the middle of its message.
  const before = { greeted: 1, writing: 1 }
  const reached = (place: keyof typeof before) => {
    before[place] -= 1
    if (before.greeted === 0 && before.writing === 0) door.drain()
  }
  await Promise.all([
    talk(
      door,
      'S: 220 …\nC: HELO c.test\nS: 250 …\nC: <reached greeted>\nS: 421 4.3.2 Service is shutting down, try again soon\nS: <closed>',
      { reached },
    ),
    talk(
      door,
      `{envelope}
      C> Subject: x\\r\\n
      C: <reached writing>
      S: <silence 200>
      C> \\r\\nbody\\r\\n.\\r\\n
      S: 250 2.0.0 …
      S: 421 4.3.2 …
      S: <closed>`,
      { reached },
    ),
  ])
  await talk(door, 'S: 421 4.3.2 …\nS: <closed>')
  assert.equal(door.taken.length, 1)
})

test('verbs of plugins are announced, answered, bounded, and cannot replace ours', async t => {
  const verbs: Record<string, SmtpVerb> = {
    XTIME: {
      keyword: 'XTIME ms',
      run: (session, argument) => ({ code: 250, status: '2.0.0', text: `${session.helo} ${argument}` }),
    },
    XHIDDEN: { available: () => false, keyword: 'XHIDDEN', run: () => ({ code: 250, text: 'never' }) },
    XTHROWS: { run: throws },
    XNEVER: { run: never },
    XKICK: { betweenMails: true, run: () => ({ code: 250, status: '2.0.0', text: 'kicked' }) },
    NOOP: { run: () => ({ code: 250, text: 'not ours' }) },
  }
  const door = await open(t, { verbs, limits: { commandMs: 300 } })
  await talk(
    door,
    `S: 220 …
    C: EHLO c.test
    S: <any>
    S: 250-STARTTLS
    S: 250 XTIME ms
    C: xtime now or never
    S: 250 2.0.0 c.test now or never
    C: XHIDDEN
    S: 500 5.5.2 Command not recognised
    C: XTHROWS
    S: 451 4.3.0 …
    C: XNEVER
    S: 451 4.3.0 …
    C: NOOP
    S: 250 2.0.0 OK
    C: MAIL FROM:<a@b.test>
    S: 250 …
    C: XKICK
    S: 503 5.5.1 Not possible during a mail transaction
    C: RSET
    S: 250 …
    C: XKICK
    S: 250 2.0.0 kicked`,
  )
})

test('extensions and verbs can be switched off', async t => {
  const without = [
    'SIZE',
    'ENHANCEDSTATUSCODES',
    'STARTTLS',
    'SMTPUTF8',
    '8BITMIME',
    'CHUNKING',
    'DSN',
    'DELIVERBY',
    'LIMITS',
    'VRFY',
  ]
  const door = await open(t, { smtp: { without, banner: 'ready when you are' } })
  await talk(
    door,
    `S: 220 mail.example.test ESMTP ready when you are
    C: EHLO c.test
    S: 250-mail.example.test
    S: 250 PIPELINING
    C: STARTTLS
    S: 502 Command not offered here
    C: VRFY alice
    S: 502 Command not offered here
    C: MAIL FROM:<a@b.test> SIZE=5
    S: 555 Parameter SIZE is not known here
    C: MAIL FROM:<a@b.test>
    S: 250 Sender OK`,
  )
})

test('VRFY tells of our own mailboxes where the admin wants it to, and EXPN of no list', async t => {
  const door = await open(t, { smtp: { vrfy: 'local' } })
  await talk(
    door,
    `S: 220 …
    C: VRFY <alice@example.test>
    S: 250 2.1.5 <alice@example.test>
    C: VRFY alice
    S: 250 2.1.5 <alice@example.test>
    C: VRFY unknown@example.test
    S: 550 5.1.1 No such mailbox here
    C: VRFY later
    S: 252 2.0.0 …
    C: VRFY bob@elsewhere.test
    S: 252 2.0.0 …
    C: VRFY Bob Jones
    S: 252 2.0.0 …
    C: VRFY alice@example.test smtputf8
    S: 250 2.1.5 <alice@example.test>
    C: VRFY jürgen@example.test SMTPUTF8
    S: 252 2.6.8 …
    C: VRFY
    S: 501 5.5.4 …
    C: EXPN staff
    S: 550 5.7.1 Who is on a list is not told`,
  )
})
