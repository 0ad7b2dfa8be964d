/** Living in the queue: every command against a server that runs, and against one that does not. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { commandLine, type Said } from '../harness/command-line.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const USERS = [['alice@example.test', 'secret a']] as const

interface Shown {
  readonly id: string
  readonly rows: readonly { readonly to: { readonly local: string }; readonly hold?: string }[]
}

describe('commands of the queue', () => {
  let server: Instance
  let open: SmtpSink
  let shut: SmtpSink

  before(async () => {
    open = new SmtpSink()
    shut = new SmtpSink({ script: stage => (stage === 'rcpt' ? '451 4.2.1 mailbox asleep' : undefined) })
    await open.start()
    await shut.start()
    server = await Instance.make({
      without: CONTENT,
      users: USERS,
      server: { trusted: ['127.0.0.0/8'], queue: { retry: ['1h'], expire: '2d', warn_after: [] } },
      plugins: {
        mx: {
          allow_private: true,
          routes: { 'open.test': `127.0.0.1:${open.port}`, 'shut.test': `127.0.0.1:${shut.port}` },
        },
      },
    })
    await server.start()
  })
  after(async () => {
    await server?.destroy()
    await open?.stop()
    await shut?.stop()
  })

  async function send(subject: string, ...to: readonly string[]): Promise<string> {
    await sendMail(server.ports.mx, { from: 'alice@example.test', to, subject })
    return eventually(async () => (await list(`subject=${subject}`))[0]?.id)
  }

  /** Waits for the first attempt, so that nothing is under way when a command comes. */
  async function sendAndFail(subject: string, ...to: readonly string[]): Promise<string> {
    const id = await send(subject, ...to)
    await eventually(async () => ((await list(id, 'tries>=1', '!leased')).length === 1 ? true : undefined))
    return id
  }

  async function list(...words: readonly string[]): Promise<readonly Shown[]> {
    const { out, code } = await cli('queue', 'ls', ...words, '--json')
    assert.equal(code, 0, out)
    return JSON.parse(out) as readonly Shown[]
  }

  function cli(...args: readonly string[]): Promise<Said> {
    return commandLine(server, ...args)
  }

  async function lastOf(id: string): Promise<string> {
    const { out } = await cli('queue', 'show', id)
    return out.trim().split('\n').at(-1)!
  }

  test('show tells the recipient, the attempt, the reply and when the next one comes', async () => {
    const id = await sendAndFail('told', 'bob@shut.test')
    const { out, code } = await cli('queue', 'show', id)
    assert.equal(code, 0)
    assert.match(out, /from {7}alice@example\.test/)
    assert.match(out, /subject {4}told/)
    assert.match(out, /bob@shut\.test, by mx to 127\.0\.0\.1:\d+/)
    assert.match(out, /due in (?:1h\d*m?|5\dm)\d*s? \(at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\); given up at/)
    assert.match(out, /1 try, the last at .* 4\.2\.1 .*mailbox asleep/)
    assert.match(out, /\nHistory\n {2}.* {2}Accepted from alice@example\.test/)
    const body = await cli('queue', 'show', id, '--body')
    assert.match(body.out, /^Received: .*[\s\S]*Subject: told/)
    assert.equal((await cli('queue', 'drop', id, '--why', 'no longer wanted')).code, 0)
    assert.match(await lastOf(id), /Dropped for bob@shut\.test by .*: no longer wanted\./)
    assert.equal((await cli('queue', 'ls', id)).out.trim(), 'nothing in the queue fits')
  })

  test('what is held stays until it is released, and then goes at once', async () => {
    const rule = await cli(
      'queue',
      'rule',
      'add',
      'recipient=@open.test',
      'subject~slow',
      '--reason',
      'on trial',
      '--json',
    )
    assert.equal(rule.code, 0, rule.out)
    const id = await send('slow-down', 'bob@open.test')
    assert.equal((await list('held'))[0]?.rows[0]?.hold, 'on trial')
    assert.match((await cli('queue', 'rule', 'ls')).out, /on trial {2}recipient=@open\.test subject~slow/)
    assert.equal((await cli('queue', 'rule', 'rm', (JSON.parse(rule.out) as { id: string }).id)).code, 0)
    assert.match((await cli('queue', 'release', id)).out, /1 recipient of 1 message released/)
    await eventually(() => open.messages.find(({ data }) => data.includes('Subject: slow-down')))
    await eventually(async () => /Delivered for bob@open\.test/.exec(await lastOf(id)) ?? undefined)
  })

  test('more than one message is shown first and touched with --yes only', async () => {
    const ids = [await sendAndFail('many-1', 'bob@shut.test'), await sendAndFail('many-2', 'eve@shut.test')]
    const first = await cli('queue', 'hold', 'subject~many')
    assert.equal(first.code, 1)
    assert.match(first.out, /hold would touch 2 recipients of 2 messages/)
    assert.match(first.out, /most to {4}shut\.test \(2\)/)
    assert.match(first.out, /Nothing was done\. Say it again with --yes\./)
    assert.equal((await list('held')).length, 0)
    const second = await cli('queue', 'hold', 'subject~many', '--yes', '--reason', 'wait')
    assert.match(second.out, /^2 recipients of 2 messages held/)
    await server.logged(/"change":"held","recipients":1,"by":"[^"]+@[^"]+".*queue changed by an admin/)
    assert.deepEqual((await list('hold=wait')).map(({ id }) => id).sort(), [...ids].sort())
    assert.equal((await cli('queue', 'drop', ...ids, '--yes')).code, 0)
  })

  test('retry leaves alone what is held, and says so', async () => {
    const id = await sendAndFail('held-back', 'bob@shut.test', 'eve@shut.test')
    assert.equal((await cli('queue', 'hold', id, 'recipient=bob@shut.test')).code, 0)
    const some = await cli('queue', 'retry', id)
    assert.equal(some.code, 0)
    assert.match(some.out, /1 recipient of 1 message due now/)
    assert.match(some.out, /1 recipient held, left alone: posthouse queue release/)
    await eventually(async () => ((await list(id, 'tries>=2', '!leased')).length === 1 ? true : undefined))
    assert.equal((await cli('queue', 'hold', id)).code, 0)
    const none = await cli('queue', 'retry', id)
    assert.equal(none.code, 1)
    assert.match(none.out, /nothing in the queue fits/)
    assert.match(none.out, /2 recipients held, left alone/)
    assert.equal((await cli('queue', 'drop', id)).code, 0)
  })

  test('redirect sends elsewhere, and refuses what nobody takes', async () => {
    const id = await sendAndFail('redirected', 'bob@shut.test')
    const refused = await cli('queue', 'redirect', id, '--to', 'nobody@example.test')
    assert.equal(refused.code, 1)
    assert.match(refused.out, /nobody takes nobody@example\.test/)
    assert.match(
      (await cli('queue', 'redirect', id, '--to', 'carol@open.test')).out,
      /1 recipient of 1 message redirected/,
    )
    const got = await eventually(() => open.messages.find(({ data }) => data.includes('Subject: redirected')))
    assert.deepEqual(got.recipients, ['carol@open.test'])
    await eventually(async () => /Delivered for bob@shut\.test/.exec(await lastOf(id)) ?? undefined)
  })

  for (const [verb, says] of [
    ['bounce', /returned by the administrator: spam run/],
    ['expire', /given up by the administrator before its time: spam run/],
  ] as const) {
    test(`${verb} gives the sender a notice`, async () => {
      const id = await sendAndFail(`${verb}-me`, 'bob@shut.test')
      assert.equal((await cli('queue', verb, id, '--why', 'spam run')).code, 0)
      await eventually(async () => ((await list(id)).length === 0 ? true : undefined))
      const { out } = await cli('queue', 'show', id)
      assert.match(out, says)
      assert.match(out, /Returned to alice@example\.test in message/)
    })
  }

  test('shape, top and audit tell of the whole queue', async () => {
    const ids = [
      await sendAndFail('shape-1', 'a@shut.test', 'b@shut.test'),
      await sendAndFail('shape-2', 'c@shut.test'),
    ]
    const shape = await cli('queue', 'shape')
    assert.match(shape.out, /^ +rows +held +<5m/)
    assert.match(shape.out, /\nmx\/127\.0\.0\.1:\d+ +3 +0 +3 +0/)
    const top = await cli('queue', 'top', '--by', 'recipient', 'domain=shut.test')
    assert.match(top.out, /1 {3}33% {2}a@shut\.test/)
    assert.match(top.out, /3 recipients, 3 different by recipient/)
    const audit = await cli('queue', 'audit')
    assert.equal(audit.code, 0)
    assert.match(audit.out, /3 recipients, none is forgotten/)
    assert.match((await cli('queue', 'broken')).out, /everything could be read/)
    assert.match((await cli('queue', 'ls', '--totals')).out, /2 messages, 3 recipients, 0 held/)
    assert.equal((await cli('queue', 'drop', ...ids, '--yes')).code, 0)
  })

  test('a wrong filter is told with the field that was meant, and nothing is touched', async () => {
    const { code, out } = await cli('queue', 'drop', 'sendr=alice@example.test', '--yes')
    assert.equal(code, 2)
    assert.match(out, /there is no field "sendr"; did you mean sender\?/)
  })

  test('all of it works while the server does not run', async () => {
    const id = await sendAndFail('asleep', 'bob@shut.test')
    await server.stop()
    assert.equal((await list('subject=asleep'))[0]?.id, id)
    assert.equal((await cli('queue', 'redirect', id, '--to', 'dora@open.test')).code, 0)
    assert.match((await cli('queue', 'shape')).out, new RegExp(`mx/127\\.0\\.0\\.1:${open.port} +1`))
    await server.start()
    const got = await eventually(() => open.messages.find(({ data }) => data.includes('Subject: asleep')))
    assert.deepEqual(got.recipients, ['dora@open.test'])
  })
})
