/** Which notices are due, what they carry, and that others can read them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Acceptance, Job, Outcome, QueueRow } from '../../../core/api/index.js'
import type { OwnMessage } from '../../../core/pipeline/intake-types.js'
import { languageOf, WORDS } from '../../../core/queue/dsn-words.js'
import type { Fate } from '../../../core/queue/judgement.js'
import { dueNotices, notices } from '../../../core/queue/notices.js'
import { messageOf } from '../../../core/storage/message.js'
import { quietLog } from '../../../core/testing/index.js'
import { decodeQuotedPrintable } from '../../../core/text/index.js'
import { readBounce } from '../../../plugins/bounces/reader/read.js'
import { runProgram } from '../../harness/programs.js'
import { program } from '../../harness/shared.js'

const NOW = Date.UTC(2026, 10, 21, 12)
const ALICE = { local: 'alice', domain: 'us.test' }

function row(more: Partial<QueueRow> = {}): QueueRow {
  return {
    row: 0,
    to: { local: 'bob', domain: 'them.test' },
    original: { local: 'bob', domain: 'them.test' },
    dsn: { notify: [] },
    target: 'mx',
    lane: 'them.test',
    detail: {},
    prefix: '',
    due: NOW,
    expires: NOW + 1000,
    priority: 0,
    tries: 0,
    leased: true,
    ...more,
  }
}

const REFUSED: Extract<Outcome, { kind: 'failed' }> = {
  kind: 'failed',
  row: 0,
  status: '5.1.1',
  text: 'mx.them.test refused the recipient: 550 5.1.1 no such user',
  remote: 'mx.them.test [192.0.2.1]:25',
  reply: '550 5.1.1 no such user',
}

const failed = (more: Partial<QueueRow> = {}, outcome: Partial<typeof REFUSED> = {}): Fate => ({
  kind: 'failed',
  row: row(more),
  outcome: { ...REFUSED, ...outcome },
  expired: false,
})

function aJob(text: string | Buffer, more: Partial<Job> = {}): Job {
  const bytes = Buffer.from(text)
  return {
    sevenBit: () => Promise.reject(new Error('a notice takes any octet')),
    id: 'q1.1',
    target: 'mx',
    lane: 'them.test',
    sender: ALICE,
    recipients: [],
    received: NOW - 3_600_000,
    utf8: false,
    body: '8BITMIME',
    prefix: '',
    size: bytes.length,
    read: async (from = 0, to = bytes.length) => bytes.subarray(from, to),
    async *chunks() {
      yield bytes
    },
    ...more,
  }
}

const MAIL = 'From: alice@us.test\r\nTo: bob@them.test\r\nSubject: Hi\r\nMessage-ID: <m1@us.test>\r\n\r\nhello\r\n'

/** The notice about this, as it would be sent. */
async function noticeOf(job: Job, fate: Fate): Promise<OwnMessage> {
  const written: OwnMessage[] = []
  const plan = async (message: OwnMessage): Promise<Acceptance | undefined> => {
    written.push(message)
    return undefined
  }
  await notices({ plan, server: 'mail.us.test', postmaster: 'postmaster@us.test' }, job, [fate], NOW, quietLog)
  assert.equal(written.length, 1)
  return written[0]!
}

const textOf = async (job: Job, fate: Fate) => (await noticeOf(job, fate)).bytes.toString()

describe('a bounce', () => {
  test('goes to the sender from nobody, and asks for no report of itself', async () => {
    const { sender, recipient, dsn } = await noticeOf(aJob(MAIL), failed())
    assert.deepEqual({ sender, recipient, dsn }, { sender: null, recipient: ALICE, dsn: { notify: ['never'] } })
  })

  test('is never sent about a bounce, nor where NOTIFY says never', () => {
    assert.equal(dueNotices(aJob(MAIL, { sender: null }), [failed()], NOW).size, 0)
    assert.equal(dueNotices(aJob(MAIL), [failed({ dsn: { notify: ['never'] } })], NOW).size, 0)
    assert.equal(dueNotices(aJob(MAIL), [failed({ dsn: { notify: ['success'] } })], NOW).size, 0)
    assert.equal(dueNotices(aJob(MAIL), [failed()], NOW).size, 1)
  })

  test('is not sent to a stranger whose mail we took for spam; to our own people it is', () => {
    const spam = failed({ quarantine: 'too many points' })
    assert.equal(dueNotices(aJob(MAIL), [spam], NOW).size, 0)
    assert.equal(dueNotices(aJob(MAIL, { submitter: 'authenticated' }), [spam], NOW).size, 1)
  })

  test('stands in the conversation of what it is about', async () => {
    const text = await textOf(aJob(MAIL), failed())
    assert.match(text, /^In-Reply-To: <m1@us\.test>\r\nReferences: <m1@us\.test>\r$/m)
    assert.doesNotMatch(await textOf(aJob(MAIL.replace('<m1@us.test>', '<a b>\r\n\tx')), failed()), /In-Reply-To/)
  })

  test('says of what was never tried no time of an attempt, and in our own words why', async () => {
    const verdict = { status: '5.4.7', text: 'its time was over', expired: true }
    const { remote: _, reply: __, ...bare } = REFUSED
    const fate: Fate = { kind: 'failed', row: row({ verdict }), outcome: { ...bare, ...verdict }, expired: true }
    const text = await textOf(aJob(MAIL), fate)
    assert.doesNotMatch(text, /Last-Attempt-Date/)
    assert.match(text, /^Diagnostic-Code: x-posthouse; its time was over\r$/m)
    const tried: Fate = { ...fate, row: row({ verdict, last: { at: NOW - 60_000, status: '4.4.1', text: 'x' } }) }
    assert.match(await textOf(aJob(MAIL), tried), /Last-Attempt-Date: Sat, 21 Nov 2026 11:59:00/)
  })

  test('of what waited for us at its end tells when the last attempt was, and what was heard then', async () => {
    const outcome: Outcome = { kind: 'deferred', row: 0, status: '4.4.5', text: 'the limit is reached', untried: true }
    const last = { at: NOW - 60_000, status: '4.2.0', text: 'them: 450 not now' }
    const over = (more: Partial<QueueRow>): Fate => ({ kind: 'failed', row: row(more), outcome, expired: true })
    const text = (await textOf(aJob(MAIL), over({ last }))).replace(/\r\n[ \t]+/g, ' ')
    assert.match(text, /Last-Attempt-Date: Sat, 21 Nov 2026 11:59:00/)
    assert.match(
      text,
      /^Diagnostic-Code: x-posthouse; the limit is reached; at the last attempt: them: 450 not now\r$/m,
    )
    assert.doesNotMatch(await textOf(aJob(MAIL), over({})), /Last-Attempt-Date/)
  })
})

describe('what goes back', () => {
  const sized = (bytes: number, ret?: 'FULL' | 'HDRS') =>
    textOf(aJob(MAIL + 'x'.repeat(bytes), ret === undefined ? {} : { ret }), failed())

  for (const [name, bytes, ret, type] of [
    ['a small message, whole', 1000, undefined, 'message/rfc822'],
    ['its header where HDRS asks for that', 1000, 'HDRS', 'text/rfc822-headers'],
    ['the header of a larger one', 100_000, undefined, 'text/rfc822-headers'],
    ['a larger one whole where FULL asks for that', 100_000, 'FULL', 'message/rfc822'],
    ['the header of a huge one, whatever is asked', 2_000_000, 'FULL', 'text/rfc822-headers'],
  ] as const) {
    test(name, async () => {
      const text = await sized(bytes, ret)
      assert.match(text, new RegExp(`^Content-Type: ${type}\\r$`, 'm'))
      assert.equal(text.includes('hello'), type === 'message/rfc822')
    })
  }
})

describe('an international message', () => {
  const mail =
    'From: alice@us.test\r\nTo: jürgen@them.test\r\nSubject: Grüße\r\nMessage-ID: <m1@us.test>\r\n\r\nhello\r\n'
  const fate = failed({
    original: { local: 'jürgen', domain: 'them.test' },
    dsn: { notify: [], orcpt: 'utf-8;j\\x{FC}rgen@them.test' },
  })

  test('goes back in 7 bits, so that a way without SMTPUTF8 will do', async () => {
    const { bytes, utf8 } = await noticeOf(aJob(mail, { utf8: true }), fate)
    assert.match(bytes.toString('latin1'), /^[\x00-\x7f]*$/)
    assert.equal(utf8, false)
    assert.match(
      bytes.toString(),
      /^Content-Type: message\/global-delivery-status\r\n.*\r\nContent-Transfer-Encoding: quoted-printable\r$/m,
    )
  })

  test('goes to an international sender as international mail', async () => {
    const sender = { local: 'älice', domain: 'us.test' }
    assert.equal((await noticeOf(aJob(mail, { utf8: true, sender }), fate)).utf8, true)
  })

  test('is understood by our own reader', async () => {
    const { bytes } = await noticeOf(aJob(mail, { utf8: true }), fate)
    const reading = readBounce(bytes, { nullSender: true })
    assert.ok(reading.kind === 'bounce')
    assert.equal(reading.recipients[0]?.address, 'jürgen@them.test')
    assert.equal(reading.recipients[0]?.original, 'jürgen@them.test')
    assert.equal(reading.returned?.subject, 'Grüße')
  })
})

describe('the words', () => {
  const inLanguage = (field: string) => languageOf(messageOf(Buffer.from(`${field}\r\n\r\n`)).header)
  for (const [field, language] of [
    ['Content-Language: de-DE', 'de'],
    ['Accept-Language: it, fr;q=0.5, en', 'fr'],
    ['Content-Language: en-US', 'en'],
    ['Content-Language: deutsch', 'en'],
    ['Subject: x', 'en'],
  ] as const) {
    test(`for "${field}" are ${language}`, () => assert.equal(inLanguage(field), language))
  }

  test('are those of the sender', async () => {
    const text = await textOf(aJob(`Content-Language: de\r\n${MAIL}`), failed())
    assert.match(text, /^Content-Language: de\r$/m)
    const body = decodeQuotedPrintable(Buffer.from(text)).toString()
    assert.match(body, /konnte den Empfängern unten nicht zugestellt werden/)
    assert.match(body, /Der andere Server sagte:\r\n {4}550 5\.1\.1 no such user/)
  })

  test('are short enough for a line', () => {
    for (const { openings } of Object.values(WORDS))
      for (const line of Object.values(openings).flat()) assert.ok(line.length <= 110, line)
  })
})

const python = program('python3')
const PARSE = `
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(mail.iter_parts())
status = parts[1]
groups = [dict(g.items()) for g in status.get_payload()] if status.get_content_type() == "message/delivery-status" else None
print(json.dumps({
  "type": mail.get_content_type(), "report": mail["content-type"].params["report-type"],
  "parts": [p.get_content_type() for p in parts],
  "defects": [str(d) for p in mail.walk() for d in p.defects],
  "text": parts[0].get_content(), "groups": groups,
  "returned": parts[2].get_content()["message-id"] if parts[2].get_content_type() == "message/rfc822" else None,
}))
`

test("Python's email package reads it without a defect", {
  skip: python === undefined ? 'no python3' : false,
}, async () => {
  const job = aJob(`Content-Language: fr\r\n${MAIL}`, { envid: 'e+2B1' })
  const { bytes } = await noticeOf(job, failed({ dsn: { notify: [], orcpt: 'rfc822;Bob+2B1@them.test' } }))
  const { stdout } = await runProgram(python!, ['-c', PARSE], { stdin: bytes })
  const read = JSON.parse(stdout) as Record<string, unknown> & { groups: readonly Record<string, string>[] }
  assert.equal(read.type, 'multipart/report')
  assert.equal(read.report, 'delivery-status')
  assert.deepEqual(read.parts, ['text/plain', 'message/delivery-status', 'message/rfc822'])
  assert.deepEqual(read.defects, [])
  assert.match(String(read.text), /n'a pas pu être remis/)
  assert.equal(read.groups[0]!['Original-Envelope-Id'], 'e+1')
  assert.equal(read.groups[1]!['Original-Recipient'], 'rfc822; Bob+1@them.test')
  assert.equal(read.groups[1]!['Diagnostic-Code'], 'smtp; 550 5.1.1 no such user')
  assert.equal(read.returned, '<m1@us.test>')
})
