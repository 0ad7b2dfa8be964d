/**
 * Exchanges that go wrong, over every protocol of a whole server: cancelled, endless, huge, broken off, out of order. Each gets the RFC's
 * reply, the server lives, and no secret comes into its log at the most talkative level.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { plainClient, ScramClient } from '../harness/sasl-client.js'
import { type Protocol, SaslTalk } from '../harness/sasl-talk.js'

const LOGIN = 'alice@example.test'
const PASSWORD = 'correct horse'
const base64 = (text: string) => Buffer.from(text).toString('base64')

interface Replies {
  readonly door: 'submissions' | 'imaps' | 'pop3s'
  readonly auth: string
  readonly good: RegExp
  readonly cancelled: RegExp
  readonly malformed: RegExp
  readonly unknown: RegExp
  readonly huge: RegExp
  readonly challenge: RegExp
  /** What a session hears that has gone on for too long; `END` where it just ends. */
  readonly enough: RegExp
}

const REPLIES: Record<Protocol, Replies> = {
  smtp: {
    door: 'submissions',
    auth: 'AUTH',
    good: /^235 2\.7\.0 /,
    cancelled: /^501 5\.7\.0 Authentication cancelled/,
    malformed: /^501 5\.5\.2 /,
    unknown: /^504 5\.5\.4 /,
    huge: /^500 5\.5\.6 /,
    challenge: /^334 /,
    enough: /^421 4\.7\.0 /,
  },
  imap: {
    door: 'imaps',
    auth: 't AUTHENTICATE',
    good: /^t OK /,
    cancelled: /^t BAD Authentication cancelled/,
    malformed: /^t BAD /,
    unknown: /^t NO \[CANNOT\] /,
    huge: /^\* BYE The line is too long|^END/,
    challenge: /^\+ /,
    enough: /^\* BYE |^END/,
  },
  pop3: {
    door: 'pop3s',
    auth: 'AUTH',
    good: /^\+OK /,
    cancelled: /^-ERR Authentication cancelled/,
    malformed: /^-ERR /,
    unknown: /^-ERR Unknown mechanism/,
    huge: /^-ERR The response is too long/,
    challenge: /^\+ /,
    enough: /^-ERR Too many commands|^END/,
  },
}

describe('an exchange that goes wrong', () => {
  let instance: Instance

  before(async () => {
    instance = await Instance.make({
      without: CONTENT,
      users: [[LOGIN, PASSWORD]],
      server: { log: { level: 'debug' } },
      plugins: { imap: { login_delay: '1ms' }, pop3: { login_delay: '1ms' } },
    })
    await instance.start()
  })
  after(() => instance.destroy())

  for (const [name, replies] of Object.entries(REPLIES)) {
    const protocol = name as Protocol
    const { auth } = replies

    const open = async () => {
      const talk = await SaslTalk.open(protocol, { port: instance.ports[replies.door], way: 'implicit' })
      await talk.ask()
      return talk
    }
    const scram = () => new ScramClient({ mechanism: 'SCRAM-SHA-256', login: LOGIN, password: PASSWORD })

    /** Says these one after the other; what is heard to the last. */
    async function heard(...lines: string[]): Promise<string> {
      const talk = await open()
      let answer = ''
      for (const line of lines) answer = await talk.say(line)
      talk.close()
      return answer
    }

    test(`${name}: cancelled at every challenge, and the session goes on`, async () => {
      const talk = await open()
      const first = scram().initial.toString('base64')
      for (const lines of [
        [`${auth} PLAIN`],
        [`${auth} LOGIN`],
        [`${auth} LOGIN`, base64(LOGIN)],
        [`${auth} SCRAM-SHA-256`],
        [`${auth} SCRAM-SHA-256 ${first}`],
        [`${auth} SCRAM-SHA-256`, first],
      ]) {
        for (const line of lines) assert.match(await talk.say(line), replies.challenge, line)
        assert.match(await talk.say('*'), replies.cancelled)
      }
      assert.match(await talk.authenticate(plainClient(LOGIN, PASSWORD)), replies.good)
      talk.close()
    })

    test(`${name}: a proven SCRAM that the client does not confirm is no login`, async () => {
      for (const [last, answer] of [
        ['*', replies.cancelled],
        [base64('x'), replies.malformed],
      ] as const) {
        const talk = await open()
        const client = scram()
        const first = await talk.say(`${auth} SCRAM-SHA-256 ${client.initial.toString('base64')}`)
        const challenge = Buffer.from(first.replace(replies.challenge, ''), 'base64')
        assert.match(await talk.say(client.respond(challenge).toString('base64')), replies.challenge)
        assert.match(await talk.say(last), answer)
        // still a stranger
        assert.match(await talk.authenticate(scram()), replies.good)
        talk.close()
      }
    })

    for (const [what, lines, answer] of [
      ['no base64', [`${auth} PLAIN`, '!!!!'], replies.malformed],
      ['base64 without its padding', [`${auth} PLAIN`, 'YWJj=YWJj'], replies.malformed],
      ['nothing where a login is wanted', [`${auth} PLAIN`, ''], replies.malformed],
      ['an empty initial response', [`${auth} SCRAM-SHA-256 =`], replies.malformed],
      ['no message of SCRAM', [`${auth} SCRAM-SHA-256 ${base64('n,,n=')}`], replies.malformed],
      ['the last message of SCRAM first', [`${auth} SCRAM-SHA-256 ${base64('c=biws,r=x,p=AAAA')}`], replies.malformed],
      [
        'a name of another form',
        [`${auth} PLAIN ${Buffer.from([0, 0xff, 0, 0x61]).toString('base64')}`],
        replies.malformed,
      ],
      ['a mechanism that nobody has', [`${auth} CRAM-MD5`], replies.unknown],
      ['a mechanism that needs a certificate', [`${auth} EXTERNAL =`], replies.unknown],
      ['a mechanism that needs tokens', [`${auth} XOAUTH2`], replies.unknown],
      ['a huge response', [`${auth} PLAIN`, 'A'.repeat(40_000)], replies.huge],
    ] as const) {
      test(`${name}: ${what}`, async () => assert.match(await heard(...lines), answer))
    }

    test(`${name}: a response of the size that is allowed, and no login`, async () => {
      assert.match(
        await heard(`${auth} PLAIN`, base64(`\0${LOGIN}\0${'x'.repeat(8000)}`)),
        /^535 |^t NO |^-ERR \[AUTH\]/,
      )
      assert.match(await heard(`${auth} SCRAM-SHA-256`, base64(`n,,n=${'u'.repeat(8000)},r=abc`)), replies.malformed)
    })

    test(`${name}: exchanges begun and cancelled for ever end the session`, async () => {
      const talk = await open()
      let answer = ''
      for (let i = 0; i < 200 && !replies.enough.test(answer); i++) {
        answer = await talk.say(`${auth} PLAIN`)
        if (replies.challenge.test(answer)) answer = await talk.say('*')
      }
      assert.match(answer, replies.enough)
      talk.close()
    })

    test(`${name}: a client that leaves in the middle leaves nothing behind`, async () => {
      for (const lines of [[`${auth} PLAIN`], [`${auth} SCRAM-SHA-256 ${scram().initial.toString('base64')}`]]) {
        const talk = await open()
        for (const line of lines) assert.match(await talk.say(line), replies.challenge)
        talk.close()
      }
      assert.match(
        await heard(`${auth} PLAIN ${plainClient(LOGIN, PASSWORD).initial!.toString('base64')}`),
        replies.good,
      )
    })
  }

  test('no failure of ours and no secret is in the log', async () => {
    await eventually(() => (instance.log.includes('SCRAM-SHA-256') ? true : undefined))
    assert.doesNotMatch(instance.log, /"level":"error"/)
    for (const secret of [PASSWORD, base64(`\0${LOGIN}\0${PASSWORD}`), base64(PASSWORD), 'c=biws'])
      assert.ok(!instance.log.includes(secret), secret)
  })
})
