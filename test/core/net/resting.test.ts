/** A socket that rests: counted by what has been read from it, as what the system holds is not in our memory. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { selfSigned } from '../../../core/net/certificate.js'
import { rest } from '../../../core/net/resting.js'

const SENT = 1024 * 1024
/** What Node reads from a socket at once. */
const PART = 64 * 1024

interface Ends {
  readonly server: Socket
  readonly client: Socket
}

async function ends(t: TestContext, secure: boolean): Promise<Ends> {
  const pair = selfSigned({ names: ['mail.example.test'], now: Date.now() })
  const server = secure ? createTlsServer({ cert: pair.certificate, key: pair.key }) : createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const met = once(server, secure ? 'secureConnection' : 'connection')
  const client = secure
    ? tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1')
  const [socket] = (await met) as [Socket]
  t.after(() => {
    for (const one of [client, socket]) one.on('error', () => undefined).destroy()
    server.close()
  })
  return { server: socket, client }
}

/** Takes parts one by one, each when `next` is called. */
class Taker extends Writable {
  readonly taken: Buffer[] = []
  next: () => void = () => undefined
  readonly #socket: Socket

  constructor(socket: Socket) {
    super({ highWaterMark: 1 })
    this.#socket = socket
  }

  override _write(part: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(part)
    const wake = rest(this.#socket)
    this.next = () => {
      wake()
      done()
    }
  }

  get bytes(): number {
    return this.taken.reduce((sum, { length }) => sum + length, 0)
  }
}

const turns = async (count = 50): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

async function untilMoreThan(taker: Taker, parts: number): Promise<void> {
  for (const until = Date.now() + 30_000; taker.taken.length <= parts && Date.now() < until; ) await turns(1)
}

for (const secure of [false, true]) {
  test(`while a part is taken nothing more is read ahead${secure ? ', with TLS' : ''}; afterwards all of it comes`, async t => {
    const { server, client } = await ends(t, secure)
    const taker = new Taker(server)
    server.pipe(taker)
    const octets = Buffer.alloc(SENT, 'All of it.\r\n')
    client.write(octets)
    let most = 0
    for (let parts = 0; taker.bytes < SENT; parts++) {
      await untilMoreThan(taker, parts)
      await turns()
      most = Math.max(most, server.readableLength)
      taker.next()
    }
    assert.ok(Buffer.concat(taker.taken).equals(octets))
    // What one read from the system brings is up to four records of TLS, and comes as these.
    assert.ok(most <= (secure ? PART : 0), `${most} octets read ahead`)
  })
}

test('the end of a client that left meanwhile is heard afterwards', async t => {
  const { server, client } = await ends(t, false)
  const taker = new Taker(server)
  server.pipe(taker)
  client.end('the last')
  await untilMoreThan(taker, 0)
  await turns()
  const ended = once(server, 'end')
  taker.next()
  await ended
  assert.equal(Buffer.concat(taker.taken).toString(), 'the last')
})

test('a socket that is gone rests without harm', async t => {
  const { server } = await ends(t, false)
  const wake = rest(server)
  server.destroy()
  await turns()
  wake()
  rest(server)()
  await turns()
})
