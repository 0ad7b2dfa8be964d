/** Policies of the door and of submission on started servers, seen by a client nobody here wrote. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { eventually, Instance } from '../harness/instance.js'
import { runProgram } from '../harness/programs.js'
import { program } from '../harness/shared.js'
import { SmtpSink } from '../harness/smtp-sink.js'

const swaks = program('swaks')
const skip = swaks === undefined ? 'no swaks' : false
const ALICE = 'alice@example.test'
const PASSWORD = 'correct horse 77'

/** What swaks heard, all replies in one text. */
async function run(args: readonly string[]): Promise<string> {
  const { stdout } = await runProgram(swaks!, ['--timeout', '60', '--hide-send', ...args])
  return stdout
}

describe('at the door', { skip }, () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      users: [[ALICE, PASSWORD]],
      first: [
        { use: 'tarpit', mode: 'observe', with: { free: 1 } },
        { use: 'early-talker', with: { everyone: true, wait: '300ms' } },
        { use: 'greylist', with: { delay: '10m' } },
      ],
      plugins: { 'recipient-checks': { session: 2 }, mda: { full: 'refuse' } },
    })
    await instance.start()
  })
  after(() => instance.destroy())

  const send = (...more: readonly string[]) =>
    run(['--server', `127.0.0.1:${instance.ports.mx}`, '--from', 'x@far.test', '--to', ALICE, ...more])

  test('who is new hears when to come again, and the log under that id says how to make an exception', async () => {
    const heard = await send()
    const id = /451 4\.7\.1 Greylisted, please come again in 10m \[(\S+)\]/.exec(heard)?.[1]
    assert.ok(id !== undefined, heard)
    const [line] = await instance.logged(new RegExp(`"ref":"${id}"[^\\n]*policy objected`))
    assert.match(line, /"plugin":"greylist"[^\n]*"rule":"first-try"[^\n]*posthouse greylist allow 127\.0\.0\.0\/24/)
    assert.match(await send(), /451 4\.7\.1 Greylisted/)
  })

  test('the exception is a command away, and needs no restart', async () => {
    const { code, stdout } = await instance.cli(['greylist', 'allow', '127.0.0.1'])
    assert.equal(code, 0, stdout)
    assert.match((await instance.cli(['greylist', 'ls'])).stdout, /^127\.0\.0\.0\/24 {2}passes/m)
    assert.match(await send(), /250 2\.0\.0 Message accepted/)
  })

  test('who asks for too many recipients nobody has is shown the door, and a tarpit would have slowed it', async () => {
    const unknown = ['a', 'b', 'c'].map(name => `${name}@example.test`).join()
    const heard = await send('--to', unknown)
    assert.equal(heard.match(/550 5\.1\.1 /g)?.length, 2, heard)
    assert.match(heard, /421 4\.7\.0 Too many unknown recipients/)
    await instance.logged(/"refused":2[^\n]*would have slowed down/)
  })

  test('who speaks before the greeting is refused and remembered', async () => {
    const socket = connect(instance.ports.mx, '127.0.0.1')
    socket.write('EHLO in.a.hurry.test\r\n')
    let heard = ''
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      heard += chunk.toString()
      if (heard.endsWith('\r\n')) break
    }
    socket.destroy()
    assert.match(heard, /^554 5\.5\.1 Client spoke before the greeting/)
    await instance.logged(/"network":"127\.0\.0\.0\/24","offences":1[^\n]*early talker remembered/)
  })

  test('of a full mailbox is told at RCPT', async () => {
    // Less than what is there since it was let in.
    assert.equal((await instance.cli(['user', 'change', ALICE, '--quota', '500'])).code, 0)
    assert.match(await send(), /552 5\.2\.2 Mailbox is full/)
  })
})

describe('people who log in', { skip }, () => {
  let instance: Instance
  const sink = new SmtpSink()
  before(async () => {
    await sink.start()
    instance = await Instance.make({
      users: [[ALICE, PASSWORD]],
      plugins: {
        mx: { routes: { 'far.test': `127.0.0.1:${sink.port}` } },
        'outgoing-brake': { new_recipients_per_hour: 3 },
      },
    })
    await instance.start()
  })
  after(async () => {
    await instance?.destroy()
    await sink.stop()
  })

  const auth = ['--auth', 'PLAIN', '--auth-user', ALICE, '--auth-password', PASSWORD, '--tls-on-connect']
  const send = (to: string, ...more: readonly string[]) =>
    run(['--server', `127.0.0.1:${instance.ports.submissions}`, ...auth, '--from', ALICE, '--to', to, ...more])
  const arrived = (subject: string) =>
    sink.messages.map(({ data }) => data.toString()).find(text => text.includes(`Subject: ${subject}\r\n`))
  const queue = async () =>
    JSON.parse((await instance.cli(['queue', 'ls', '--json'])).stdout) as { rows: { hold?: string }[] }[]

  test('write as themselves, in the envelope and in From', async () => {
    assert.match(
      await send('x@far.test', '--from', 'boss@example.test'),
      /553 5\.7\.1 You may not send as <boss@example/,
    )
    assert.match(
      await send('x@far.test', '--h-From', 'Boss <boss@far.test>'),
      /550 5\.7\.1 From may not name <boss@far/,
    )
    assert.equal(sink.messages.length, 0)
  })

  test('have Bcc taken out and what is missing added', async () => {
    const data = `From: ${ALICE}\r\nBcc: secret@far.test\r\nSubject: plain\r\n\r\nhello\r\n`
    assert.match(await send('x@far.test', '--data', data), /250 2\.0\.0 /)
    const text = await eventually(() => arrived('plain'))
    assert.doesNotMatch(text, /bcc|secret@/i)
    assert.match(text, /^Date: .* \+0000\r$/m)
    assert.match(text, /^Message-ID: <\w+\.1@[^>\s]+>\r$/m)
  })

  test('do not send their own password, and it stands in no log', async () => {
    const heard = await send('x@far.test', '--body', `Sure, it is ${PASSWORD}`)
    assert.match(heard, /550 5\.7\.0 This message seems to hold the password you log in with/)
    assert.doesNotMatch(heard, /correct horse/)
    await instance.logged(/"plugin":"leak-check"[^\n]*"rule":"own-password"[^\n]*policy objected/)
    assert.doesNotMatch(instance.log, /correct horse/)
    assert.equal(sink.messages.length, 1)
  })

  test('who suddenly write to many new people have their mail held, and the postmaster is told', async () => {
    assert.match(await send('a@far.test,b@far.test', '--h-Subject', 'few'), /250 2\.0\.0 /)
    await eventually(() => arrived('few'))
    assert.match(await send('c@far.test,d@far.test', '--h-Subject', 'many'), /250 2\.0\.0 /)
    assert.match(await send('x@far.test', '--h-Subject', 'known'), /250 2\.0\.0 /)
    const reasons = (await queue()).flatMap(({ rows }) => rows.map(({ hold }) => hold))
    assert.deepEqual(reasons, Array(3).fill(`outgoing brake: ${ALICE}`))
    assert.equal(arrived('many'), undefined)
    assert.match((await instance.cli(['brake', 'ls'])).stdout, /^alice@example\.test {2}since .* 2 messages held$/m)
    await instance.logged(/"about":"outgoing-brake alice@example\.test[^\n]*notice sent/)
  })

  test('and it goes out when they are released', async () => {
    const { code, stdout } = await instance.cli(['brake', 'release', ALICE])
    assert.equal(code, 0)
    assert.match(stdout, /alice@example\.test may send again; 2 messages released/)
    await eventually(() => arrived('many') ?? undefined)
    await eventually(() => arrived('known') ?? undefined)
    assert.match((await instance.cli(['brake', 'ls'])).stdout, /no account is braked/)
    assert.match(await send('e@far.test', '--h-Subject', 'after'), /250 2\.0\.0 /)
    await eventually(() => arrived('after'))
    // The next host has it a moment before we have written that it does.
    await eventually(async () => ((await queue()).length === 0 ? true : undefined))
  })
})
