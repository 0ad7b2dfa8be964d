/**
 * Whatever octets a client sends, in whatever pieces: every reply is a whole reply line, the door ends what it began, and the next
 * client is served. Two kinds of input: pieces of commands in any order, and whole good sessions whose octets were changed.
 * Bounded by `POSTHOUSE_FUZZ_RUNS` (default 150); `npm run fuzz` goes on for longer.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { mutate, mutations } from '../../harness/mutate.js'
import { SmtpDoor } from '../../harness/smtp-door.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)
let door: SmtpDoor

before(async () => {
  door = await SmtpDoor.open({
    listener: { auth: 'optional', cleartextAuth: true },
    mayXclient: true,
    mayXforward: true,
    limits: { errors: 200, messageBytes: 2000, commandMs: 2000, dataMs: 2000 },
  })
})
after(() => door.close())

const piece = fc.oneof(
  fc.constantFrom(
    'EHLO c.test\r\n',
    'MAIL FROM:<a@b.test>\r\n',
    'RCPT TO:<alice@example.test>\r\n',
    'DATA\r\n',
    'RSET\r\n',
  ),
  fc.constantFrom(
    '\r\n.\r\n',
    '\r\n',
    '\n',
    '\r',
    '.',
    '\n.\n',
    'AUTH PLAIN\r\n',
    'AUTH LOGIN\r\n',
    '*\r\n',
    'NOOP\r\n',
  ),
  fc.constantFrom('BDAT 5 LAST\r\n', 'MAIL FROM:<', '>', ' SIZE=', 'AGFsaWNlAHNlY3JldA==\r\n', 'x'.repeat(3000)),
  fc.uint8Array({ maxLength: 20 }).map(octets => Buffer.from(octets).toString('latin1')),
)

/** Everything the server says to these octets, until it closes. */
async function converse(pieces: readonly string[]): Promise<string> {
  const socket = connect({ port: door.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  socket.setEncoding('latin1')
  let heard = ''
  for (const one of pieces) socket.write(one, 'latin1')
  socket.end()
  for await (const text of socket) heard += text
  return heard
}

const ENVELOPE =
  'EHLO c.test\r\nMAIL FROM:<a@b.test> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<"al ice"@example.test> NOTIFY=FAILURE\r\n'
const SESSIONS = [
  `${ENVELOPE}DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nRSET\r\nQUIT\r\n`,
  `${ENVELOPE}BDAT 10\r\nSubject: xBDAT 8 LAST\r\n\r\n\r\nabcdNOOP\r\nQUIT\r\n`,
  'EHLO c.test\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<@r.test:a@[IPv6:::1]> AUTH=<> RET=HDRS ENVID=x+2By\r\nVRFY alice\r\nHELP\r\nQUIT\r\n',
  'EHLO c.test\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<a@b.test> BY=90;NT HOLDUNTIL=2020-01-01T00:00:00Z MT-PRIORITY=-3\r\nRCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+40b\r\nBDAT 2 LAST\r\n\r\nQUIT\r\n',
  'EHLO c.test\r\nAUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\nSTARTTLS\r\nNOOP\r\nQUIT\r\n',
  `EHLO f.test\r\nXCLIENT ADDR=IPV6:2001:db8::1 PORT=25 NAME=a+2Bb\r\nXFORWARD HELO=x SOURCE=LOCAL\r\n${ENVELOPE}DATA\r\n\r\n.\r\n`,
]

test('whole sessions whose octets were changed are answered by whole replies and an end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SESSIONS), mutations, async (session, changes) => {
      const heard = await converse([mutate(Buffer.from(session, 'latin1'), changes).toString('latin1')])
      const lines = heard.split('\r\n')
      assert.equal(lines.pop(), '', 'a reply without its end')
      for (const line of lines) assert.match(line, /^[2-5]\d\d[ -][\x20-\x7e]*$/)
    }),
    { numRuns },
  )
  assert.match(await converse(['NOOP\r\nQUIT\r\n']), /^220 .*\r\n250 .*\r\n221 .*\r\n$/)
})

test('any octets are answered by whole replies and an end, and the next client is served', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async pieces => {
      const lines = (await converse(pieces)).split('\r\n')
      assert.equal(lines.pop(), '', 'a reply without its end')
      assert.match(lines[0]!, /^(220|554) /)
      for (const line of lines) assert.match(line, /^[2-5]\d\d[ -][\x20-\x7e]*$/)
      assert.match(await converse(['NOOP\r\nQUIT\r\n']), /^220 .*\r\n250 .*\r\n221 .*\r\n$/)
    }),
    { numRuns },
  )
})

test('and none of it was a bug to the server', () => {
  assert.deepEqual(
    door.log.lines.filter(line => line.level === 'error'),
    [],
  )
})
