/** The rules that come with Posthouse: every example is classed by its own rule, and real bounces by words rather than by codes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { classify } from '../../../core/replies/classify.js'
import { readReplyRules } from '../../../core/replies/read.js'
import { dataDir } from '../../harness/data.js'

const shipped = await readReplyRules(filesIn('/nonexistent'), undefined, true)

test('the shipped rules have no fault, and each has an example that comes to it', () => {
  assert.deepEqual(shipped.faults, [])
  const shown = new Set(shipped.examples.map(({ rule }) => rule.name))
  assert.deepEqual(
    shipped.rules.map(({ name }) => name).filter(name => !shown.has(name)),
    [],
  )
  assert.ok(shipped.rules.length > 150)
})

for (const [text, wanted] of [
  ['550 5.1.1 <spam-blocked@example.org>: Recipient address rejected: User unknown', 'no-such-user'],
  ['550 antispam.example.net user unknown', 'no-such-user'],
  ['421 relay3.example.net Service not available', 'system'],
  ['550-5.7.26 Unauthenticated email from 550-5.7.26 example.org is not accepted', 'unauthenticated'],
  ['452 4.2.2 Mailbox full, greylisting is off', 'greylisted'],
  ['451 4.7.1 Greylisted, please come back in 5 minutes', 'greylisted'],
  ['550 5.2.2 over quota', 'mailbox-full'],
  ['554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'blocked'],
  ['250 2.1.5 Ok', 'unclassed'],
  ['', 'unclassed'],
] as const) {
  test(`"${text}" is ${wanted}`, () => assert.equal(classify(shipped.rules, { text }).class, wanted))
}

for (const [text, retryAfter] of [
  ['450 4.2.1 The recipient has exceeded their message rate limit. Try again later. 1700000000-AbCdEf', true],
  ['432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded', true],
  ['432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded', true],
  ['550 Recipient frequency limited. https://service.mail.qq.com/detail/0/1', true],
  ['550 Sender frequency limited [AbCd IP: 192.0.2.9]. https://service.mail.qq.com/detail/0/1', true],
  ['550 Domain frequency limited [AbCd IP: 192.0.2.9]. https://service.mail.qq.com/detail/0/1', true],
  ['550 Mail content denied [AbCd IP: 192.0.2.9]. https://service.mail.qq.com/detail/0/2', false],
  ['550 Domain is blocked. https://service.mail.qq.com/detail/0/3', false],
  ['451 Ratelimit exceeded for mailbox nobody@mail.example. Try again later.', true],
  [
    '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain [example.org 35]. - gsmtp',
    true,
  ],
  [
    '421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your DKIM domain. - gsmtp',
    true,
  ],
  [
    '550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [AbCd]',
    false,
  ],
  ['550 Rejected by header based Anti-Spoofing policy: a@example.org - https://community.mimecast.com [AbCd]', false],
  ['550 5.1.0 <news@example.org> sender rejected. Refer to Error Codes section AUP#CXSND', false],
  ['553-Message filtered. You are trying to use me [server-4.tower-161.messagelabs.example] as a relay', false],
] as const) {
  test(`"${text.slice(0, 60)}", which is about one of many, does not stop mail for the others`, () => {
    const { action, general } = classify(shipped.rules, { text })
    assert.deepEqual([action?.suspendMs, action?.retryAfterMs !== undefined, general], [undefined, retryAfter, false])
  })
}

for (const text of [
  '451 4.7.500 Server busy. Please try again later from [192.0.2.25]. (S77719)',
  '550 Ip frequency limited [AbCdEf IP: 192.0.2.9]. https://service.mail.qq.com/detail/0/725',
  '550 Suspected spam ip. http://service.mail.qq.com/cgi-bin/help?subtype=1&no=1000726',
  '421 4.7.0 too many connections, please try later yandex',
  '451 Ratelimit exceeded. Too many messages from your IP. mail.ru',
  '421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address. gsmtp',
  '554 Host network not allowed - https://community.mimecast.com/docs/DOC-1369#554 [AbCd]',
  '550 5.1.0 <news@example.org> sender rejected. Refer to Error Codes section AUP#CDRBL',
]) {
  test(`"${text.slice(0, 60)}", which is about us, stops mail for all`, () => {
    assert.ok(classify(shipped.rules, { text }).action?.suspendMs !== undefined)
  })
}

test('what is said of the recipient differs from what is said of the message', () => {
  const of = (stage: 'rcpt' | 'end') => classify(shipped.rules, { text: '552 no', stage }).class
  assert.deepEqual([of('rcpt'), of('end')], ['mailbox-full', 'too-big'])
})

test('a reply made to be slow is classed as quickly as any other', () => {
  const evil = `550 5.7.1 ${'too many spam quota exceeded mailbox '.repeat(2000)}`
  const began = process.cpuUsage()
  for (let i = 0; i < 20; i++) classify(shipped.rules, { text: evil })
  const { user, system } = process.cpuUsage(began)
  assert.ok(user + system < 4_000_000, `${(user + system) / 1000} ms of processor time`)
})

const bounces = dataDir('mime')

test('nine in ten of the diagnostic codes in real bounces are known by their words', {
  skip: bounces === undefined && 'needs shared/data',
}, () => {
  const found = diagnostics(join(bounces!, 'sisimai-bounces/maildir/bsd'))
  const counts = { words: 0, codes: 0, unclassed: 0 }
  for (const text of found) {
    const { class: meant, general } = classify(shipped.rules, { text })
    counts[meant === 'unclassed' ? 'unclassed' : general ? 'codes' : 'words'] += 1
  }
  assert.ok(found.size > 200, `only ${found.size} found`)
  assert.ok(counts.words / found.size > 0.9, JSON.stringify(counts))
})

/** As the bounces have them, each once. */
function diagnostics(folder: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'latin1').replace(/\r?\n[ \t]+/g, ' ')
    for (const [, said = ''] of text.matchAll(/^Diagnostic-Code: *[\w-]+ *; *(\S.{4,})$/gim)) found.add(said.trim())
  }
  return found
}
