/**
 * Whatever octets a client sends, in whatever pieces: every reply is a whole reply line, the door ends what it began, and the next
 * client is served. Bounded by `POSTHOUSE_FUZZ_RUNS` (default 150).
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { SmtpDoor } from '../../harness/smtp-door.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)
let door: SmtpDoor

before(async () => {
  door = await SmtpDoor.open({
    listener: { auth: 'optional', cleartextAuth: true },
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
  assert.deepEqual(
    door.log.lines.filter(line => line.level === 'error'),
    [],
  )
})
