/**
 * The end-of-data sequences of smtpsmuggling.com, in both directions: none of them ends a message that comes in, whatever the policy and
 * the protocol, and none of them leaves by SMTP or POP3 however it got into a stored message.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { dataDir } from '../../harness/data.js'
import { type DoorOptions, SmtpDoor } from '../../harness/smtp-door.js'
import { makeJob, makeRig } from '../../plugins/mx/rig.js'
import { Client, file, openHouse } from '../../plugins/pop3/house.js'

const folder = dataDir('smtp')
const { inbound_eod_sequences: inbound, outbound_eod_sequences: outbound } =
  folder === undefined
    ? { inbound_eod_sequences: [], outbound_eod_sequences: [] }
    : (JSON.parse(readFileSync(join(folder, 'smuggling/eod_sequences.json'), 'utf8')) as Record<string, string[]>)
const all = [...new Set([...inbound!, ...outbound!])]

const SMUGGLED =
  'MAIL FROM:<smuggled@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil'
const NORMALISED = { bareCr: 'normalise', bareLf: 'normalise', nul: 'normalise' } as const
const DOORS: readonly (readonly [name: string, options: DoorOptions])[] = [
  ['smtp', {}],
  ['smtp that normalises', { smtp: { policies: NORMALISED } }],
  ['lmtp', { listener: { protocol: 'lmtp', tls: 'none' } }],
  ['lmtp that normalises', { listener: { protocol: 'lmtp', tls: 'none' }, smtp: { policies: NORMALISED } }],
]

describe('end-of-data sequences that smuggle', { skip: folder === undefined && 'needs shared/data' }, () => {
  for (const [name, options] of DOORS) {
    for (const sequence of all) {
      test(`${JSON.stringify(sequence)} ends no message at ${name}`, async t => {
        const door = await SmtpDoor.open(options)
        t.after(() => door.close())
        const text = `Subject: outer\r\n\r\nbody${sequence}${SMUGGLED}`
        const replies = await say(door.port, options.listener?.protocol === 'lmtp' ? 'LHLO' : 'EHLO', text)
        const strict = options.smtp === undefined
        // Greeting, EHLO, MAIL, RCPT, DATA, one answer for the message, NOOP, QUIT.
        assert.deepEqual(replies, [220, 250, 250, 250, 354, strict ? 554 : 250, 250, 221])
        assert.equal(door.taken.length, strict ? 0 : 1)
        for (const { bytes } of door.taken) assertStrict(bytes.toString('latin1'))
      })
    }
  }

  for (const sequence of all) {
    const stored = Buffer.from(`Subject: outer\r\n\r\nbody${sequence}${SMUGGLED}\r\n`, 'latin1')
    test(`${JSON.stringify(sequence)} in a stored message goes out by SMTP as strict, dot-stuffed lines`, async t => {
      const sink = await rawSink(t)
      const rig = await makeRig({ routes: { 'them.test': `127.0.0.1:${sink.port}` }, tls: 'never' })
      t.after(() => rig.dispose())
      const [outcome] = await rig.deliver(makeJob(['b@them.test'], { bytes: stored }))
      assert.equal(outcome?.kind, 'delivered')
      assertOneMessage(sink.data())
    })

    test(`${JSON.stringify(sequence)} in a stored message goes out by POP3 as strict, dot-stuffed lines`, async t => {
      const house = await openHouse()
      t.after(() => house.close())
      await file(house.store, stored)
      const client = await Client.inside(house)
      t.after(() => client.close())
      client.socket.removeAllListeners('data')
      let heard = ''
      client.socket.on('data', (text: string) => {
        heard += text
      })
      client.send('RETR 1\r\nNOOP\r\n')
      while (!heard.endsWith('\r\n.\r\n+OK\r\n') && !/\+OK[^\r\n]*\r\n$/.test(heard.slice(40)))
        await once(client.socket, 'data')
      const body = heard.slice(heard.indexOf('\r\n') + 2)
      assertOneMessage(body.slice(0, body.lastIndexOf('+OK')))
    })
  }
})

/** What a strict and what a sloppy reader agree on. */
function assertStrict(text: string): void {
  assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n|\0/)
}

function assertOneMessage(wire: string): void {
  assert.doesNotMatch(wire, /\r(?!\n)|(?<!\r)\n/)
  assert.ok(wire.endsWith('\r\n.\r\n'))
  assert.equal(wire.split('\r\n').filter(line => line === '.').length, 1, 'more than one end')
  assert.match(wire, /smuggled@elsewhere/)
}

/** Reply codes of a whole session, one per reply. */
async function say(port: number, hello: string, message: string): Promise<readonly number[]> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setEncoding('latin1')
  const before = `${hello} c.test\r\nMAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n`
  socket.end(`${before}${message}\r\n.\r\nNOOP\r\nQUIT\r\n`, 'latin1')
  let heard = ''
  for await (const text of socket) heard += text
  return heard.split('\r\n').flatMap(line => (/^\d{3} /.test(line) ? [Number(line.slice(0, 3))] : []))
}

/** A server that keeps the octets of DATA as they came, and ends a message as the strictest would. */
async function rawSink(t: TestContext): Promise<{ readonly port: number; data(): string }> {
  let data = ''
  const server = createServer(socket =>
    converse(socket, text => {
      data += text
    }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port, data: () => data }
}

function converse(socket: Socket, keep: (text: string) => void): void {
  socket.setEncoding('latin1')
  socket.on('error', () => undefined)
  let text = ''
  let inData = false
  socket.write('220 sink\r\n')
  socket.on('data', (chunk: string) => {
    text += chunk
    for (;;) {
      const end = inData ? (text.startsWith('.\r\n') ? 0 : text.indexOf('\r\n.\r\n')) : text.indexOf('\r\n')
      if (end < 0) return
      const length = end + (inData && end > 0 ? 5 : inData ? 3 : 2)
      const piece = text.slice(0, length)
      text = text.slice(length)
      if (inData) {
        keep(piece)
        inData = false
        socket.write('250 taken\r\n')
      } else {
        inData = /^DATA/i.test(piece)
        socket.write(inData ? '354 go\r\n' : /^QUIT/i.test(piece) ? '221 bye\r\n' : '250 ok\r\n')
      }
    }
  })
}
