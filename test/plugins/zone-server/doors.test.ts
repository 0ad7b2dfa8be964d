/** The two ways in, on loopback: datagrams and connections. */
import assert from 'node:assert/strict'
import { createSocket, type Socket as Datagrams } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Connection, LocalList } from '../../../core/api/index.js'
import { quietLog, rememberingLog } from '../../../core/testing/index.js'
import { termsOf } from '../../../plugins/zone-server/config.js'
import { ZoneServer } from '../../../plugins/zone-server/server.js'
import { serveByTcp } from '../../../plugins/zone-server/tcp.js'
import { DatagramDoor } from '../../../plugins/zone-server/udp.js'
import { ask, told } from './packets.js'

const ZONE = {
  zone: 'bl.test',
  kind: 'block',
  serves: ['addresses'],
  code: '127.0.0.2',
  text: '{reason}',
  ttl: '5m',
  negative_ttl: '1m',
} as const
const METRICS = { count: () => undefined, observe: () => undefined }
const LIST: LocalList = { find: async () => undefined, changedAt: async () => 0 }

function zoneServer(list = LIST): ZoneServer {
  const terms = termsOf({ listen: [], allow: ['127.0.0.0/8'], rate: 0, zones: [ZONE] }, 'ns.test')
  return new ZoneServer({ terms, list, clock: { now: () => 0 }, log: quietLog, metrics: METRICS })
}

async function bound(t: TestContext): Promise<Datagrams> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return socket
}

test('a port that is taken is said in the log, and others go on', async t => {
  const { port } = (await bound(t)).address()
  const log = rememberingLog()
  const door = new DatagramDoor(`127.0.0.1:${port}`, zoneServer(), log, METRICS)
  t.after(() => door.close())
  await door.open()
  assert.deepEqual(
    log.lines.map(({ level, sentence, facts }) => [level, sentence, facts.code]),
    [['error', 'no questions can be taken by UDP, trying again', 'EADDRINUSE']],
  )
})

test('a door that closes still answers what is under way', async t => {
  const client = await bound(t)
  const probe = createSocket('udp4')
  probe.bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise<void>(done => probe.close(done))
  let find: () => void = () => undefined
  let begun: () => void = () => undefined
  const beginning = new Promise<void>(resolve => {
    begun = resolve
  })
  const slow: LocalList = {
    ...LIST,
    find: () => {
      begun()
      return new Promise(resolve => {
        find = () => resolve(undefined)
      })
    },
  }
  const door = new DatagramDoor(`127.0.0.1:${port}`, zoneServer(slow), quietLog, METRICS)
  await door.open()
  const answer = once(client, 'message')
  client.send(ask('7.2.0.192.bl.test', { id: 99 }), port, '127.0.0.1')
  await beginning
  let closed = false
  const closing = door.close().then(() => {
    closed = true
  })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(closed, false, 'the list may be closed below it')
  find()
  await closing
  const [packet] = (await answer) as [Buffer]
  assert.deepEqual([told(packet).packet.id, told(packet).rcode], [99, 'NXDOMAIN'])
})

/** A connection to the server, from the client's side; `over` resolves when the server has done with it. */
async function connected(t: TestContext, signal = new AbortController().signal) {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => client.destroy())
  const [socket] = await accepted
  const peer = { remote: { address: '127.0.0.1', port: 1 } }
  const connection = { socket, peer, signal, log: quietLog, patience: (ms: number) => ms } as unknown as Connection
  const over = serveByTcp(connection, zoneServer()).finally(() => socket.end())
  const octets: Buffer[] = []
  client.on('data', (chunk: Buffer) => void octets.push(chunk))
  client.on('error', () => undefined)
  const closed = new Promise<Buffer>(resolve => client.once('close', () => resolve(Buffer.concat(octets))))
  return { client, over, closed }
}

function framed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(packet.length, 0)
  return Buffer.concat([length, packet])
}

function ids(octets: Buffer): readonly number[] {
  const found: number[] = []
  for (let at = 0; at + 4 <= octets.length; at += 2 + octets.readUInt16BE(at)) found.push(octets.readUInt16BE(at + 2))
  return found
}

test('questions that come in one piece by TCP are answered in their order, and then the client ends', async t => {
  const { client, over, closed } = await connected(t)
  client.end(Buffer.concat([1, 2, 3].map(id => framed(ask('2.0.0.127.bl.test', { id })))))
  await over
  assert.deepEqual(ids(await closed), [1, 2, 3])
})

test('a thousand questions are enough for one connection', async t => {
  const { client, over, closed } = await connected(t)
  client.write(Buffer.concat(Array.from({ length: 1100 }, (_, id) => framed(ask('bl.test', { id, type: 'SOA' })))))
  await over
  assert.equal(ids(await closed).length, 1000)
})

test('what is longer than any question ends the connection without an answer', async t => {
  const { client, over, closed } = await connected(t)
  client.write(Buffer.from([0xff, 0xff, 0, 1]))
  await over
  assert.equal((await closed).length, 0)
})

test('when the server drains, whoever only waits is cut off', async t => {
  const drain = new AbortController()
  const { over, closed } = await connected(t, drain.signal)
  drain.abort()
  await over
  assert.equal((await closed).length, 0)
})

test('a client that goes away in the middle is no trouble', async t => {
  const { client, over } = await connected(t)
  client.write(Buffer.from([0, 50, 1]))
  client.resetAndDestroy()
  await over
})
