/** What no client should send: it is answered with what was expected, or with BYE, and nobody else is hurt. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type Rig, startRig } from './rig.js'

let rig: Rig

before(async () => {
  rig = await startRig({ maxMessageBytes: 100_000, config: { max_bad_commands: 1000 } })
})
after(() => rig.end())

/** All that is heard when the client says this and ends its side, but listens on. */
function heardOf(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const socket = connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true }, () =>
      socket.end(Buffer.from(text, 'latin1')),
    )
    socket.on('data', chunk => (heard += chunk.toString('latin1')))
    socket.on('end', () => resolve(heard))
    socket.on('error', reject)
  })
}

const LOGIN = 'a LOGIN ann secret\r\n'

for (const [what, text, wish] of [
  ['after nothing', '', /^\* OK .*\r\n\* BYE /],
  ['after whole commands', `${LOGIN}b NOOP\r\nc SELECT INBOX\r\n`, /b OK [\s\S]*c OK .*\r\n\* BYE /],
  ['within a line', `${LOGIN}b NOO`, /a OK .*\r\n\* BYE /],
  ['within a literal', `${LOGIN}b APPEND INBOX {10+}\r\nabc`, /a OK .*\r\n\* BYE /],
  ['within a large one', `${LOGIN}b APPEND INBOX {90000+}\r\nabc`, /a OK .*\r\n\* BYE /],
  ['while idling', `${LOGIN}b IDLE\r\n`, /\+ Idling.*\r\n/],
  ['where a login is asked on', 'a AUTHENTICATE PLAIN\r\n', /\+ \r\n\* BYE /],
] as const) {
  test(`a client that ends its side ${what} hears all its answers and BYE`, async () => {
    assert.match(await heardOf(text), wish)
  })
}

for (const [what, text] of [
  ['a literal of more octets than there are numbers', 'b APPEND INBOX {99999999999999999999+}\r\n'],
  ['a literal8 of them', 'b APPEND INBOX ~{99999999999999999999+}\r\n'],
  ['a literal where none belongs', 'b NOOP {99999999999+}\r\n'],
] as const) {
  test(`${what} ends with BYE [TOOBIG]`, async () => {
    assert.match(await heardOf(LOGIN + text), /\r\n\* BYE \[TOOBIG\] .*\r\n$/)
  })
}

for (const [command, answer] of [
  ['APPEND INBOX {99999999999999999999}', /^NO \[TOOBIG\] Message is too large, 100000 octets are the limit/],
  ['APPEND INBOX ~{200000}', /^NO \[TOOBIG\]/],
  ['NOOP {70000}', /^NO \[TOOBIG\] Literal is too large/],
  ['APPEND INBOX ~{3+}\r\nabc nonsense', /^BAD Expected a literal/],
  ['APPEND INBOX UTF8 (~{3+}\r\nabc)', /^BAD Expected a literal with the message at column/],
  ['APPEND INBOX ~"abc"', /^BAD Expected a literal like ~\{10\}/],
  [`LIST (${'SUBSCRIBED '.repeat(30).trim()}) "" *`, /^BAD Expected no more than 20/],
  [`LIST "" (${'a '.repeat(60).trim()})`, /^BAD Expected no more than 50/],
  ['LIST "" ((a))', /^BAD/],
  ['LIST "" * RETURN (STATUS (MESSAGES (SIZE)))', /^BAD Expected one of MESSAGES/],
  [`STATUS INBOX (${'SIZE '.repeat(100).trim()})`, /^BAD Expected no more than/],
  ['CREATE x (USE ((\\Sent)))', /^BAD Expected a use like/],
  ['GETQUOTA', /^BAD Expected a space/],
  ['GETQUOTA {3}', /^OK|^NO/],
  ['SETQUOTA "" (STORAGE -1)', /^BAD Expected a limit/],
  ['COMPRESS', /^BAD Expected a space/],
  ['UNAUTHENTICATE now', /^BAD Expected the end of the command/],
  ['UID LIST "" *', /^BAD LIST has no UID form/],
  ['UID UID FETCH 1 UID', /^BAD/],
  ['UID', /^BAD Expected a space/],
  ['REPLACE 1 INBOX {3+}\r\nabc', /^BAD REPLACE needs a mailbox, SELECT one first/],
  ['FETCH 1 BINARY[1]', /^BAD FETCH needs a mailbox/],
  ['LOGIN ann secret', /^BAD LOGIN is possible before the login only/],
] as const) {
  test(`${JSON.stringify(command.slice(0, 60))} is told what was expected, and the conversation goes on`, async () => {
    const client = await rig.client('ann')
    client.send(`x ${command}\r\n`)
    const first = await client.response()
    if (first.startsWith('+ ')) client.send('abc\r\n')
    const said = first.startsWith('x ') ? first.slice(2) : (await client.answerTo('x')).at(-1)!
    assert.match(said, answer)
    await client.ok('NOOP')
  })
}

for (const item of [
  'BINARY[',
  'BINARY[]<0.0>',
  'BINARY[1.]',
  'BINARY[0]',
  'BINARY.SIZE',
  `BINARY[${'1.'.repeat(80)}1]`,
]) {
  test(`FETCH 1 ${item.slice(0, 20)} is BAD`, async () => {
    const client = await rig.client('ann')
    await client.append('INBOX', 'x')
    await client.ok('SELECT INBOX')
    assert.match(await client.answer(`FETCH 1 ${item}`), /^BAD Expected/)
  })
}

test('messages nested very deep come apart and together', async () => {
  const client = await rig.client('ann')
  const deep = `${'Content-Type: message/rfc822\r\n\r\n'.repeat(2500)}end\r\n`
  await client.append('Drafts', deep)
  const parts = Array.from(
    { length: 2000 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
  )
  await client.append('Drafts', `${parts.join('')}\r\nend\r\n`.slice(0, 99_000))
  await client.ok('SELECT Drafts')
  for (const item of ['BODYSTRUCTURE', `BINARY[${'1.'.repeat(63)}1]`, 'BINARY.SIZE[1.1.1]', 'ENVELOPE'])
    await client.ok(`FETCH 1:* ${item}`, 30_000)
  const bodies = await client.ok('FETCH 1 BODY.PEEK[]')
  assert.ok(bodies[0]!.includes(deep))
})

test('nothing of it was a bug', () => {
  assert.deepEqual(
    rig.lines.filter(({ level }) => level === 'error'),
    [],
  )
})
