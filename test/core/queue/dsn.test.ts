/**
 * Notifications, read back with somebody else's MIME parser.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { simpleParser } from 'mailparser'
import { buildDsn, type DsnFacts, type DsnRecipient } from '../../../core/queue/dsn.js'
import { decodeTransfer, scanMime } from '../../../core/text/index.js'

const RECEIVED = Date.UTC(2026, 10, 20, 12)
const NOW = Date.UTC(2026, 10, 21, 12)

const REFUSED: DsnRecipient = {
  address: 'nobody@them.test',
  orcpt: 'rfc822;No+2Bbody@them.test',
  action: 'failed',
  status: '5.1.1',
  text: 'mx.them.test [192.0.2.1]:25 refused the recipient: 550 5.1.1 no such user',
  remote: 'mx.them.test [192.0.2.1]:25',
  reply: '550 5.1.1 no such user',
  lastAttempt: NOW,
}

function facts(more: Partial<DsnFacts> = {}): DsnFacts {
  return {
    id: '0123456789abcdef.1',
    server: 'us.test',
    postmaster: 'postmaster@us.test',
    language: 'en',
    queueId: 'q1.1',
    sender: 'a@us.test',
    received: RECEIVED,
    now: NOW,
    recipients: [REFUSED],
    original: { kind: 'header', bytes: Buffer.from('From: a@us.test\r\nSubject: Hi\r\n') },
    utf8: false,
    ...more,
  }
}

/** The parts of the report by type, with their raw content. */
function partsOf(bytes: Buffer): Map<string, string> {
  const { root, broken } = scanMime(bytes)
  assert.deepEqual(broken, [])
  return new Map(
    root.children.map(part => [
      `${part.type}/${part.subtype}`.toLowerCase(),
      decodeTransfer(bytes.subarray(part.start, part.end), part.encoding).toString(),
    ]),
  )
}

/** RFC 3464 §2.1: groups of fields, with an empty line between. */
function groupsOf(status: string): Map<string, string>[] {
  return status
    .trim()
    .split('\r\n\r\n')
    .map(
      group =>
        new Map(
          group
            .replace(/\r\n +/g, ' ')
            .split('\r\n')
            .map(line => [line.split(': ')[0]!, line.slice(line.indexOf(': ') + 2)]),
        ),
    )
}

describe('a bounce', () => {
  test('is a report of three parts, from somebody people can answer to, that no robot answers', async () => {
    const mail = await simpleParser(buildDsn(facts()))
    assert.equal(mail.from?.value[0]?.address, 'postmaster@us.test')
    assert.equal(mail.to !== undefined && !Array.isArray(mail.to) ? mail.to.value[0]?.address : '', 'a@us.test')
    assert.equal(mail.headers.get('auto-submitted'), 'auto-replied')
    assert.equal(mail.messageId, '<0123456789abcdef.1@us.test>')
    assert.equal(mail.date?.getTime(), NOW)
    const type = mail.headers.get('content-type') as { value: string; params: Record<string, string> }
    assert.equal(type.value, 'multipart/report')
    assert.equal(type.params['report-type'], 'delivery-status')
    assert.deepEqual(
      [...partsOf(buildDsn(facts())).keys()],
      ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
    )
  })

  test('tells programs who, what and why', () => {
    const groups = groupsOf(partsOf(buildDsn(facts({ envid: 'e+2B1' }))).get('message/delivery-status')!)
    assert.deepEqual(Object.fromEntries(groups[0]!), {
      'Original-Envelope-Id': 'e+1',
      'Reporting-MTA': 'dns; us.test',
      'X-Posthouse-Queue-Id': 'q1.1',
      'Arrival-Date': 'Fri, 20 Nov 2026 12:00:00 +0000',
    })
    assert.deepEqual(Object.fromEntries(groups[1]!), {
      'Original-Recipient': 'rfc822; No+body@them.test',
      'Final-Recipient': 'rfc822; nobody@them.test',
      Action: 'failed',
      Status: '5.1.1',
      'Remote-MTA': 'dns; mx.them.test',
      'Diagnostic-Code': 'smtp; 550 5.1.1 no such user',
      'Last-Attempt-Date': 'Sat, 21 Nov 2026 12:00:00 +0000',
    })
  })

  test('tells people the same in words, with what to do', () => {
    const text = partsOf(buildDsn(facts())).get('text/plain')!
    assert.match(text, /could not be delivered/)
    assert.match(text, /<nobody@them.test>/)
    assert.match(text, /refused the recipient\r\n {4}The other server said:\r\n {4}550 5\.1\.1 no such user\r\n/)
    assert.match(text, /check the spelling/)
    assert.match(text, /quote q1\.1/)
  })

  test('has a group for each recipient', () => {
    const other = { ...REFUSED, address: 'other@them.test', status: '4.4.1', expired: true, text: 'nobody answers' }
    const parts = partsOf(buildDsn(facts({ recipients: [REFUSED, other] })))
    assert.equal(groupsOf(parts.get('message/delivery-status')!).length, 3)
    assert.match(parts.get('text/plain')!, /tried for 1d; the last attempt/)
  })

  test('returns the whole message unchanged', () => {
    const bytes = Buffer.from('From: a@us.test\r\n\r\n--x\r\nb\xffdy without line end', 'latin1')
    const dsn = buildDsn(facts({ original: { kind: 'message', bytes } }))
    const { root } = scanMime(dsn)
    const part = root.children[2]!
    assert.equal(`${part.type}/${part.subtype}`.toLowerCase(), 'message/rfc822')
    assert.ok(dsn.subarray(part.start, part.end).equals(bytes))
    assert.match(dsn.toString('latin1'), /^Content-Transfer-Encoding: 8bit\r$/m)
  })

  test('cannot be bent by what a peer says', () => {
    const hostile = {
      ...REFUSED,
      reply: `550 x\r\nInjected: yes\r\n\r\n--=_0123456789abcdef.1\r\n${'y'.repeat(5000)}`,
      text: 'no\r\n\r\n--=_0123456789abcdef.1\r\nContent-Type: text/html\r\n',
    }
    const dsn = buildDsn(facts({ recipients: [hostile] }))
    assert.deepEqual([...partsOf(dsn).keys()], ['text/plain', 'message/delivery-status', 'text/rfc822-headers'])
    assert.doesNotMatch(dsn.toString(), /^Injected/m)
    assert.ok(
      dsn
        .toString('latin1')
        .split('\r\n')
        .every(line => line.length <= 998),
    )
  })

  test('keeps to ASCII in the status unless the message was SMTPUTF8', () => {
    const foreign = {
      ...REFUSED,
      address: 'jürgen@them.test',
      orcpt: 'utf-8;jürgen@them.test',
      reply: '550 unbekannt: jürgen',
    }
    const ascii = partsOf(buildDsn(facts({ recipients: [foreign] }))).get('message/delivery-status')!
    assert.match(ascii, /^[\x00-\x7f]*$/)
    const plain = partsOf(buildDsn(facts({ recipients: [foreign] }))).get('message/delivery-status')!
    assert.match(plain, /Final-Recipient: utf-8; j\\x\{FC\}rgen@them\.test/)
    assert.match(plain, /Original-Recipient: utf-8; j\\x\{FC\}rgen@them\.test/)
    const global = partsOf(buildDsn(facts({ recipients: [foreign], utf8: true })))
    assert.match(global.get('message/global-delivery-status')!, /Original-Recipient: utf-8; jürgen@them.test/)
    assert.deepEqual([...global.keys()], ['text/plain', 'message/global-delivery-status', 'message/global-headers'])
    assert.match(global.get('message/global-delivery-status')!, /Final-Recipient: utf-8; jürgen@them.test/)
  })
})

test('a warning says that it is one, and until when we try', () => {
  const late: DsnRecipient = {
    ...REFUSED,
    action: 'delayed',
    status: '4.4.1',
    text: 'nobody answers',
    until: NOW + 86_400_000,
  }
  const parts = partsOf(buildDsn(facts({ recipients: [late] })))
  assert.match(parts.get('text/plain')!, /still being tried/)
  assert.match(parts.get('message/delivery-status')!, /Will-Retry-Until: Sun, 22 Nov 2026 12:00:00 \+0000/)
  assert.match(parts.get('message/delivery-status')!, /Action: delayed/)
})
