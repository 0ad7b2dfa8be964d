/** Before the login: the greeting, STARTTLS, and all ways of logging in, over real sockets. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Rig, startRig } from './rig.js'

let rig: Rig

before(async () => {
  rig = await startRig()
})
after(() => rig.end())

test('the greeting names the capabilities', async () => {
  const client = await rig.client()
  assert.match(client.greeting, /^\* OK \[CAPABILITY IMAP4rev1 [^\]]*STARTTLS AUTH=PLAIN AUTH=LOGIN SASL-IR[^\]]*\]/)
})

test('without TLS and without leave there is no login, and a password is not asked for', async () => {
  const strict = await startRig({ config: { cleartext_auth: false } })
  try {
    const client = await strict.client()
    assert.match(client.greeting, /LOGINDISABLED/)
    assert.doesNotMatch(client.greeting, /AUTH=|SASL-IR/)
    assert.match(await client.answer('LOGIN ann secret'), /^NO \[PRIVACYREQUIRED\]/)
    assert.match(await client.answer('AUTHENTICATE PLAIN'), /^NO \[PRIVACYREQUIRED\]/)
    await client.startTls()
    const [caps] = await client.ok('CAPABILITY')
    assert.match(caps!, /AUTH=PLAIN/)
    assert.doesNotMatch(caps!, /STARTTLS|LOGINDISABLED/)
    assert.match(await client.answer('STARTTLS'), /^BAD/)
    await client.ok('LOGIN ann secret')
  } finally {
    await strict.end()
  }
})

test('what was slipped in before TLS does not count', async () => {
  const client = await rig.client()
  client.send('x NOOP\r\n')
  assert.deepEqual(await client.answerTo('x'), ['OK NOOP done'])
  client.send('a STARTTLS\r\nb LOGIN ann secret\r\n')
  assert.deepEqual(await client.answerTo('a'), ['OK Begin TLS negotiation now'])
  // The injected command is never answered: the next octets must be a handshake.
  client.send('c NOOP\r\n')
  assert.equal(await client.response(), 'END')
})

test('all forms of logging in', async () => {
  const plain = Buffer.from('\0ann\0secret').toString('base64')
  const first = await rig.client()
  assert.match(await first.answer(`AUTHENTICATE PLAIN ${plain}`), /^OK \[CAPABILITY /)
  const second = await rig.client()
  second.send('a authenticate plain\r\n')
  assert.equal(await second.response(), '+ ')
  second.send(`${plain}\r\n`)
  assert.match(await second.response(), /^a OK/)
  const third = await rig.client()
  third.send('a LOGIN {3}\r\n')
  assert.equal(await third.response(), '+ Ready for 3 octets')
  third.send('ann {6+}\r\nsecret\r\n')
  assert.match(await third.response(), /^a OK/)
  const fourth = await rig.client()
  assert.match(await fourth.answer('LOGIN "ann" "secret"'), /^OK/)
  assert.match(await fourth.answer('LOGIN ann secret'), /^BAD LOGIN is possible before the login only/)
})

for (const [what, exchange, answer] of [
  ['a wrong password', 'LOGIN ann wrong', /^NO \[AUTHENTICATIONFAILED\]/],
  ['a login that cannot be checked now', 'LOGIN down secret', /^NO \[UNAVAILABLE\]/],
  ['an unknown mechanism', 'AUTHENTICATE XYZ', /^NO \[CANNOT\]/],
  ['an empty first response', 'AUTHENTICATE PLAIN =', /^BAD/],
  ['broken base64', 'AUTHENTICATE PLAIN !!!', /^BAD Expected a first response in base64 at column/],
  ['a message without NULs', `AUTHENTICATE PLAIN ${Buffer.from('annsecret').toString('base64')}`, /^BAD/],
  [
    'acting for somebody else',
    `AUTHENTICATE PLAIN ${Buffer.from('bob\0ann\0secret').toString('base64')}`,
    /^NO \[AUTHENTICATIONFAILED\]/,
  ],
  ['selecting', 'SELECT INBOX', /^BAD SELECT needs a login first/],
] as const) {
  test(`${what} is refused before the login`, async () => {
    const client = await rig.client()
    assert.match(await client.answer(exchange), answer)
    assert.match(await client.answer('NOOP'), /^OK/)
  })
}

test('a cancelled AUTHENTICATE is BAD', async () => {
  const client = await rig.client()
  client.send('a AUTHENTICATE PLAIN\r\n')
  assert.equal(await client.response(), '+ ')
  client.send('*\r\n')
  assert.match(await client.response(), /^a BAD/)
})

test('after five wrong passwords the connection is closed', async () => {
  const client = await rig.client()
  for (let i = 0; i < 5; i++) assert.match(await client.answer('LOGIN ann wrong'), /^NO/)
  assert.match(await client.response(), /^\* BYE/)
  assert.equal(await client.response(), 'END')
})
