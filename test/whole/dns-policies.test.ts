/**
 * The policies that ask the name service, in a whole server, seen from outside: replies, log lines, headers and commands. Clients of all
 * networks are one client on loopback that says by XCLIENT who it is; the name service is ours and has data and trouble.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parseScripts, runScript } from '../harness/conversation.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { CONTENT, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'

const NO_CURL = program('curl') === undefined ? 'no curl' : false
const PASSWORD = 'correct horse'

/** A session as `address` that has said EHLO. */
function as(address: string, helo = 'client.elsewhere.test'): string {
  return `S: 220 …
    C: EHLO outer.test
    S: <any>
    S: /^250 /
    C: XCLIENT ADDR=${address.includes(':') ? `IPV6:${address}` : address}
    S: 220 …
    C: EHLO ${helo}
    S: <any>
    S: /^250 /`
}

/** And has begun to write. */
function writingAs(address: string, helo?: string): string {
  return `${as(address, helo)}
    C: MAIL FROM:<a@elsewhere.test>
    S: 250 …`
}

/** A conversation, up to its QUIT. */
async function talk(instance: Instance, text: string): Promise<void> {
  for (const script of parseScripts(`${text}\nC: QUIT\nS: 221 …`.replace(/^ +/gm, ''), 'script')) {
    await runScript(script, { port: instance.ports.mx })
  }
}

function serverKeys(dns: DnsServer): Record<string, unknown> {
  return { xclient: ['127.0.0.0/8'], dns: { servers: [dns.address], timeout: '300ms', tries: 1 } }
}

describe('reverse-dns in a whole server', () => {
  let dns: DnsServer
  let instance: Instance
  before(async () => {
    dns = await startDnsServer({
      '1.2.0.192.in-addr.arpa': { ptr: ['mail.good.test'] },
      'mail.good.test': { a: ['192.0.2.1'] },
      '3.2.0.192.in-addr.arpa': { fails: 'servfail' },
    })
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', PASSWORD]],
      server: serverKeys(dns),
      first: [{ use: 'reverse-dns', unless: ['authenticated'], with: { require: 'confirmed' } }],
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  test('a client without a name is refused with an id under which the log tells all; postmaster can be written to', async () => {
    await talk(
      instance,
      `${writingAs('192.0.2.2')}
      C: RCPT TO:<alice@example.test>
      S: /^550 5\\.7\\.25 Your address has no reverse name \\[(?<id>[a-z0-9]+\\.1)\\]$/
      C: RCPT TO:<postmaster@example.test>
      S: 250 …`,
    )
    const line = await instance.logged(/[^\n]*policy objected[^\n]*/)
    const facts = JSON.parse(line[0]) as Record<string, string>
    assert.equal(facts.plugin, 'reverse-dns')
    assert.equal(facts.rule, 'rdns-missing')
    assert.equal(facts.evidence, '192.0.2.2 has no name')
    assert.equal(facts.exception, 'add 192.0.2.2 to exempt of reverse-dns in plugins.yaml')
    assert.equal(facts.recipient, 'alice@example.test')
    assert.match(facts.ref ?? '', /^[a-z0-9]+\.1$/)
  })

  test('a client whose name leads back is let in, and the name stands in Received', { skip: NO_CURL }, async () => {
    await talk(
      instance,
      `${writingAs('192.0.2.1')}
      C: RCPT TO:<alice@example.test>
      S: 250 …
      C: DATA
      S: 354 …
      C> Subject: named\\r\\n\\r\\nhello\\r\\n.\\r\\n
      S: 250 …`,
    )
    const { stdout } = await fetchLast(instance)
    assert.match(stdout, /^Received: from client\.elsewhere\.test \(mail\.good\.test \[192\.0\.2\.1\]\)\r?$/m)
  })

  test('trouble of the name service lets the client in, and the log says why', async () => {
    await talk(
      instance,
      `${writingAs('192.0.2.3')}
      C: RCPT TO:<alice@example.test>
      S: 250 …`,
    )
    await instance.logged(/"rule":"rdns-unknown"[^\n]*"why":"[^"]*SERVFAIL[^"]*"[^\n]*policy could not know/)
  })
})

describe('helo and sender-domain in a whole server', () => {
  let dns: DnsServer
  let instance: Instance
  before(async () => {
    dns = await startDnsServer({
      'client.elsewhere.test': { a: ['44.0.0.1'] },
      'elsewhere.test': { mx: [[10, 'client.elsewhere.test']] },
      'null.test': { mx: [[0, '']] },
      'broken.test': { fails: 'servfail' },
    })
    const unless = ['authenticated', 'trusted']
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', PASSWORD]],
      server: serverKeys(dns),
      first: [
        { use: 'helo', unless, with: { rules: { unknown_name: 'defer' } } },
        { use: 'sender-domain', unless },
        { use: 'sender-domain', unless, mode: 'observe', with: { when_unknown: 'defer' } },
      ],
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  test('a stranger who greets as us is refused at RCPT, and may write to postmaster', async () => {
    await talk(
      instance,
      `${writingAs('192.0.2.2', 'example.test')}
      C: RCPT TO:<postmaster@example.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: /^550 5\\.7\\.1 Your greeting is my name, not yours \\[[a-z0-9]+\\.1\\]$/`,
    )
    await instance.logged(/"rule":"helo-own-name","evidence":"example.test is ours"/)
  })

  test('a name that does not exist is put off, one that cannot be looked up is not', async () => {
    for (const [helo, reply] of [
      ['nowhere.test', '450 4.7.1 The host name of your greeting does not exist…'],
      ['broken.test', '250 …'],
    ] as const) {
      await talk(
        instance,
        `${as('192.0.2.2', helo)}
        C: MAIL FROM:<>
        S: 250 …
        C: RCPT TO:<alice@example.test>
        S: ${reply}`,
      )
    }
    await instance.logged(/"rule":"helo-unknown-name","why":"A broken.test: SERVFAIL"/)
  })

  test('senders of missing and null MX domains are refused, trouble and the null sender are not', async () => {
    await talk(
      instance,
      `${as('192.0.2.2')}
      C: MAIL FROM:<a@nowhere.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 550 5.1.8 The domain of the sender address does not exist…
      C: RSET
      S: 250 …
      C: MAIL FROM:<a@null.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 550 5.7.27 The domain of the sender address takes no mail…
      C: RSET
      S: 250 …
      C: MAIL FROM:<a@broken.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 250 …
      C: RSET
      S: 250 …
      C: MAIL FROM:<>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 250 …`,
    )
    await instance.logged(/"rule":"sender-domain-missing","why":"MX broken.test: SERVFAIL"/)
    await instance.logged(
      /"rule":"sender-domain-missing","evidence":"not known: MX broken[^\n]*policy would have objected/,
    )
  })
})

describe('dnsbl in a whole server', () => {
  let dns: DnsServer
  let instance: Instance
  const listed = { a: ['127.0.0.2'], ttl: 0 }
  before(async () => {
    dns = await startDnsServer({
      '2.0.0.127.bad.test': listed,
      '2.2.0.192.bad.test': { ...listed, txt: ['Spam seen'] },
      '2.0.0.127.all.test': listed,
      '1.0.0.127.all.test': listed,
      '9.2.0.192.all.test': listed,
      '7.2.0.192.bad.test': { a: ['127.255.255.254'] },
    })
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', PASSWORD]],
      server: serverKeys(dns),
      first: [
        {
          use: 'dnsbl',
          unless: ['authenticated', 'trusted'],
          with: { lists: [{ zone: 'bad.test' }, { zone: 'all.test' }], reject_at: 1, check_every: '1s', recheck: '1s' },
        },
      ],
    })
    await instance.start()
    await instance.logged(/"healthy":\["bad\.test ipv4"\],"off":\["all\.test ipv4"\][^\n]*lists are tested/)
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  test('a listed client is refused at RCPT with an id and the reason in the log; postmaster can be written to', async () => {
    await talk(
      instance,
      `${writingAs('192.0.2.2')}
      C: RCPT TO:<postmaster@example.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: /^550 5\\.7\\.1 Your address 192\\.0\\.2\\.2 is listed by bad\\.test \\[[a-z0-9]+\\.1\\]$/`,
    )
    await instance.logged(/"rule":"dnsbl-bad-test","evidence":"bad\.test \(127\.0\.0\.2: Spam seen\) 1; together 1"/)
  })

  test('whoever logs in gets through from a listed address', async () => {
    const script = `${as('192.0.2.2')}
      C: STARTTLS
      S: 220 …
      C: <starttls>
      C: EHLO client.test
      S: <any>
      S: /^250 /
      C: AUTH PLAIN ${Buffer.from(`\0alice@example.test\0${PASSWORD}`).toString('base64')}
      S: 235 …
      C: MAIL FROM:<alice@example.test>
      S: 250 …
      C: RCPT TO:<alice@example.test>
      S: 250 …`
    for (const one of parseScripts(script.replace(/^ +/gm, ''), 'script'))
      await runScript(one, { port: instance.ports.submission })
  })

  for (const [address, why] of [
    ['192.0.2.9', 'only by a list that lists everything'],
    ['192.0.2.7', 'only by an answer that means "query refused"'],
    ['192.0.2.1', 'nowhere'],
  ] as const) {
    test(`a client that is listed ${why} is let in`, async () => {
      await talk(
        instance,
        `${writingAs(address)}
        C: RCPT TO:<alice@example.test>
        S: 250 …`,
      )
    })
  }

  test('the commands show the lists and what they say', async () => {
    const { stdout } = await instance.cli(['dnsbl', 'status', '--json'])
    const rows = JSON.parse(stdout) as { list: string; state: string }[]
    assert.deepEqual(
      rows.map(row => [row.list, row.state]),
      [
        ['bad.test', 'healthy'],
        ['all.test', 'wrong'],
      ],
    )
    const checked = await instance.cli(['dnsbl', 'check', '192.0.2.2'])
    assert.equal(
      checked.stdout,
      'bad.test  listed (127.0.0.2: Spam seen)  1\nall.test  not listed  0\ntogether 1: reject\n',
    )
  })

  test('postmaster is told of a list that was switched off, and it comes back when it is right', async () => {
    await instance.logged(/"about":"dnsbl all\.test ipv4"[^\n]*notice sent/)
    dns.set('1.0.0.127.all.test', {})
    await instance.logged(/"list":"all\.test"[^\n]*list is back/)
    await talk(
      instance,
      `${writingAs('192.0.2.9')}
      C: RCPT TO:<alice@example.test>
      S: 550 5.7.1 Your address 192.0.2.9 is listed by all.test…`,
    )
  })
})

describe('all policies in a whole server whose name service is silent', () => {
  let dns: DnsServer
  let instance: Instance
  before(async () => {
    dns = await startDnsServer({ '*': { fails: 'drop' } })
    const more = { within: '500ms' }
    const policies = (when_unknown: 'pass' | 'defer') => [
      { use: 'reverse-dns', with: { ...more, when_unknown, require: 'confirmed' } },
      { use: 'helo', with: { ...more, when_unknown, rules: { unknown_name: 'reject' } } },
      { use: 'sender-domain', with: { ...more, when_unknown } },
      { use: 'dnsbl', with: { ...more, when_unknown, lists: [{ zone: 'bad.test', check: false }], reject_at: 1 } },
    ]
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', PASSWORD]],
      server: serverKeys(dns),
      first: [
        ...policies('pass'),
        ...policies('defer')
          .slice(0, -1)
          .map(one => ({ ...one, mode: 'observe' })),
      ],
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await dns?.close()
  })

  test('a client is let in, and the log says of each policy why it could not know, and what observers would have done', async () => {
    await talk(
      instance,
      `${writingAs('44.0.0.9')}
      C: RCPT TO:<alice@example.test>
      S: 250 …`,
    )
    for (const rule of ['rdns-unknown', 'helo-unknown-name', 'sender-domain-missing', 'bad.test']) {
      await instance.logged(new RegExp(`"rule":"${rule}","why":"[^"]+"[^\\n]*policy could not know`))
    }
    for (const plugin of ['reverse-dns', 'helo', 'sender-domain']) {
      await instance.logged(new RegExp(`"plugin":"${plugin}"[^\\n]*"answer":"defer"[^\\n]*policy would have objected`))
    }
  })
})

/** The last mail of alice's inbox, by a real client. */
async function fetchLast(instance: Instance) {
  return runProgram('curl', [
    '-s',
    '--insecure',
    '--user',
    `alice@example.test:${PASSWORD}`,
    `imaps://127.0.0.1:${instance.ports.imaps}/INBOX;MAILINDEX=*`,
  ])
}
