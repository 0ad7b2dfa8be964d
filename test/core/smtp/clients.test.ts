/**
 * Clients that leave or dawdle, speak too early, never stop or break the rules of the format: what the door makes of them. Real sockets,
 * scripts in place.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SmtpDoor } from '../../harness/smtp-door.js'
import { logged, open, talk, untilSpoken } from './door-talk.js'

test('a client that speaks before the greeting is refused', async t => {
  const { hook, reached } = untilSpoken()
  const door = await open(t, { hooks: { connect: hook } })
  const script =
    'C: EHLO c.test\nC: <reached it>\nS: 554 5.5.1 Client spoke before the greeting\nS: 503 …\nC: QUIT\nS: 221 …'
  await talk(door, script, { reached })
})

test('a client that speaks before the greeting is heard afterwards where the policy says so', async t => {
  const { hook, reached } = untilSpoken()
  const door = await open(t, { hooks: { connect: hook }, smtp: { policies: { earlyTalk: 'normalise' } } })
  await talk(door, 'C: HELO c.test\nC: <reached it>\nS: 220 …\nS: 250 …\nC: QUIT\nS: 221 …', { reached })
})

test('where the policy says so, commands behind STARTTLS are thrown away instead', async t => {
  const door = await open(t, { smtp: { policies: { beforeTls: 'normalise' } } })
  await talk(
    door,
    `S: 220 …
    C: EHLO client.example
    S: <any>
    S: 250 STARTTLS
    C> STARTTLS\\r\\nNOOP\\r\\nNOOP\\r\\n
    S: 220 2.0.0 Ready to start TLS
    S: <silence 100>`,
  )
})

test('a NUL in a message is refused after its true end, or dropped where the policy says so', async t => {
  const text = '{envelope}\nC> a\\0b\\r\\n.\\r\\nNOOP\\r\\n\n'
  const strict = await open(t)
  await talk(strict, `${text}S: 554 5.6.0 Message has a NUL octet\nS: 250 2.0.0 OK`)
  const loose = await open(t, { smtp: { policies: { nul: 'normalise' } } })
  await talk(loose, `${text}S: 250 2.0.0 Message accepted …\nS: 250 2.0.0 OK`)
  assert.equal(String(loose.taken[0]!.bytes), 'ab\r\n')
})

test('a bare CR may be made right while a bare LF is refused', async t => {
  const door = await open(t, { smtp: { policies: { bareCr: 'normalise' } } })
  await talk(door, '{envelope}\nC> a\\rb\\r\\n.\\r\\n\nS: 250 2.0.0 Message accepted …')
  await talk(
    door,
    '{envelope}\nC> a\\rb\\nc\\r\\n.\\r\\n\nS: 554 5.6.0 Message has a bare LF; lines must end with CR LF',
  )
})

test('a PROXY header that nobody asked for ends the session', async t => {
  const door = await open(t)
  await talk(
    door,
    'S: 220 …\nC: PROXY TCP4 192.0.2.1 192.0.2.2 1 25\nS: 421 4.7.0 No PROXY protocol for you here\nS: <closed>',
  )
})

test('a silent client is told the time is over', async t => {
  const door = await open(t, { limits: { commandMs: 100 } })
  await talk(door, 'S: 220 …\nS: 421 4.4.2 Timeout while waiting for a command\nS: <closed>')
  assert.equal((await logged(door, 'session ended')).end, 'timeout')
})

test('a client that sends an octet now and then runs out of time too', async t => {
  const door = await open(t, { limits: { commandMs: 800 } })
  await talk(
    door,
    `S: 220 …
    C> N
    S: <silence 60>
    C> O
    S: <silence 60>
    C> O
    S: 421 4.4.2 …`,
  )
})

test('a message that stops coming is 421 and nothing is taken', async t => {
  const door = await open(t, { limits: { dataMs: 100 } })
  await talk(door, '{envelope}\nC> Subject: x\\r\\n\nS: 421 4.4.2 Timeout while waiting for message data\nS: <closed>')
  assert.equal(door.taken.length, 0)
})

test('time spent by our own hooks is not held against the client', async t => {
  const door = await open(t, { limits: { commandMs: 100 }, hooks: { mail: () => sleep(250) } })
  await talk(door, 'S: 220 …\nC: HELO c.test\nS: 250 …\nC: MAIL FROM:<a@b.test>\nS: 250 2.1.0 …')
})

test('a client that leaves within its message leaves nothing behind', async t => {
  const door = await open(t)
  await talk(door, '{envelope}\nC> Subject: half a mess\nC: <close>')
  assert.equal((await logged(door, 'session ended')).end, 'gone')
  assert.equal(door.taken.length, 0)
})

test('too many bad commands end the session', async t => {
  const door = await open(t, { limits: { errors: 3 } })
  await talk(
    door,
    'S: 220 …\nC: A\nS: 500 …\nC: B\nS: 500 …\nC: C\nS: 500 …\nS: 421 4.7.0 Too many errors\nS: <closed>',
  )
})

test('a session has only so many commands', async t => {
  const door = await open(t, { limits: { commands: 2 } })
  await talk(
    door,
    'S: 220 …\nC> NOOP\\r\\nNOOP\\r\\nNOOP\\r\\nNOOP\\r\\n\nS: 250 …\nS: 250 …\nS: 421 4.7.0 …\nS: <closed>',
  )
})

test('a browser that was talked into speaking to us is shown the door', async t => {
  const door = await open(t)
  await talk(
    door,
    'S: 220 …\nC> POST / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nMAIL FROM:<a@b>\\r\\n\nS: 421 4.7.0 …\nS: <closed>',
  )
})

test('with bare newlines normalised a message is strict CRLF, and what smuggles is text', async t => {
  const door = await open(t, { smtp: { policies: { bareCr: 'normalise', bareLf: 'normalise' } } })
  await talk(
    door,
    `{envelope}
    C> Subject: x\\n\\nbody\\n.\\nMAIL FROM:<evil@b.test>\\rend\\r\\n.\\r\\nNOOP\\r\\n
    S: 250 2.0.0 Message accepted …
    S: 250 2.0.0 OK`,
  )
  assert.equal(String(door.taken[0]!.bytes), 'Subject: x\r\n\r\nbody\r\n.\r\nMAIL FROM:<evil@b.test>\r\nend\r\n')
})

test('a client that never reads is cut off and stalls nobody', async t => {
  const door = await open(t, { limits: { commandMs: 200, commands: 1e9 } })
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  socket.pause()
  const flood = Buffer.from('HELP\r\n'.repeat(10_000))
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  const pour = () => {
    while (!socket.destroyed && socket.write(flood));
    if (!socket.destroyed) socket.once('drain', pour)
  }
  pour()
  await talk(door, 'S: 220 …\nC: NOOP\nS: 250 …')
  assert.match(String((await logged(door, 'session ended')).end), /timeout|gone|quit/)
  socket.destroy()
  await closed
})

/** Microseconds of CPU, ours and the server's, for one message of that line repeated. */
async function cost(door: SmtpDoor, line: string): Promise<number> {
  const body = Buffer.from(`h: x\r\n\r\n${line.repeat(Math.floor((5 * 1024 * 1024) / line.length))}.\r\nQUIT\r\n`)
  const socket = connect(door.port, '127.0.0.1')
  socket.setEncoding('latin1')
  let heard = ''
  let before: NodeJS.CpuUsage | undefined
  socket.write('HELO c.test\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n')
  for await (const text of socket) {
    heard += text
    if (before !== undefined || !heard.includes('354 ')) continue
    before = process.cpuUsage()
    socket.write(body)
  }
  const { user, system } = process.cpuUsage(before)
  assert.match(heard, /250 2\.0\.0 Message accepted/)
  return user + system
}

test('5 MB of stuffed dots cost little more than 5 MB of plain lines', async t => {
  const door = await open(t, { limits: { messageBytes: 10_000_000 } })
  const plain = `${'x'.repeat(74)}\r\n`
  await cost(door, plain)
  const usual = await cost(door, plain)
  // The least of some turns: in the first V8 compiles, and what else the machine does is in all.
  let dots = Number.POSITIVE_INFINITY
  for (const _ of [1, 2, 3]) dots = Math.min(dots, await cost(door, '..\r\n'))
  // Twice is the promise; the rest is for a busy machine. smtp-server's own scanner takes 2.8 s.
  assert.ok(dots < usual * 2 + 100_000, `${dots} µs against ${usual} µs`)
})

test('lists named over and over are not multiplied without end: the rest goes in another transaction', async t => {
  const door = await open(t)
  await talk(
    door,
    `S: 220 …
    C> HELO c.test\\r\\nMAIL FROM:<a@elsewhere.test>\\r\\nRCPT TO:<list+1@example.test>\\r\\nRCPT TO:<list+2@example.test>\\r\\nRCPT TO:<alice@example.test>\\r\\n
    S: 250 …
    S: 250 …
    S: 250 …
    S: 452 4.5.3 …
    S: 250 …`,
  )
})

test('a message with more fields than anybody looks at is refused, as one behind them would pass unseen', async t => {
  const door = await open(t, { limits: { headerBytes: 100_000, messageBytes: 100_000 } })
  await talk(door, `{envelope}\nC> ${'a: b\\r\\n'.repeat(2001)}X-Spam-Flag: NO\\r\\n\\r\\n.\\r\\n\nS: 552 5.3.4 …`)
  assert.equal(door.taken.length, 0)
})

test('the time for a whole message is for all its chunks together', async t => {
  const door = await open(t, { limits: { messageMs: 500 } })
  await talk(
    door,
    `S: 220 …
    C> EHLO c.test\\r\\nMAIL FROM:<a@elsewhere.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nBDAT 3\\r\\nA: 
    S: <any>
    S: 250 2.0.0 3 octets received
    S: <silence 600>
    C> BDAT 3 LAST\\r\\nb\\r\\n
    S: <any>
    S: 421 4.4.2 …
    S: <closed>`,
  )
  assert.equal(door.taken.length, 0)
})
