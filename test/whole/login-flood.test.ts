/**
 * A flood of log-ins must not stop mail. Hashing is made dear here, so that these log-ins would keep the server busy for half a minute;
 * what is held against each other is the order of replies, never a time.
 */
import assert from 'node:assert/strict'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { CONTENT, Instance } from '../harness/instance.js'

const SESSIONS = 50
const [PARALLEL, WAITING] = [1, 5]
const GREETING = /^220 .*\r\n/
const LAST_LINE = /^\d{3} .*\r\n/m

/** Says a line and waits for the whole reply. */
class Talk {
  readonly #socket: Socket
  #heard = ''
  #wanted: { readonly pattern: RegExp; readonly resolve: (text: string) => void } | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      this.#heard += chunk.toString('latin1')
      this.#look()
    })
    socket.on('error', () => undefined)
  }

  hear(pattern = LAST_LINE): Promise<string> {
    return new Promise(resolve => {
      this.#wanted = { pattern, resolve }
      this.#look()
    })
  }

  say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`)
    return this.hear()
  }

  end(): void {
    this.#socket.destroy()
  }

  #look(): void {
    const wanted = this.#wanted
    if (wanted === undefined || !wanted.pattern.test(this.#heard)) return
    const text = this.#heard
    this.#heard = ''
    this.#wanted = undefined
    wanted.resolve(text)
  }
}

describe('while more log in than can be checked', () => {
  let instance: Instance
  const talks: Talk[] = []

  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      plugins: { 'auth-file': { cost: 17, parallel: PARALLEL, waiting: WAITING, demo: false, scram: false } },
      users: [['alice@example.test', 'correct horse']],
    })
    await instance.start()
  })
  after(async () => {
    for (const talk of talks) talk.end()
    await instance.destroy()
  })

  async function submissions(): Promise<Talk> {
    const talk = new Talk(
      connectTls({ port: instance.ports.submissions, host: '127.0.0.1', rejectUnauthorized: false }),
    )
    talks.push(talk)
    await talk.hear(GREETING)
    await talk.say('EHLO client.example.test')
    return talk
  }

  async function stranger(): Promise<Talk> {
    const talk = new Talk(connectTcp(instance.ports.mx, '127.0.0.1'))
    talks.push(talk)
    await talk.hear(GREETING)
    await talk.say('EHLO client.elsewhere.test')
    return talk
  }

  test('those on top hear 454 at once, and mail is accepted before the others have their answer', async () => {
    const guessers: Talk[] = []
    for (let n = 0; n < SESSIONS; n++) guessers.push(await submissions())
    const mail = await stranger()
    const order: string[] = []
    const surplus = SESSIONS - PARALLEL - WAITING
    let full: (() => void) | undefined
    const queueIsFull = new Promise<void>(resolve => {
      full = resolve
    })
    const answers = guessers.map(async (talk, n) => {
      const secret = Buffer.from(`\0user${n}@example.test\0guess`).toString('base64')
      const reply = await talk.say(`AUTH PLAIN ${secret}`)
      order.push(reply.slice(0, 9))
      if (order.filter(one => one === '454 4.7.0').length === surplus - WAITING) full?.()
    })
    await queueIsFull
    for (const line of ['NOOP', 'MAIL FROM:<s@elsewhere.test>', 'RCPT TO:<alice@example.test>', 'DATA'])
      assert.match(await mail.say(line), /^[23]5[04] /, line)
    order.push((await mail.say('Subject: in the flood\r\n\r\nStill here.\r\n.')).slice(0, 9))
    await Promise.all(answers)
    const accepted = order.indexOf('250 2.0.0')
    assert.ok(accepted > 0, order.join('\n'))
    assert.ok(order.slice(accepted).includes('535 5.7.8'), 'log-ins were still waiting when the mail was accepted')
    assert.deepEqual(new Set(order), new Set(['454 4.7.0', '250 2.0.0', '535 5.7.8']))
  })
})
