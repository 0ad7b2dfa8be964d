/**
 * Sums become actions, in a whole server: points are given by a plugin of the test's own, as the message asks for them. Clients have another
 * address (by XCLIENT), as nobody greylists their own machine.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { Instance } from '../harness/instance.js'
import { talk } from '../harness/relay-attempts.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const POINTS = `
import { definePlugin } from 'posthouse/api'
export default definePlugin({
  name: 'points', summary: 'gives what the message asks for', config: { type: 'object' },
  setup: () => ({
    hooks: {
      score: ({ message }) => [
        { name: 'asked-for', points: Number(message.field('X-Points')), says: 'The message asked for it.', group: 'asked' },
        { name: 'new-rule', points: 7, shadow: 7, says: 'It is only tried out.' },
      ],
      weigh: ({ verdict }) => verdict.sum > 90 ? { name: 'cap-asked', points: 90 - verdict.sum, says: 'Enough.' } : undefined,
    },
  }),
})
`

describe('a server that decides by sums', () => {
  let sink: SmtpSink
  let a: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    a = await Instance.make({
      domain: 'example.test',
      users: [
        ['alice@example.test', 'correct horse'],
        ['bob@example.test', 'battery staple'],
        ['carol@example.test', 'staple battery'],
        ['dora@example.test', 'correct horse'],
      ],
      only: ['store-lmdb', 'auth-file', 'access', 'mda', 'relay', 'mx', 'imap', 'pop3', 'bounces', 'spam-action'],
      first: [{ use: './points.js' }, { use: 'greylist', with: { when: 'suspected', delay: '1s' } }],
      files: { 'points.js': POINTS, 'aliases.yaml': 'friend: someone@far.test\n' },
      plugins: {
        'spam-action': {
          greylist: 3,
          header: 4,
          users: { 'bob@example.test': { junk: 2, greylist: 'off' }, 'dora@example.test': { header: 1 } },
        },
        mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' },
      },
      server: { xclient: ['127.0.0.0/8'] },
    })
    await a.start()
  })
  after(async () => {
    await a?.destroy()
    await sink?.stop()
  })

  /** What the server says to a message of these points; every sender is new. */
  let senders = 0
  async function send(points: number, to: readonly string[], sender = `s-${'abcdefghijklmnopq'[senders++]}@odd.test`) {
    const heard = await talk(a.ports.mx, [
      ...['EHLO outer.test', 'XCLIENT ADDR=203.0.113.9', 'EHLO mx.odd.test', `MAIL FROM:<${sender}>`],
      ...to.map(name => `RCPT TO:<${name}@example.test>`),
      'DATA',
      `From: ${sender}\r\nTo: x@y.test\r\nX-Points: ${points}\r\nX-Spam-Status: No, trust me\r\nX-SPAM-Flag : NO\r\nX-Posthouse-Origin: forged\r\nSubject: p${points}\r\n\r\nhello\r\n.`,
    ])
    return heard.at(-1)!
  }
  const filed = (to: string, mailbox: string) =>
    a.logged(new RegExp(`"to":"${to}@example\\.test"[^\\n]*"mailbox":"${mailbox}"[^\\n]*"filed"`))

  test('clean mail does not wait, and is refused from its threshold on', async () => {
    assert.match(await send(1, ['alice']), /^250 /)
    assert.match(await send(15, ['alice']), /^550 5\.7\.1 Message refused as spam/)
    await a.logged(/"rule":"spam","evidence":"15\.0 points, threshold 15\.0 \(general\)"/)
  })

  test('a suspicious sum is greylisted, and comes through when it comes again', async () => {
    assert.match(await send(3.5, ['alice'], 'twice@odd.test'), /^451 4\.7\.1 Greylisted/)
    let heard = ''
    for (const until = Date.now() + 120_000; !heard.startsWith('250') && Date.now() < until; )
      heard = await send(3.5, ['alice'], 'twice@odd.test')
    assert.match(heard, /^250 /)
  })

  test('one of two recipients who would let it wait gets it now, since the other wants it; thresholds are each one’s own', async () => {
    assert.match(await send(3.25, ['carol', 'bob']), /^250 /)
    await filed('carol', 'INBOX')
    await filed('bob', 'Junk')
  })

  test('thresholds of a user can be set while it runs', async () => {
    const { stdout } = await a.cli(['spam-action', 'set', 'carol@example.test', 'junk=2.5', 'greylist=off'])
    assert.equal(stdout, 'carol@example.test  greylist=off junk=2.5\n')
    assert.match(await send(2.75, ['carol']), /^250 /)
    await filed('carol', 'Junk')
  })

  test('readers of ours are told, and what the sender said of it is gone', { skip: noInbox }, async () => {
    const mail = (await inboxOf(a.ports.imap, 'alice@example.test', 'correct horse')).find(one =>
      /Subject: p3.5/.test(one),
    )!
    const fields = mail.replace(/\r\n[ \t]+/g, ' ').match(/^X-(Spam|Posthouse).*$/gim)
    assert.deepEqual(fields, [
      'X-Spam-Status: No, score=3.5 threshold=4.0',
      'X-Spam-Score: 3.5',
      'X-Spam-Report: asked-for 3.5 (The message asked for it.); new-rule 0.0, tried out at 7.0 (It is only tried out.)',
    ])
  })

  test('each reads of their own threshold', { skip: noInbox }, async () => {
    assert.match(await send(1.75, ['alice', 'dora']), /^250 /)
    const statusOf = async (login: string) => {
      const mails = await inboxOf(a.ports.imap, `${login}@example.test`, 'correct horse')
      return /^X-Spam-Status: .*$/m.exec(mails.find(mail => /^Subject: p1\.75/m.test(mail))!)?.[0].trim()
    }
    assert.equal(await statusOf('alice'), 'X-Spam-Status: No, score=1.8 threshold=4.0')
    assert.equal(await statusOf('dora'), 'X-Spam-Status: Yes, score=1.8 threshold=1.0')
  })

  test('who reads it elsewhere is not', async () => {
    assert.match(await send(1.5, ['friend']), /^250 /)
    const [mail] = await sink.received(1)
    assert.match(mail!.data.toString(), /^Subject: p1.5/m)
    assert.doesNotMatch(mail!.data.toString(), /^X-(Spam|Posthouse)/im)
  })

  test('the trail has the sum with its cap, and whose threshold decided', async () => {
    const [, id] = /\[(\S+)\]$/.exec(await send(200, ['alice']))!
    const { stdout } = await a.cli(['queue', 'show', id!, '--json'])
    const { trail } = JSON.parse(stdout) as { trail: { facts: { sum: number; findings: string; decided: string } }[] }
    const { sum, findings, decided } = trail[0]!.facts
    assert.equal(sum, 90)
    assert.deepEqual(
      (JSON.parse(findings) as { plugin: string; name: string; points: number; shadow?: number }[])
        .filter(({ plugin }) => plugin === 'points')
        .map(({ name, points, shadow }) => [name, points, shadow]),
      [
        ['asked-for', 200, undefined],
        ['new-rule', 0, 7],
        ['cap-asked', -110, undefined],
      ],
    )
    assert.match(decided, /"kind":"refused"[^\n]*"action":"reject"[^\n]*"whose":\{[^}]*"reject":"general"/)
  })
})
