/** Vacation answers from outside: set by command beside a running server, mail by SMTP, answers at the sender's server, the rest by the trail. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail, sendOctets } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'

describe('vacation answers', { skip: noInbox }, () => {
  let sink: SmtpSink
  let a: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    a = await Instance.make({
      without: CONTENT,
      domain: 'example.test',
      users: [
        [ALICE, 'secret a'],
        [BOB, 'secret b'],
      ],
      server: { workers: 2 },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' } },
    })
    await a.start()
    const { code, stderr } = await a.cli(['vacation', 'set', ALICE, '--subject', 'Weg bis März'], 'Ich bin weg.\n')
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    await a?.destroy()
    await sink?.stop()
  })

  const send = (from: string, subject: string, to = ALICE) => sendMail(a.ports.mx, { from, to: [to], subject })
  const why = async (subject: string): Promise<string> => {
    const { stdout } = await a.cli(['why', `<${subject}@client.test>`])
    return stdout.slice(stdout.indexOf('What became of it'))
  }
  /** Who was answered: that is accepted with the mail, so it stands in its record at once. */
  const answered = async (subject: string) => /Answered to (\S+) for/.exec(await why(subject))?.[1]

  test('go to who wrote to the owner, from nobody, and say so', async () => {
    await send('carol@world.test', 'first')
    const [message] = await sink.received(1)
    sink.messages.length = 0
    assert.deepEqual([message!.sender, message!.recipients], ['', ['carol@world.test']])
    const text = message!.data.toString()
    assert.match(text, /^Subject: Weg bis =\?UTF-8\?B\?/m)
    assert.match(text, /^From: alice@example\.test\r$/m)
    assert.match(text, /^In-Reply-To: <first@client\.test>\r$/m)
    assert.match(text, /^Auto-Submitted: auto-replied \(vacation\)\r$/m)
    assert.match(text, /\r\n\r\nIch bin weg\.\r\n$/)
    const told = await why('first')
    assert.match(told, /Filed for alice@example\.test into INBOX\./)
    const [, answer] = /Answered to carol@world\.test for alice@example\.test in message (\S+) \(/.exec(told)!
    const { stdout } = await a.cli(['why', answer!])
    assert.match(stdout, /ourselves: vacation answer of alice@example\.test/)
  })

  test('go to a mailbox of the house as well', async () => {
    await send(BOB, 'inside')
    const [mail] = await eventually(async () => {
      const all = await inboxOf(a.ports.imap, BOB, 'secret b')
      return all.length > 0 ? all : undefined
    })
    assert.match(mail!, /^Return-Path: <>\r\n/)
    assert.match(mail!, /^Auto-Submitted: auto-replied/m)
  })

  test('do not answer each other', async () => {
    await a.cli(['vacation', 'set', BOB], 'So bin ich.\n')
    await send(ALICE, 'to-bob', BOB)
    const [, answer] = /Answered to alice@example\.test for bob@example\.test in message (\S+) \(/.exec(
      await why('to-bob'),
    )!
    const told = await eventually(async () => {
      const { stdout } = await a.cli(['why', answer!])
      return stdout.includes('Filed for') ? stdout : undefined
    })
    assert.match(told, /Not answered: it is from nobody, as a bounce is\./)
    assert.equal((await a.cli(['vacation', 'remove', BOB])).code, 0)
  })

  test('go to one of many mails that come at once by two workers', async () => {
    const subjects = Array.from({ length: 20 }, (_, at) => `burst-${at}`)
    await Promise.all(subjects.map(subject => send('dave@world.test', subject)))
    const told = await Promise.all(subjects.map(answered))
    assert.equal(told.filter(one => one === 'dave@world.test').length, 1)
  })

  test('are not said again after a restart', async () => {
    assert.equal(await a.stop(), 0)
    await a.start()
    await send('carol@world.test', 'after-restart')
    assert.match(await why('after-restart'), /Not answered: its sender has had that answer within 7 days\./)
  })

  for (const [what, from, header, reason] of [
    [
      'lists',
      'erin@world.test',
      'To: alice@example.test\r\nList-Id: <x.test>',
      /it came by a mailing list \(List-Id\)/,
    ],
    ['robots', 'noreply@world.test', 'To: alice@example.test', /name of a robot/],
    ['bounces', '', 'To: alice@example.test', /it is from nobody/],
    ['machines', 'erin@world.test', 'To: alice@example.test\r\nAuto-Submitted: auto-replied', /a machine wrote it/],
    ['who did not write to the owner', 'erin@world.test', 'To: all@world.test', /not addressed to the owner in person/],
  ] as const)
    test(`never go to ${what}`, async () => {
      const id = what.replaceAll(' ', '-')
      const octets = Buffer.from(`${header}\r\nSubject: x\r\nMessage-ID: <${id}@client.test>\r\n\r\nx\r\n`)
      await sendOctets(a.ports.mx, { from, to: [ALICE], octets })
      const told = await why(id)
      assert.match(told, /Filed for alice@example\.test into INBOX\./)
      assert.match(told, reason)
    })

  test('are not given where a filing rule wants none', async () => {
    await a.cli(['filing', 'add', ALICE, 'quiet', '--subject', 'quiet', '--no-answer'])
    await send('frank@world.test', 'quiet-one')
    assert.equal(await answered('quiet-one'), undefined)
    await send('frank@world.test', 'loud-one')
    assert.equal(await answered('loud-one'), 'frank@world.test')
  })

  test('are shown, tried, listed and removed by command', async () => {
    const set = [
      'vacation',
      'set',
      ALICE,
      '--days',
      '3',
      '--start',
      '2020-01-01',
      '--end',
      '2120-01-31',
      '--from',
      'A <alice@example.test>',
    ]
    const { stdout } = await a.cli([...set, '--addresses', 'Sales@example.test', '--json'], 'Away.\n')
    const { by: _, since: __, ...shown } = JSON.parse(stdout) as Record<string, unknown>
    const said = {
      login: ALICE,
      text: 'Away.',
      from: 'A <alice@example.test>',
      addresses: ['sales@example.test'],
      days: 3,
    }
    assert.deepEqual(shown, { ...said, start: '2020-01-01', end: '2120-01-31', holds: true })
    const words = `${ALICE}: vacation answer from 2020-01-01 until 2120-01-31, once in 3 days to each sender: "Away."\n`
    assert.equal((await a.cli(['vacation', 'list'])).stdout, words)
    assert.ok((await a.cli(['vacation', 'show', ALICE])).stdout.startsWith(words))
    assert.match(
      (await a.cli(['address', ALICE])).stdout,
      /\n {2}vacation answer from 2020-01-01 until 2120-01-31, once/,
    )
    const mail = 'Return-Path: <x@y.test>\r\nTo: sales@example.test\r\n\r\n'
    const tried = await a.cli(['vacation', 'try', ALICE], mail)
    assert.deepEqual([tried.code, tried.stdout], [0, 'x@y.test would be answered, unless that was so within 3 days\n'])
    const silent = await a.cli(['vacation', 'try', ALICE, '--sender', 'noreply@y.test'], mail)
    assert.equal(silent.code, 1)
    assert.match(silent.stdout, /^nobody would be answered: noreply@ is the name of a robot/)
    assert.equal((await a.cli(['vacation', 'remove', ALICE])).code, 0)
    assert.equal((await a.cli(['vacation', 'list'])).stdout, 'no account has a vacation answer\n')
    assert.equal((await a.cli(['vacation', 'show', ALICE])).code, 1)
    await send('gina@world.test', 'no-more')
    assert.doesNotMatch(await why('no-more'), /nswered/)
  })

  for (const [what, args, stdin, code, wish] of [
    ['nobody', ['set', 'alise@example.test'], 'x', 1, /did you mean alice@example\.test\?/],
    ['no text', ['set', ALICE], ' \n', 1, /the text of the answer is missing/],
    ['a long text', ['set', ALICE], 'x'.repeat(17_000), 1, /longer than 16 KB/],
    ['a text with controls', ['set', ALICE], 'a\u0007', 1, /control characters/],
    ['too many days', ['set', ALICE, '--days', '366'], 'x', 2, /--days: expected 1 to 365, got "366"/],
    ['no day', ['set', ALICE, '--end', '2026-02-30'], 'x', 2, /--end: expected a day such as 2026-12-24/],
    [
      'an end before its start',
      ['set', ALICE, '--start', '2026-03-02', '--end', '2026-03-01'],
      'x',
      2,
      /--end lies before --start/,
    ],
    [
      'the name of somebody else',
      ['set', ALICE, '--from', 'x@world.test'],
      'x',
      2,
      /world\.test is none of our domains/,
    ],
    ['no mailbox', ['set', ALICE, '--from', 'Alice'], 'x', 2, /--from: expected a mailbox/],
    ['two mailboxes', ['set', ALICE, '--from', 'a@example.test, b@example.test'], 'x', 2, /--from: expected a mailbox/],
    ['a subject of two lines', ['set', ALICE, '--subject', 'a\nBcc: x@y.test'], 'x', 2, /--subject: expected one line/],
    ['no address', ['set', ALICE, '--addresses', 'x'], 'x', 2, /--addresses: "x" is no address/],
    ['what is not there', ['remove', BOB], '', 1, /has no vacation answer/],
  ] as const)
    test(`refuse ${what} by a sentence`, async () => {
      const { code: got, stderr } = await a.cli(['vacation', ...args], stdin)
      assert.match(stderr, wish)
      assert.equal(got, code)
    })
})
