/** On-demand relay from end to end: mail waits, a server logs in over TLS, turns the session round and gets it. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { CONTENT, Instance } from '../harness/instance.js'
import { SmtpSink } from '../harness/smtp-sink.js'
import { sendMail, TurningClient } from '../harness/turning-client.js'

describe('a server that comes for its mail', () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [
        ['alice@example.test', 'secret alice'],
        ['branch@example.test', 'secret words'],
      ],
      server: {
        relay_domains: ['branch.test', 'other.test'],
        queue: { retry: ['1s'], expire: '1s', warn_after: [] },
      },
      first: [
        { use: 'atrn', with: { not_on: [], clients: [{ login: 'branch@example.test', domains: ['branch.test'] }] } },
      ],
    })
    await instance.start()
  })
  after(() => instance.destroy())

  const send = (subject: string, ...to: readonly string[]) => sendMail(instance.ports.mx, subject, ...to)
  const loggedIn = () => TurningClient.loggedIn(instance.ports.submissions, 'branch@example.test', 'secret words')

  async function queue(): Promise<{ rows: { hold?: string }[] }[]> {
    return JSON.parse((await instance.cli(['queue', 'ls', '--json'])).stdout)
  }

  test('without a login ATRN is told of where one may log in, and refused', async () => {
    const client = await TurningClient.open(instance.ports.submissions)
    assert.match(await client.say('EHLO branch.test'), /^250[- ]ATRN\r$/m)
    assert.match(await client.say('ATRN'), /^530 5\.7\.0 /)
    client.socket.destroy()
    const plain = new TurningClient(connect(instance.ports.mx, '127.0.0.1'))
    await plain.reply()
    assert.doesNotMatch(await plain.say('EHLO branch.test'), /ATRN/)
    plain.socket.destroy()
  })

  test('mail waits past its time, and a connection lost in the middle keeps it', async t => {
    await send('first', 'one@branch.test', 'nobody@branch.test')
    await new Promise(resolve => setTimeout(resolve, 1500))
    assert.deepEqual(
      (await queue()).map(({ rows }) => rows.map(({ hold }) => hold)),
      [Array.from({ length: 2 }, () => 'waits for its client (ATRN)')],
    )
    const sink = new SmtpSink({ script: stage => (stage === 'end' ? { kind: 'drop' } : undefined) })
    const client = await loggedIn()
    t.after(() => client.socket.destroy())
    assert.match(await client.say('ATRN other.test'), /^450 4\.7\.1 /)
    assert.match(await client.say('ATRN branch.test'), /^250 2\.0\.0 OK now reversing the connection/)
    sink.adopt(client.leave())
    await instance.logged(/"left":2[^\n]*mail fetched by ATRN/)
    assert.equal((await queue())[0]?.rows.length, 2)
  })

  test('the client gets its mail as a server, and what it refuses for good bounces', async t => {
    await send('second', 'two@branch.test')
    const sink = new SmtpSink({
      script: (stage, argument) =>
        stage === 'rcpt' && argument.includes('nobody@') ? '550 5.1.1 No such user' : undefined,
    })
    const client = await loggedIn()
    t.after(() => client.socket.destroy())
    assert.match(await client.say('ATRN'), /^250 /)
    const closed = new Promise(resolve => client.socket.once('close', resolve))
    sink.adopt(client.leave())
    await closed
    const served = sink.messages.flatMap(({ recipients }) => recipients.join())
    assert.equal(served.length, 2)
    for (const [at, who] of ['one@branch.test', 'two@branch.test'].entries()) assert.match(served[at]!, new RegExp(who))
    assert.match(sink.messages[0]!.data.toString(), /^Received: [\s\S]*\r\nhello\r\n$/)
    assert.match(sink.commands.at(-1)!, /QUIT/)
    await instance.logged(/"delivered":2,"failed":1,"left":0[^\n]*mail fetched by ATRN/)
    await instance.logged(/"to":"alice@example\.test"[^\n]*"msg":"filed"/)
    assert.deepEqual(await queue(), [])
  })

  test('a second ATRN says that there is no mail, and the session goes on', async () => {
    const client = await loggedIn()
    assert.match(await client.say('ATRN'), /^453 4\.0\.0 You have no mail/)
    assert.match(await client.say('NOOP'), /^250 /)
    assert.match(await client.say('QUIT'), /^221 /)
  })

  test('what was sent behind ATRN closes the session, and the mail stays', async () => {
    await send('third', 'three@branch.test')
    const client = await loggedIn()
    assert.match(await client.say('ATRN\r\nNOOP'), /^421 4\.7\.0 /)
    client.socket.destroy()
    assert.equal((await queue()).length, 1)
  })
})
