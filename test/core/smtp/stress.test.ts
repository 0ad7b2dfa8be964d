/** What slow and many clients can do to others: nothing. Waits shrink while connections run out and recover; a trickle has an end. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { patience } from '../../../core/net/patience.js'
import { parseScripts, runScript } from '../../harness/conversation.js'
import { type DoorOptions, SmtpDoor } from '../../harness/smtp-door.js'

for (const [load, ms] of [
  [0, 1000],
  [0.7, 1000],
  [0.85, 550],
  [1, 100],
  [5, 100],
] as const) {
  test(`with ${load * 100} % of the connections taken a wait of 1000 ms is one of ${ms} ms`, () => {
    assert.equal(patience(1000, load), ms)
  })
}

async function open(t: TestContext, options: DoorOptions): Promise<SmtpDoor> {
  const door = await SmtpDoor.open(options)
  t.after(() => door.close())
  return door
}

/** Connected and silent; resolves to how long the server waited. */
function silent(door: SmtpDoor): { readonly socket: Socket; readonly waited: Promise<number> } {
  const started = Date.now()
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  return { socket, waited: new Promise(resolve => socket.once('end', () => resolve(Date.now() - started))) }
}

test('when connections run out, those who keep silent go early, also those who came in quiet times; later there is time again', async t => {
  const door = await open(t, { limits: { connections: 10, commandMs: 10_000 } })
  const first = silent(door)
  await sleep(100)
  const others = Array.from({ length: 9 }, () => silent(door))
  assert.ok((await first.waited) < 8_000)
  await Promise.all(others.slice(0, 3).map(({ waited }) => waited))
  for (const { socket } of others) socket.destroy()
  // Nobody else is there, and so there is time: nothing comes in what was long enough before.
  const late = silent(door)
  t.after(() => late.socket.destroy())
  const soon = Symbol('nothing')
  assert.equal(await Promise.race([late.waited, sleep(2_000, soon)]), soon)
})

test('a message that trickles in is ended when the time for all of it is over', async t => {
  const door = await open(t, { limits: { dataMs: 300_000, messageMs: 400 } })
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n')
  const timer = setInterval(() => socket.write('x'), 50)
  t.after(() => clearInterval(timer))
  let heard = ''
  for await (const chunk of socket) heard += chunk
  assert.match(heard, /421 4\.4\.2 Timeout while waiting for message data\r\n$/)
})

test('a command that trickles in does not wind the clock', async t => {
  const door = await open(t, { limits: { commandMs: 300 } })
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => undefined)
  const timer = setInterval(() => socket.write('N'), 50)
  t.after(() => clearInterval(timer))
  let heard = ''
  for await (const chunk of socket) heard += chunk
  assert.match(heard, /421 4\.4\.2 Timeout while waiting for a command\r\n$/)
})

test('fifty slow senders do not keep another waiting', async t => {
  const door = await open(t, {})
  const slow = Array.from({ length: 50 }, () => {
    const socket = connect(door.port, '127.0.0.1')
    socket.on('error', () => undefined).resume()
    socket.write('HELO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n')
    return socket
  })
  const timer = setInterval(() => {
    for (const socket of slow) socket.write('.')
  }, 5)
  t.after(() => {
    clearInterval(timer)
    for (const socket of slow) socket.destroy()
  })
  await sleep(100)
  for (const script of parseScripts(
    'S: 220 …\nC> HELO c.test\\r\\nMAIL FROM:<a@b.test>\\r\\nRCPT TO:<alice@example.test>\\r\\nDATA\\r\\nx\\r\\n.\\r\\nQUIT\\r\\n\nS: 250 …\nS: 250 …\nS: 250 …\nS: 354 …\nS: 250 …\nS: 221 …',
    'script',
  ))
    await runScript(script, { port: door.port })
})

test('where a login is required, only so many commands are heard without one', async t => {
  const door = await open(t, { listener: { auth: 'required' }, limits: { commandsBeforeLogin: 3 } })
  const script =
    'S: 220 …\nC> NOOP\\r\\nNOOP\\r\\nNOOP\\r\\nNOOP\\r\\n\nS: 250 …\nS: 250 …\nS: 250 …\nS: 421 4.7.0 Too many commands without a login\nS: <closed>'
  for (const one of parseScripts(script, 'script')) await runScript(one, { port: door.port })
})

test('a client that says much and reads nothing is not read from any more, and goes when its time is over', async t => {
  const door = await open(t, { limits: { commandMs: 500, commands: 10_000_000 } })
  const socket = connect(door.port, '127.0.0.1')
  socket.on('error', () => undefined).pause()
  const many = Buffer.from('HELP\r\n'.repeat(100_000))
  for (let i = 0; i < 40; i++) socket.write(many)
  const over = () =>
    door.log.lines.find(line => line.sentence === 'session ended')?.facts as
      | { commands: number; end: string }
      | undefined
  while (over() === undefined) await sleep(20)
  assert.equal(over()?.end, 'timeout')
  // 4 million were sent; what was answered fits into the buffers of the two sockets.
  assert.ok(over()!.commands < 400_000, `${over()!.commands} commands were answered`)
  socket.destroy()
})
