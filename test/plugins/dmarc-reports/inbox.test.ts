/** Reports about mail in our name: what is kept, what is refused, and what the commands make of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Asked, AuthFacts, Decided, MailAuth, Outcome } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aServer, aSession } from '../../../core/testing/asked.js'
import { aCall, aContext, noDns, servicesOf } from '../../../core/testing/context.js'
import dmarcReports from '../../../plugins/dmarc-reports/index.js'
import { recordOf as keyRecordOf, rsaKey, type SignWish, signed } from '../../harness/signed-mail.js'
import { zipOf } from '../../harness/zip.js'
import { makeJob } from '../mx/rig.js'
import { aJudged, mailWith, recordOf, xmlOf } from './made.js'

const DAY_MS = 86_400_000

async function makeInbox(
  more: { readonly unsigned?: 'keep' | 'refuse'; readonly also?: readonly string[]; readonly found?: AuthFacts } = {},
  records?: Readonly<Record<string, readonly string[]>>,
) {
  const { unsigned = 'keep', also = [], found } = more
  const time = { now: Date.parse('2026-11-21T12:00:00Z') }
  const server = { ...aServer(), name: 'mail.us.test', domains: new Set(['us.test']), relayDomains: new Set<string>() }
  const mailAuth: MailAuth = { found: async () => found }
  const context = aContext(
    { ...{ send: false, spread: '4h', shortest: '1d', receive: ['RUA@us.test'], keep: '60d' }, unsigned, also },
    {
      server,
      dns: { ...noDns, configured: records !== undefined, txt: async name => records?.[name] ?? [] },
      clock: { now: () => time.now },
      services: servicesOf({ 'mail-auth': mailAuth }),
    },
  )
  const { targets, hooks, commands, dispose } = await dmarcReports.setup(context)
  const target = targets?.['dmarc-reports']
  assert.ok(target !== undefined)
  return {
    time,
    hooks,
    dispose,
    async take(bytes: Buffer): Promise<Outcome> {
      const job = makeJob(['rua@us.test'], { bytes, detail: { from: 'a@them.test', own: 'no' } })
      const [outcome, ...others] = await target.deliver(job, aCall())
      assert.ok(outcome !== undefined && others.length === 0)
      return outcome
    },
    async say(name: string, args: readonly string[] = [], { json = false, options = {} } = {}) {
      const command = commands?.find(one => one.name === `dmarc-reports ${name}`)
      assert.ok(command !== undefined)
      const lines: string[] = []
      const print = (line: string) => void lines.push(line)
      await command.run({ args, options, json, print, warn: print, stdin: async () => '' })
      return lines.join('\n')
    },
  }
}

const GOOD = { source: '198.51.100.1', count: '40', disposition: 'none', dkim: 'pass', spf: 'fail' }

describe('a report that comes in', () => {
  test('is kept, and shown by day, domain and reporter, with all rows', async () => {
    const { take, say } = await makeInbox()
    await take(mailWith(xmlOf({ records: recordOf(GOOD) + recordOf({}) })))
    assert.equal(await say('ls'), '2026-11-20  us.test  40 passed, 3 failed  by Them, not signed')
    assert.equal(
      await say('show', ['US.test']),
      '2026-11-20  40 passed, 3 failed\n  by Them, not signed (dmarc@them.test), report r1\n  policy: p=reject\n' +
        '  40 × 198.51.100.1  From us.test  dkim pass, spf fail, none\n      signed: evil.test s1 pass; SPF: evil.test pass\n' +
        '  3 × 192.0.2.1  From us.test  dkim fail, spf fail, reject\n      signed: evil.test s1 pass; SPF: evil.test pass',
    )
    await assert.rejects(say('show', ['x.test']), /no report speaks of x\.test/)
    const [shown] = JSON.parse(await say('ls', [], { json: true })) as { sums: object; by: { sender: string } }[]
    assert.deepEqual([shown?.sums, shown?.by.sender], [{ rows: 2, messages: 43, passed: 40 }, 'a@them.test'])
  })

  test('adds to the table of who sends in our name: those that fail most stand first', async () => {
    const { take, say } = await makeInbox()
    await take(mailWith(xmlOf({ records: recordOf(GOOD) + recordOf({}) })))
    await take(mailWith(xmlOf({ id: 'r2', organization: 'Others', records: recordOf({ disposition: 'none' }) })))
    await take(mailWith(xmlOf({ id: 'r3', domain: 'sub.us.test' })))
    assert.equal(
      await say('sources'),
      'sub.us.test\n  192.0.2.1  0 passed, 3 failed  (dkim 0, spf 0)  reject 3  as evil.test\n' +
        'us.test\n  192.0.2.1  0 passed, 6 failed  (dkim 0, spf 0)  reject 3, none 3  as evil.test\n' +
        '  198.51.100.1  40 passed, 0 failed  (dkim 40, spf 0)  none 40  as evil.test',
    )
    const json = JSON.parse(await say('sources', ['us.test'], { json: true })) as { reporters: string[] }[]
    assert.deepEqual(json.map(({ reporters }) => reporters), [['Them', 'Others'], ['Them']]) // biome-ignore format: short
  })

  test('is left out of what was asked for the last days', async () => {
    const { take, say, time } = await makeInbox()
    await take(mailWith(xmlOf({})))
    time.now += 5 * DAY_MS
    assert.equal(await say('ls', [], { options: { days: '2' } }), 'no report has come in')
    assert.match(await say('ls', [], { options: { days: '9' } }), /us\.test/)
    await assert.rejects(say('ls', [], { options: { days: 'x' } }), /number of days/)
  })

  for (const [what, mail] of [
    ['gzip', mailWith(xmlOf({}))],
    ['zip', mailWith(zipOf([['r.xml', Buffer.from(xmlOf({}))]]), { type: 'application/zip' })],
    ['zip that is called gzip', mailWith(zipOf([['r.xml', Buffer.from(xmlOf({}))]]))],
    ['plain XML', mailWith(Buffer.from(xmlOf({})), { type: 'text/xml' })],
    ['a file that only its name tells of', mailWith(xmlOf({}), { type: 'application/octet-stream; name="r.XML.gz"' })],
  ] as const)
    test(`as ${what} is read`, async () => {
      const { take } = await makeInbox()
      assert.equal((await take(mail)).kind, 'delivered')
    })

  test('twice is kept once, of another domain beside it', async () => {
    const { take, say } = await makeInbox()
    for (const domain of ['us.test', 'us.test', 'a.us.test']) await take(mailWith(xmlOf({ domain })))
    assert.equal((await say('ls')).split('\n').length, 2)
  })

  test('under the id of another reporter is kept beside theirs', async () => {
    const { take, say } = await makeInbox()
    for (const from of ['a@them.test', 'a@other.test']) await take(mailWith(xmlOf({}), { from }))
    assert.equal((await say('ls')).split('\n').length, 2)
  })

  test('is put off when its sender has filled much room that day, and those of others are taken', async () => {
    const { take, time } = await makeInbox()
    const large = (id: string) => {
      const comment = `<reason><type>other</type><comment>${'x'.repeat(199)}</comment></reason>`.repeat(5)
      const records = Array.from({ length: 500 }, (_, i) =>
        recordOf({ source: `192.0.${i >> 8}.${i & 255}`, more: comment }),
      )
      return mailWith(xmlOf({ id, records: records.join('') }), { from: 'a@greedy.test' })
    }
    const kinds: string[] = []
    while (kinds.length < 50 && kinds.at(-1) !== 'deferred') kinds.push((await take(large(`r${kinds.length}`))).kind)
    assert.ok(kinds.length > 5 && kinds.at(-1) === 'deferred', kinds.join(' '))
    assert.equal((await take(mailWith(xmlOf({})))).kind, 'delivered')
    time.now += DAY_MS
    assert.equal((await take(large('next'))).kind, 'delivered')
  })

  test('may speak of a domain that config names', async () => {
    const mail = mailWith(xmlOf({ domain: 'far.test' }))
    assert.equal((await (await makeInbox()).take(mail)).kind, 'failed')
    assert.equal((await (await makeInbox({ also: ['far.test'] })).take(mail)).kind, 'delivered')
  })
})

describe('refused is what', () => {
  const plain = (xml: string) => mailWith(Buffer.from(xml), { type: 'text/xml' })
  const BOMB = gzipSync(Buffer.from(`<feedback>${' '.repeat(20_000_000)}`))
  for (const [what, bytes, why] of [
    ['is no report', Buffer.from('From: a@them.test\r\n\r\nhello\r\n'), /there is no report in it/],
    ['is inside a message inside', Buffer.from(`From: a@them.test\r\nContent-Type: message/rfc822; name="r.xml"\r\n\r\n${mailWith(xmlOf({}))}`), /there is no report in it/],
    ['is no XML', mailWith('hello'), /it is not XML/],
    ['is another XML', mailWith('<html><p>x</p></html>'), /no feedback in it/],
    ['ends in the middle', mailWith(xmlOf({}).slice(0, -20)), /ends in the middle/],
    ['is a bomb', mailWith(BOMB), /too large when unpacked/],
    ['is a bomb within zip', mailWith(zipOf([['r.xml', Buffer.alloc(9_000_000, ' ')]])), /too large when unpacked/],
    ['declares entities', mailWith(`<!DOCTYPE x [<!ENTITY a "${'b'.repeat(99)}">]>${xmlOf({})}`), /declares a type of its own/],
    ['is nested without end', mailWith(`<feedback>${'<a>'.repeat(999)}`), /nested too deep/],
    ['has very many elements', plain(`<feedback>${'<a/>'.repeat(300_000)}</feedback>`), /too many elements/],
    ['has very many records', plain(xmlOf({ records: recordOf({}).repeat(10_001) })), /more than 10000 records/],
    ['has tags that do not match', mailWith('<feedback><a></b></feedback>'), /tags do not match/],
    ['is of very many brackets', mailWith(`<feedback>${'< '.repeat(5000)}`), /hardly XML/],
    ['has no policy', mailWith(xmlOf({ published: '<p>none</p>' })), /speaks of no domain/],
    ['has no record', mailWith(xmlOf({ records: '' })), /no record that can be read/],
    ['has no address', mailWith(xmlOf({ records: recordOf({ source: 'somewhere' }) })), /no record that can be read/],
    ['counts less than nothing', mailWith(xmlOf({ records: recordOf({ count: '-1' }) })), /no record that can be read/],
    ['ends before it begins', mailWith(xmlOf({ begin: 2000, end: 1000 })), /ends before it begins/],
    ['is about days to come', mailWith(xmlOf({ end: 1_900_000_000 })), /days to come/],
    ['has no id', mailWith(xmlOf({ id: '' })), /report_id is missing/],
    ['speaks of somebody else', mailWith(xmlOf({ domain: 'them.test' })), /not about a domain of ours/],
    ['speaks of a name that ends like ours', mailWith(xmlOf({ domain: 'notus.test' })), /not about a domain of ours/],
    ['has nobody in From', mailWith(xmlOf({}), { from: 'them' }), /From does not say/],
  ] as const)
    test(what, async () => {
      const { take, say } = await makeInbox()
      const outcome = await take(bytes)
      assert.ok(outcome.kind === 'failed' && outcome.status === '5.6.0', JSON.stringify(outcome))
      assert.match(outcome.text, why)
      assert.equal(await say('ls'), 'no report has come in')
    }) // biome-ignore format: a table
})

describe('a report is taken from', () => {
  const [key, short] = [rsaKey(), rsaKey(768)]
  const plain = mailWith(xmlOf({}))
  // The last octet of `à` in UTF-8 is a space in Latin-1.
  const accented = Buffer.concat([Buffer.from('Comments: voil\u00e0\r\n'), plain])
  const zone = Object.fromEntries([
    ...['them.test', 'notification.them.test', 'other.test'].map(name => [`s1._domainkey.${name}`, [keyRecordOf(key)]]),
    ['short._domainkey.them.test', [keyRecordOf(short)]],
    ['tls._domainkey.them.test', [`${keyRecordOf(key)}; s=tlsrpt`]],
  ]) as Readonly<Record<string, readonly string[]>>
  const by = (domain: string, more: Partial<SignWish> = {}, mail = plain) => signed(mail, { key, domain, ...more })
  const more = (mail: Buffer) => Buffer.concat([mail, Buffer.from('more\r\n')])

  for (const [what, mail, wanted] of [
    ['whoever signs as From', by('them.test'), 'delivered'],
    ['whoever signs as a name below it', by('notification.them.test'), 'delivered'],
    ['whoever signs fields of raw octets', by('them.test', { names: ['From', 'Comments'] }, accented), 'delivered'],
    ['nobody else', by('other.test'), 'failed'],
    ['nobody with a short key', by('them.test', { key: short, selector: 'short' }), 'failed'],
    ['nobody with a key for other reports', by('them.test', { selector: 'tls' }), 'failed'],
    ['nobody whose signature has had its time', by('them.test', { tags: 'x=1700000000; ' }), 'failed'],
    ['nobody who signed the beginning alone', by('them.test', { tags: 'l=0; ' }).then(more), 'failed'],
    ['nobody without a signature', Promise.resolve(plain), 'failed'],
  ] as const)
    test(what, async () => {
      const { take } = await makeInbox({ unsigned: 'refuse' }, zone)
      assert.equal((await take(await mail)).kind, wanted)
    })
})

describe('mail from elsewhere', () => {
  const asked = (subject: string, to: string, kind: Decided['kind'] = 'accepted'): Asked['decided'] => ({
    session: aSession({ remote: { address: '192.0.2.9', port: 1 } }),
    envelope: anEnvelope({ recipients: [{ address: { local: to, domain: 'us.test' }, dsn: { notify: [] } }] }),
    message: aMessage(`From: a@them.test\nSubject: ${subject}\n\nx\n`),
    verdict: { findings: [], sum: 0 },
    results: [{ recipient: { address: { local: to, domain: 'us.test' }, dsn: { notify: [] } }, kind }],
  })

  test('is counted, and shown as it will be reported', async () => {
    const { hooks, dispose, say } = await makeInbox({ found: aJudged().facts })
    for (const subject of ['hello', 'hello', 'Report Domain: us.test Submitter: them.test'])
      await hooks?.decided?.(asked(subject, 'bob'), aCall())
    await hooks?.decided?.(asked('hello', 'rua'), aCall())
    await dispose?.()
    assert.match(await say('pending'), /^2026-11-21T00\+24 {2}them\.test {2}p=reject {2}to mailto:rua@them\.test\n/)
    assert.match(
      await say('pending'),
      /\n {2}2 × .*\n {6}signed: list\.test s1 pass; SPF: bounce\.them\.test fail; a report itself(?:\n|$)/,
    )
    const [{ policies }] = JSON.parse(await say('pending', ['them.test'], { json: true })) as [
      { policies: { rows: { count: number; report?: true }[] }[] },
    ]
    assert.deepEqual(policies[0]?.rows.map(({ count, report = false }) => [count, report]).sort(), [[2, false], [2, true]]) // biome-ignore format: short
    assert.equal(await say('pending', ['x.test']), 'nothing has been counted')
  })

  test('that is put off is counted when it has come again', async () => {
    const { hooks, dispose, say } = await makeInbox({ found: aJudged().facts })
    for (const kind of ['deferred', 'accepted', 'refused'] as const)
      await hooks?.decided?.(asked('hello', 'bob', kind), aCall())
    await dispose?.()
    assert.match(await say('pending'), /\n {2}2 × /)
  })

  test('that nobody has judged is not', async () => {
    const { hooks, dispose, say } = await makeInbox()
    await hooks?.decided?.(asked('hello', 'bob'), aCall())
    await dispose?.()
    assert.equal(await say('pending'), 'nothing has been counted')
  })
})

test('to send reports without a sender is a fault of the config', () => {
  const config = {
    send: true,
    spread: '4h',
    shortest: '1d',
    receive: [],
    also: [],
    keep: '60d',
    unsigned: 'keep',
  } as const
  assert.throws(() => dmarcReports.setup(aContext(config)), /reports need a sender/)
})
