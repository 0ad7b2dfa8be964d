/** Rules of mailbox owners, from outside: set by command beside a running server, mail by SMTP, mailboxes by IMAP, the rest by the trail. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { mailboxesOf, noMailboxes } from '../harness/mailboxes.js'
import { sendMail, sendOctets } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

/** Takes for spam what says so. */
const JUNK = `
import { definePlugin, quarantine } from 'posthouse/api'
export default definePlugin({
  name: 'junk',
  summary: 'takes for spam what says so',
  config: { type: 'object', additionalProperties: false, properties: {} },
  setup: () => ({
    hooks: { message: ({ message }) => (/spam/.test(message.field('Subject') ?? '') ? quarantine('it says so') : undefined) },
  }),
})
`

const ALICE = 'alice@example.test'
const RULES = `
rules:
  - name: lists
    if: { list: '*.lists.test' }
    file: [Lists/dev, Archive]
    flag: ['\\Seen', work]
    stop: true
  - name: away
    if: { subject: onward }
    forward: [friend@far.test, bob@example.test]
  - name: copy
    if: { subject: both }
    forward: friend@far.test
    keep: true
    flag: '\\Flagged'
  - name: junk
    if: { junk: true, subject: worst }
    discard: true
  - name: ads
    if: { any: [{ subject: ad }, { header: { X-Ad: { exists: true } } }], smaller: 1MB }
    discard: true
`

describe('filing rules', { skip: noMailboxes }, () => {
  let sink: SmtpSink
  let a: Instance

  before(async () => {
    sink = await new SmtpSink().start()
    a = await Instance.make({
      without: CONTENT,
      domain: 'example.test',
      users: [
        [ALICE, 'secret a'],
        ['bob@example.test', 'secret b'],
      ],
      first: [{ use: './junk.js' }, { use: 'srs' }],
      files: { 'junk.js': JUNK },
      server: { workers: 2 },
      plugins: { mx: { routes: { '*': `127.0.0.1:${sink.port}` }, keep_idle: '0s' } },
    })
    await a.start()
    const { code, stderr } = await a.cli(['filing', 'set', ALICE], RULES)
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    await a?.destroy()
    await sink?.stop()
  })

  const send = (subject: string) => sendMail(a.ports.mx, { from: 'carol@world.test', to: [ALICE], subject })
  const alices = () => mailboxesOf(a.ports.imap, ALICE, 'secret a')
  const found = async (subject: string, login = ALICE, password = 'secret a') => {
    const all = await mailboxesOf(a.ports.imap, login, password)
    return Object.entries(all).flatMap(([name, mails]) =>
      mails.flatMap(mail => (mail.subject === subject ? [[name, ...mail.flags].join(' ')] : [])),
    )
  }
  const why = async (subject: string): Promise<string> => {
    const { stdout } = await a.cli(['why', `<${subject}@client.test>`])
    return stdout.slice(stdout.indexOf('What became of it'))
  }

  test('put mail into several mailboxes with flags, and say so', async () => {
    const octets = Buffer.from(
      'Subject: to-dev\r\nList-Id: <dev.lists.test>\r\nMessage-ID: <to-dev@client.test>\r\n\r\nx\r\n',
    )
    await sendOctets(a.ports.mx, { from: 'carol@world.test', to: [ALICE], octets })
    assert.deepEqual(await found('to-dev'), ['Archive \\Seen work', 'Lists/dev \\Seen work'])
    assert.match(await why('to-dev'), /Filed for alice@example\.test into Lists\/dev, Archive because rule "lists"\./)
  })

  test('send mail on, elsewhere under a sender of ours and within the house, and keep no copy', async () => {
    await send('onward')
    const [message] = await sink.received(1)
    sink.messages.length = 0
    assert.match(message!.sender, /^SRS0=[^@]+=world\.test=carol@example\.test$/)
    assert.deepEqual(message!.recipients, ['friend@far.test'])
    const text = message!.data.toString()
    assert.match(text, /^Delivered-To: alice@example\.test\r\n/)
    assert.doesNotMatch(text, /^X-Spam-/m)
    await eventually(async () =>
      (await found('onward', 'bob@example.test', 'secret b')).length > 0 ? true : undefined,
    )
    assert.deepEqual(await found('onward'), [])
    const told = await why('onward')
    assert.match(
      told,
      /Sent on for alice@example\.test to friend@far\.test under the sender SRS0=\S+ because rule "away"\./,
    )
    assert.match(told, /Sent on for alice@example\.test to bob@example\.test because rule "away"\./)
    assert.match(told, /Delivered for alice@example\.test to 127\.0\.0\.1/)
    assert.match(told, /Filed for bob@example\.test into INBOX\./)
  })

  test('keep a copy of what is sent on where they say so', async () => {
    await send('both')
    await sink.received(1)
    sink.messages.length = 0
    assert.deepEqual(await found('both'), ['INBOX \\Flagged'])
  })

  test('throw mail away, and its record says whose wish it was', async () => {
    await send('ad')
    assert.deepEqual(await found('ad'), [])
    assert.match(await why('ad'), /Discarded for alice@example\.test because rule "ads": nothing is kept of it\./)
  })

  test('leave what was taken for spam in Junk, unless they mean it', async () => {
    for (const subject of ['spam-onward', 'spam-worst']) await send(subject)
    assert.deepEqual(await found('spam-onward'), ['Junk $Junk'])
    assert.deepEqual(await found('spam-worst'), [])
    assert.deepEqual(sink.messages, [])
    assert.match(await why('spam-worst'), /Discarded for alice@example\.test because rule "junk"/)
  })

  test('end a loop: what comes back is refused', async () => {
    await send('onward')
    const [message] = await sink.received(1)
    sink.messages.length = 0
    const back = { from: message!.sender, to: [ALICE], octets: message!.data }
    await assert.rejects(sendOctets(a.ports.mx, back), /55[04] 5\.4\.6 mail is looping/)
    assert.deepEqual(await found('onward'), [])
  })

  test('send mail on from a full mailbox, which is refused where they keep all of it', async () => {
    const bob = 'bob@example.test'
    const sendBob = (subject: string) => sendMail(a.ports.mx, { from: 'carol@world.test', to: [bob], subject })
    const ran = async (...args: readonly string[]) => assert.equal((await a.cli(args)).code, 0)
    // What the tests above have sent on to him.
    await eventually(async () => ((await found('onward', bob, 'secret b')).length === 2 ? true : undefined))
    await ran('user', 'change', bob, '--quota-messages', '1')
    await ran('filing', 'add', bob, 'all', '--subject', 'no-room', '--forward', 'friend@far.test', '--keep')
    await assert.rejects(sendBob('no-room'), /452 4\.2\.2/)
    await ran('filing', 'add', bob, 'all', '--subject', 'no-room', '--forward', 'friend@far.test')
    await sendBob('no-room-needed')
    const [message] = await sink.received(1)
    assert.match(message!.data.toString(), /^Delivered-To: bob@example\.test\r\n/)
    assert.match(message!.data.toString(), /^Subject: no-room-needed\r$/m)
    sink.messages.length = 0
    assert.deepEqual(await found('no-room-needed', bob, 'secret b'), [])
    await ran('filing', 'remove', bob, '--all')
  })

  test('are seen in posthouse address', async () => {
    const { stdout } = await a.cli(['address', ALICE])
    assert.match(stdout, /\n {2}rule "away": if subject onward: sent on to friend@far\.test, bob@example\.test\n/)
    const { stdout: json } = await a.cli(['address', ALICE, '--json'])
    const { steps } = JSON.parse(json) as { steps: readonly { account?: { wishes?: readonly string[] } }[] }
    assert.equal(steps.at(-1)!.account!.wishes!.length, 5)
  })

  test('are added, shown, tried, removed and listed by command', async () => {
    const added = await a.cli([
      'filing',
      'add',
      ALICE,
      'big',
      '--larger',
      '1MB',
      '--into',
      'Large',
      '--above',
      'lists',
      '--json',
    ])
    assert.equal(added.code, 0, added.stderr)
    const { rules } = JSON.parse(added.stdout) as { rules: readonly { name: string }[] }
    assert.deepEqual(
      rules.map(({ name }) => name),
      ['big', 'lists', 'away', 'copy', 'junk', 'ads'],
    )
    assert.deepEqual(rules[0], { name: 'big', if: { larger: '1MB' }, file: 'Large' })
    const again = await a.cli(['filing', 'add', ALICE, 'big', '--larger', '2MB', '--into', 'Large'])
    assert.match(
      again.stdout,
      /^alice@example\.test has 6 filing rules now\n {2}rule "big": if larger 2MB: into Large\n/,
    )
    const shown = await a.cli(['filing', 'show', ALICE])
    assert.equal((await a.cli(['filing', 'set', ALICE], shown.stdout)).code, 0)
    assert.equal((await a.cli(['filing', 'show', ALICE])).stdout, shown.stdout)
    const tried = await a.cli(['filing', 'try', ALICE], 'Subject: onward\r\n\r\nx\r\n')
    assert.equal(
      tried.stdout.trim(),
      'rules that hold: away\n  sent on to friend@far.test (rule "away")\n  sent on to bob@example.test (rule "away")',
    )
    assert.match((await a.cli(['filing', 'list'])).stdout, /^alice@example\.test {2}6 rules {2}\(by command of /)
    assert.equal((await a.cli(['filing', 'remove', ALICE, 'big'])).code, 0)
    assert.deepEqual((await alices()).Large, undefined)
  })

  for (const [what, args, stdin, wish] of [
    [
      'nobody',
      ['show', 'alise@example.test'],
      '',
      /no account "alise@example\.test"; did you mean alice@example\.test\?/,
    ],
    ['a faulty rule', ['set', ALICE], '[{ name: a, fiel: x }]', /rule 1: there is no "fiel", did you mean "file"\?/],
    ['no YAML', ['set', ALICE], 'a: [', /the rules are no YAML: /],
    ['an alias of YAML', ['set', ALICE], '[&a { name: a, keep: true }, *a]', /the rules are no YAML: /],
    [
      'oneself',
      ['add', ALICE, 'x', '--forward', ALICE],
      '',
      /sends on to alice@example\.test, which is alice@example\.test/,
    ],
    ['no action', ['add', ALICE, 'x', '--from', '@a.test'], '', /does nothing/],
    ['no such rule', ['remove', ALICE, 'adz'], '', /has no rule "adz", did you mean "ads"\?/],
    [
      'no place',
      ['add', ALICE, 'x', '--keep', '--above', 'awai'],
      '',
      /there is no rule "awai", did you mean "away"\?/,
    ],
  ] as const)
    test(`refuse ${what} by a sentence`, async () => {
      const { code, stderr } = await a.cli(['filing', ...args], stdin)
      assert.equal(code, 1)
      assert.match(stderr, wish)
    })

  test('name the one or say all', async () => {
    for (const args of [
      ['remove', ALICE],
      ['remove', ALICE, 'ads', '--all'],
    ])
      assert.equal((await a.cli(['filing', ...args])).code, 2)
    assert.equal((await a.cli(['filing', 'remove', ALICE, '--all'])).code, 0)
    assert.equal((await a.cli(['filing', 'list'])).stdout, 'no account has filing rules\n')
    await send('onward-no-more')
    await eventually(async () => ((await found('onward-no-more')).length > 0 ? true : undefined))
  })
})
