/** What strangers and mistakes hear from a started server, and that it lives on afterwards. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { CONTENT, Instance, PATIENCE_MS } from '../harness/instance.js'

/** Says lines one by one and keeps the last line of each reply. */
class Talk {
  #buffer = ''
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      this.#buffer += chunk.toString('latin1')
    })
  }

  static async open(port: number, encrypted = false): Promise<Talk & { greeting: string }> {
    const socket = encrypted
      ? tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect(port, '127.0.0.1')
    const talk = new Talk(socket)
    return Object.assign(talk, { greeting: await talk.reply() })
  }

  async reply(): Promise<string> {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
      const match = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(this.#buffer)
      if (match !== null) {
        this.#buffer = this.#buffer.slice(match[0].length)
        return match[1]!
      }
      await new Promise(done => setTimeout(done, 25))
    }
    throw new Error(`no reply, only ${JSON.stringify(this.#buffer)}`)
  }

  say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`)
    return this.reply()
  }

  close(): void {
    this.#socket.destroy()
  }
}

describe('a started server', () => {
  let instance: Instance
  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [['alice@example.test', 'secret words']],
      server: { limits: { message_size: '64KB' } },
    })
    await instance.start()
  })
  after(() => instance.destroy())

  async function envelope(recipient: string, mail = 'MAIL FROM:<stranger@elsewhere.test>'): Promise<string[]> {
    const talk = await Talk.open(instance.ports.mx)
    const replies = [
      await talk.say('EHLO client.elsewhere.test'),
      await talk.say(mail),
      await talk.say(`RCPT TO:<${recipient}>`),
    ]
    talk.close()
    return replies
  }

  test('an unknown local recipient is 550 5.1.1', async () => {
    assert.match((await envelope('nobody@example.test'))[2]!, /^550 5\.1\.1 /)
  })

  test('relaying by strangers is 550 5.7.1, from loopback too', async () => {
    assert.match((await envelope('someone@world.test'))[2]!, /^550 5\.7\.1 /)
  })

  test('a message declared too large is 552 5.3.4', async () => {
    assert.match((await envelope('alice@example.test', 'MAIL FROM:<a@b.test> SIZE=70000'))[1]!, /^552 5\.3\.4 /)
  })

  test('a message that turns out too large is 552 5.3.4, and the session goes on', async () => {
    const talk = await Talk.open(instance.ports.mx)
    await talk.say('EHLO client.elsewhere.test')
    await talk.say('MAIL FROM:<a@b.test>')
    await talk.say('RCPT TO:<alice@example.test>')
    assert.match(await talk.say('DATA'), /^354 /)
    assert.match(await talk.say(`Subject: x\r\n\r\n${'0123456789\r\n'.repeat(7000)}.`), /^552 5\.3\.4 /)
    assert.match(await talk.say('NOOP'), /^250 /)
    talk.close()
  })

  for (const [name, bad] of [
    ['line feed', 'a\nb'],
    ['carriage return', 'a\rb'],
  ] as const) {
    test(`a bare ${name} in a message is refused`, async () => {
      const talk = await Talk.open(instance.ports.mx)
      await talk.say('EHLO client.elsewhere.test')
      await talk.say('MAIL FROM:<a@b.test>')
      await talk.say('RCPT TO:<alice@example.test>')
      await talk.say('DATA')
      assert.match(await talk.say(`Subject: x\r\n\r\n${bad}\r\n.`), /^55\d 5\./)
      talk.close()
    })
  }

  test('a login before TLS is not taken', async () => {
    const talk = await Talk.open(instance.ports.submission)
    await talk.say('EHLO client.elsewhere.test')
    assert.match(await talk.say('AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZHM='), /^(530|538|503|504) 5\./)
    assert.match(await talk.say('MAIL FROM:<alice@example.test>'), /^530 5\.7\.0 /)
    talk.close()
  })
})

const WAYS: readonly [string, string][] = [
  ['throws', `() => { throw new Error('bug') }`],
  ['rejects', `async () => { throw new Error('bug') }`],
  ['never settles', `() => new Promise(() => undefined)`],
]

const MOMENTS = ['helo', 'mail', 'rcpt', 'route', 'message']

/** A plugin that breaks at the moment the client's greeting names. */
function breaking(code: string): string {
  return `const hook = ${code}
    const when = moment => asked => ((asked.session?.helo ?? asked.name) === moment + '.test' || asked.name === moment + '.test' ? hook() : undefined)
    const hooks = Object.fromEntries(${JSON.stringify(MOMENTS)}.map(moment => [moment, when(moment)]))
    export default { name: 'broken', summary: 'breaks', config: { type: 'object' }, setup: () => ({ hooks }) }`
}

for (const [way, code] of WAYS) {
  test(`a plugin that ${way} is a temporary refusal, named in the log, and the server lives`, async t => {
    const instance = await Instance.make({
      without: CONTENT,
      files: { 'broken.js': breaking(code) },
      users: [['alice@example.test', 'secret words']],
      first: [{ use: './broken.js', timeout: '200ms' }],
    })
    t.after(() => instance.destroy())
    await instance.start()
    for (const moment of MOMENTS) {
      const talk = await Talk.open(instance.ports.mx)
      const replies = [await talk.say(`EHLO ${moment}.test`)]
      if (moment !== 'helo') {
        replies.push(await talk.say('MAIL FROM:<a@b.test>'))
        if (moment !== 'mail') replies.push(await talk.say('RCPT TO:<alice@example.test>'))
        if (moment === 'message') {
          await talk.say('DATA')
          replies.push(await talk.say('Subject: x\r\n\r\nx\r\n.'))
        }
      }
      assert.match(replies.at(-1)!, /^451 4\.3\.0 /, moment)
      talk.close()
    }
    await instance.logged(/broken/)
    const after = await Talk.open(instance.ports.mx)
    assert.match(after.greeting, /^220 /)
    after.close()
    assert.equal(await instance.stop(), 0)
  })
}

const THROWS = `() => { throw new Error('bug') }`

test('a plugin that fails at connect is 421 4.3.0', async t => {
  const instance = await Instance.make({
    without: CONTENT,
    files: { 'broken.js': atMoment('connect') },
    first: [{ use: './broken.js' }],
  })
  t.after(() => instance.destroy())
  await instance.start()
  const talk = await Talk.open(instance.ports.mx)
  assert.match(talk.greeting, /^421 4\.3\.0 /)
  talk.close()
})

test('a plugin that fails at AUTH is 454 4.7.0', async t => {
  const instance = await Instance.make({
    without: CONTENT,
    files: { 'broken.js': atMoment('auth') },
    first: [{ use: './broken.js' }],
  })
  t.after(() => instance.destroy())
  await instance.start()
  const talk = await Talk.open(instance.ports.submissions, true)
  await talk.say('EHLO client.test')
  assert.match(await talk.say('AUTH PLAIN AGFsaWNlAHNlY3JldA=='), /^454 4\.7\.0 /)
  talk.close()
})

function atMoment(moment: string): string {
  const hooks = `{ ${moment}: ${THROWS} }`
  return `export default { name: 'broken', summary: 'breaks', config: { type: 'object' }, setup: () => ({ hooks: ${hooks} }) }`
}
