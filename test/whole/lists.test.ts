/**
 * Lists of domains, links and mail addresses in a whole server, seen from outside: header fields, trail, log lines and commands. The client
 * says by XCLIENT who it is; the name service is ours.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { parseScripts, runScript } from '../harness/conversation.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { Instance } from '../harness/instance.js'
import { edKey, recordOf, signed } from '../harness/signed-mail.js'

const PASSWORD = 'correct horse'
const BOX = createHash('sha1').update('drop@gmail.com').digest('hex')

// Words that nothing but lists has anything against.
const MAIL = `From: Me <me@from.test>
Date: Sat, 21 Nov 2026 21:00:00 +0000
List-Unsubscribe: <https://out.track.test/u>
Subject: hello
Message-ID: <1@from.test>

Thanks for the notes on Monday, Ben. The minutes are at https://www.evil.test/x and
https://fine.test/ and https://mail.example.test/ has the photos. About the boat, please
write to d.rop+7@googlemail.com, he has the keys.`

const KEY = edKey()

/** Signed by its domain; its lines. */
async function mail(): Promise<readonly string[]> {
  const octets = await signed(Buffer.from(`${MAIL}\n`.replace(/\n/g, '\r\n')), { key: KEY, domain: 'from.test' })
  return octets.toString().trimEnd().split('\r\n')
}

describe('lists in a whole server', () => {
  let dns: DnsServer
  let instance: Instance
  before(async () => {
    dns = await startDnsServer({
      'test.uri.test': { a: ['127.0.0.2'] },
      'evil.test.uri.test': { a: ['127.0.0.72'], txt: ['see https://uri.test/evil.test'] },
      [`${BOX}.mail.test`]: { a: ['127.0.0.2'] },
      'test.refusing.test': { a: ['127.0.0.2'] },
      'evil.test.refusing.test': { a: ['127.255.255.254'] },
      'test.good.test': { a: ['127.0.0.2'] },
      'from.test.good.test': { a: ['127.0.5.2'] },
      's1._domainkey.from.test': { txt: [recordOf(KEY)] },
      // Not a list: it has everything.
      'test.all.test': { a: ['127.0.0.2'] },
      'invalid.all.test': { a: ['127.0.0.2'] },
      'evil.test.all.test': { a: ['127.0.0.2'] },
    })
    instance = await Instance.make({
      users: [['alice@example.test', PASSWORD]],
      server: { xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '10s', tries: 1 } },
      first: [
        {
          use: 'dnsbl',
          unless: ['authenticated', 'trusted'],
          with: {
            lists: [
              {
                zone: 'uri.test',
                holds: 'domains',
                codes: {
                  '127.0.0.&8': { weight: 3, means: 'phishing' },
                  '127.0.0.&64': { weight: 2, means: 'spam' },
                },
              },
              { zone: 'mail.test', holds: 'emails', weight: 2 },
              { zone: 'refusing.test', holds: 'domains' },
              { zone: 'all.test', holds: 'domains' },
              {
                zone: 'good.test',
                holds: 'domains',
                kind: 'allow',
                codes: { '127.0.*.2': { weight: 1, means: 'medium' } },
              },
            ],
          },
        },
        // Behind: nothing depends on the order.
        { use: 'mail-auth' },
      ],
    })
    await instance.start()
    await instance.logged(
      /"healthy":\["uri\.test names","mail\.test hashes","refusing\.test names","good\.test names"\],"off":\["all\.test names"\]/,
    )
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  test('a mail with listed links and answers to a listed box says so in sentences, and lists alone do not make it Junk', async () => {
    const script = `S: 220 …
      C: EHLO outer.test
      S: <any>
      S: /^250 /
      C: XCLIENT ADDR=11.0.0.7
      S: 220 …
      C: EHLO mx.from.test
      S: <any>
      S: /^250 /
      C: MAIL FROM:<me@from.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 250 …
      C: DATA
      S: 354 …
      ${(await mail()).map(line => `C: ${line}`).join('\n')}
      C: .
      S: 250 …
      C: QUIT
      S: 221 …`
    for (const one of parseScripts(script.replace(/^ +/gm, ''), 'script'))
      await runScript(one, { port: instance.ports.mx })
    const [line] = await instance.logged(/[^\n]*lists were asked about a message/)
    const { lists, questions, sum } = JSON.parse(`${line}"}`) as { lists: string[]; questions: number; sum: number }
    assert.deepEqual(lists.sort(), [
      'good.test dkim (127.0.5.2) -1',
      'mail.test body (127.0.0.2) 2',
      'uri.test links (127.0.0.72) 3',
    ])
    assert.deepEqual([sum, questions], [4, 13])
    if (noInbox !== false) return
    const all = await inboxOf(instance.ports.imap, 'alice@example.test', PASSWORD)
    const filed = all.find(one => one.includes('Subject: hello'))
    const report = filed!.replace(/\r\n[ \t]+/g, ' ')
    assert.match(
      report,
      /dnsbl-uri-test 3\.0 \(uri\.test lists evil\.test \(a link\): 127\.0\.0\.72, phishing, spam: see/,
    )
    assert.match(
      report,
      /dnsbl-mail-test 1\.5 \(mail\.test lists drop@gmail\.com \(an address in the text\): 127\.0\.0\.2, counted less as all/,
    )
  })

  test('the commands tell of all kinds of lists', async () => {
    const { stdout } = await instance.cli(['dnsbl', 'status'])
    assert.match(stdout, /^uri\.test {2}block {2}names {2}helo\+reverse\+\S+ {2}healthy/m)
    assert.match(stdout, /^mail\.test {2}block {2}hashes {2}sender\+from\+reply-to\+body {2}healthy/m)
    assert.match(
      stdout,
      /^all\.test {2}block {2}names {2}\S+ {2}wrong .* it lists invalid, and so probably everything$/m,
    )
    const checked = await instance.cli(['dnsbl', 'check', 'https://www.evil.test/x'])
    assert.equal(
      checked.stdout,
      [
        'uri.test  evil.test  listed (127.0.0.72, phishing, spam: see https://uri.test/evil.test)  3',
        'refusing.test  evil.test  not known: query refused (127.255.255.254)  0',
        'all.test  evil.test  listed (127.0.0.2)  1',
        'good.test  evil.test  not listed  0',
        'together 4: pass',
        '',
      ].join('\n'),
    )
    const box = await instance.cli(['dnsbl', 'check', 'd.rop@googlemail.com', '--json'])
    assert.match(box.stdout, /"list": "mail\.test",\s+"of": "drop@gmail\.com",\s+"kind": "listed"/)
  })
})
