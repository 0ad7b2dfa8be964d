/**
 * Two Posthouse servers: mail in the name of one comes to the other, part of it forged; the day after it has a report, signed, and its command shows who
 * sends in its name. The report itself is reported to nobody.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendOctets } from '../harness/send-mail.js'
import { SignedDns } from '../harness/signed-dns.js'

const DAY_MS = 86_400_000
/** What makes it noon of tomorrow, for all processes of a server. */
const TOMORROW = DAY_MS * Math.floor(Date.now() / DAY_MS) + 1.5 * DAY_MS - Date.now()
const SHIFT = `--import=data:text/javascript,const%20now=Date.now;Date.now=()=>now()+${TOMORROW}`

describe('two servers, one of which is sent mail in the name of the other', () => {
  let dns: SignedDns
  let named: Instance
  let judge: Instance
  let later: Instance

  before(async () => {
    dns = await SignedDns.start()
    const server = { dns: { servers: [dns.address], timeout: '10s', tries: 2 } }
    named = await Instance.make({
      without: CONTENT,
      domain: 'named.test',
      server,
      first: [{ use: 'dmarc-reports', with: { receive: ['dmarc@named.test'] } }, { use: 'mail-auth' }],
    })
    const mx = { port: named.ports.mx, allow_private: true, connect_timeout: '10s' }
    const send = { send: true, from: 'dmarc@judge.test', organization: 'The Judge', spread: '0s' }
    judge = await Instance.make({
      without: CONTENT,
      domain: 'judge.test',
      users: [['bob@judge.test', 'secret b']],
      server,
      plugins: { mx },
      first: [
        { use: 'dmarc-reports', with: send },
        { use: 'mail-auth', with: { enforce: 'quarantine' } },
      ],
    })
    const { stdout } = await judge.cli(['dkim', 'keygen', '--json', '--domain', 'judge.test', '--type', 'ed25519'])
    const { name, value } = JSON.parse(stdout) as { name: string; value: string }
    dns.set(name, { txt: [value] })
    dns.set('named.test', { mx: [[10, 'mx.named.test']], txt: ['v=spf1 ip4:127.0.0.1 -all'] })
    dns.set('mx.named.test', { a: ['127.0.0.1'] })
    dns.set('_dmarc.named.test', { txt: ['v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@named.test'] })
    later = new Instance(judge.dir, judge.ports, { run: { env: { NODE_OPTIONS: SHIFT } } })
    await judge.start()
    await named.start()
  })
  after(async () => {
    await later?.stop()
    await Promise.all([named?.destroy(), judge?.destroy()])
    await dns?.stop()
  })

  const mailFrom = (sender: string) => ({
    ...{ from: sender, to: ['bob@judge.test'] },
    octets: Buffer.from('From: alice@named.test\r\nSubject: hello\r\n\r\nhello\r\n'),
  })

  test('what is judged is counted, by policy and source', async () => {
    for (const sender of ['alice@named.test', 'x@evil.test', 'x@evil.test'])
      await sendOctets(judge.ports.mx, mailFrom(sender))
    const rows = await eventually(async () => {
      const { stdout } = await judge.cli(['dmarc-reports', 'pending'])
      return stdout.includes('2 ×') ? stdout.trim().split('\n') : undefined
    })
    assert.match(rows[0]!, /^\S+T00\+24 {2}named\.test {2}p=reject {2}to mailto:dmarc@named\.test$/)
    assert.deepEqual(rows.slice(1), [
      '  2 × 127.0.0.1  From named.test  dkim fail, spf fail, quarantine (local_policy)',
      '      SPF: evil.test none',
      '  1 × 127.0.0.1  From named.test  dkim fail, spf pass, none',
      '      SPF: named.test pass',
    ])
  })

  test('the day after the other knows who sends in its name, and by whose word', async () => {
    await judge.stop()
    await later.start()
    await named.logged(/report about DMARC received/)
    const { stdout } = await named.cli(['dmarc-reports', 'ls'])
    assert.match(stdout, /^\S+ {2}named\.test {2}1 passed, 2 failed {2}by The Judge, signed by judge\.test\n$/)
    assert.equal(
      (await named.cli(['dmarc-reports', 'sources'])).stdout,
      'named.test\n  127.0.0.1  1 passed, 2 failed  (dkim 0, spf 1)  quarantine 2, none 1  as evil.test, named.test\n',
    )
    const shown = (await named.cli(['dmarc-reports', 'show', 'named.test'])).stdout
    assert.match(shown, /policy: p=reject; sp=none; adkim=r; aspf=r; pct=100; fo=0\n/)
    assert.match(shown, /SPF: evil\.test none; local_policy: enforce is quarantine here\n/)
  })

  test('it comes once, also when the server does not remember that it was sent', async () => {
    const { stdout } = await later.cli(['state', 'ls', 'dmarc-reports/', '--json'])
    const keys = (JSON.parse(stdout) as { key: string }[]).map(({ key }) => key)
    const noted = keys.filter(key => /^dmarc-reports\/(told|done)\//.test(key))
    assert.ok(noted.length >= 2, keys.join('\n'))
    await later.stop()
    for (const key of noted) assert.equal((await judge.cli(['state', 'rm', key])).code, 0)
    await later.start()
    await later.logged(/(?:report about DMARC sent"[\s\S]*){2}/)
    await later.stop()
    assert.equal(later.log.match(/"to":"dmarc@named\.test".*"msg":"delivered"/g)?.length, 1)
    assert.equal((await judge.cli(['queue', 'ls', '--json'])).stdout.trim(), '[]')
    assert.equal(named.log.match(/report about DMARC received/g)?.length, 1)
  })

  test('what is no report is refused at that address, while its sender listens', async () => {
    const mail = { ...mailFrom('x@evil.test'), to: ['dmarc@named.test'] }
    await assert.rejects(sendOctets(named.ports.mx, mail), /550 5\.6\.0 .*only reports about DMARC are taken here/)
  })
})
