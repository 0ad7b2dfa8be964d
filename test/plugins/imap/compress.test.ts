/** COMPRESS=DEFLATE and UNAUTHENTICATE: what goes over the wire in both directions, and what stays of a session. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { constants, createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib'
import { type Rig, startRig } from './rig.js'

let rig: Rig

before(async () => {
  rig = await startRig({ maxMessageBytes: 3_000_000 })
})
after(() => rig.end())

const sync = (text: string) => deflateRawSync(Buffer.from(text, 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH })

/** Speaks octets, hears text, inflated or not. */
class Wire {
  heard = ''
  ended = false
  private readonly socket: Socket
  private wake: (() => void) | undefined
  private inflate: ReturnType<typeof createInflateRaw> | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      if (this.inflate) this.inflate.write(chunk)
      else this.hear(chunk)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      const over = () => {
        this.ended = true
        this.wake?.()
      }
      if (this.inflate) this.inflate.once('end', over).once('error', over).end()
      else over()
    })
  }

  static async open(): Promise<Wire> {
    const socket = connect(rig.port, '127.0.0.1')
    await once(socket, 'connect')
    return new Wire(socket)
  }

  send(octets: Buffer | string): void {
    this.socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets)
  }

  inflated(on: boolean): void {
    this.inflate = on ? createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH }) : undefined
    this.inflate?.on('data', chunk => this.hear(chunk))
  }

  private hear(chunk: Buffer): void {
    this.heard += chunk.toString('latin1')
    this.wake?.()
  }

  /** What was heard up to and with the line that fits. */
  async until(line: RegExp): Promise<string> {
    const stop = Date.now() + 30_000
    for (;;) {
      const found = line.exec(this.heard)
      if (found) {
        const end = found.index + found[0].length
        const heard = this.heard.slice(0, end)
        this.heard = this.heard.slice(end)
        return heard
      }
      if (Date.now() > stop || this.ended) throw new Error(`${line} never came: ${this.heard.slice(-300)}`)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 1000)
        this.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.socket.destroy()
  }
}

async function compressed(): Promise<Wire> {
  const wire = await Wire.open()
  wire.send('a LOGIN ann secret\r\n')
  await wire.until(/a OK.*\r\n/)
  wire.send('b COMPRESS DEFLATE\r\n')
  await wire.until(/b OK.*\r\n/)
  wire.inflated(true)
  return wire
}

test('both directions are DEFLATE from the answer on, literals and pieces of octets too', async () => {
  const wire = await compressed()
  const message = `Subject: x\r\n\r\n${'lorem ipsum '.repeat(20_000)}`
  const octets = sync(`c APPEND INBOX {${message.length}+}\r\n${message}\r\nd SELECT INBOX\r\ne FETCH * BODY[]\r\n`)
  // However it is cut.
  for (let at = 0; at < octets.length; at += 7) wire.send(octets.subarray(at, at + 7))
  const heard = await wire.until(/e OK.*\r\n/)
  assert.match(heard, /c OK \[APPENDUID/)
  assert.ok(heard.includes(`{${message.length}}\r\n${message}`))
  wire.close()
})

test('COMPRESS comes after the login, once, and knows one algorithm', async () => {
  const client = await rig.client()
  assert.equal(client.greeting.includes('COMPRESS'), false)
  assert.match(await client.answer('COMPRESS DEFLATE'), /^BAD COMPRESS needs a login first/)
  await client.ok('LOGIN ann secret')
  assert.match((await client.ok('CAPABILITY'))[0]!, / COMPRESS=DEFLATE /)
  assert.match(await client.answer('COMPRESS LZ4'), /^BAD Expected DEFLATE/)
  const wire = await compressed()
  wire.send(sync('c COMPRESS DEFLATE\r\n'))
  await wire.until(/c NO \[COMPRESSIONACTIVE\].*\r\n/)
  wire.close()
})

test('a few octets that become very many are a line that is too long, and nobody else is hurt', async () => {
  const wire = await compressed()
  wire.send(deflateRawSync(Buffer.alloc(200_000_000, 0x41), { finishFlush: constants.Z_SYNC_FLUSH }))
  assert.match(await wire.until(/\* BYE The line is too long\r\n/), /\* BAD/)
  await (await rig.client('ann')).ok('NOOP')
  wire.close()
})

test('a literal that inflates to more than it may is read past and refused', async () => {
  const wire = await compressed()
  wire.send(sync(`c APPEND INBOX {4000000+}\r\n${'x'.repeat(4_000_000)}\r\nd NOOP\r\n`))
  assert.match(await wire.until(/d OK.*\r\n/), /c NO \[TOOBIG\]/)
  wire.close()
})

test('what is no DEFLATE is told, compressed, before the end', async () => {
  const wire = await compressed()
  wire.send('c NOOP\r\n\xff\xff\xff\xff\xff\xff\xff\xff')
  await wire.until(/\* BYE What came is no DEFLATE\r\n/)
  wire.close()
})

test('a client that goes away in the middle of a flush leaves nothing behind', async () => {
  const wire = await compressed()
  wire.send(sync('c NOOP\r\n').subarray(0, 3))
  wire.close()
  await (await rig.client('ann')).ok('NOOP')
})

test('an idling client hears news at once although they are compressed', async () => {
  const wire = await compressed()
  wire.send(sync('c SELECT Sent\r\nd IDLE\r\n'))
  await wire.until(/\+ Idling.*\r\n/)
  await (await rig.client('ann')).append('Sent', 'x')
  await wire.until(/\* 1 EXISTS\r\n/)
  wire.send(sync('DONE\r\n'))
  await wire.until(/d OK.*\r\n/)
  wire.close()
})

for (const [how, end] of [
  ['flushes', (text: string) => sync(text)],
  ['ends', (text: string) => deflateRawSync(Buffer.from(text))],
] as const) {
  test(`UNAUTHENTICATE ends the compression behind its answer, where the client ${how} its own`, async () => {
    const wire = await compressed()
    wire.inflated(false)
    const behind = 'd LOGIN bob secret\r\ne STATUS INBOX (MESSAGES)\r\n'
    wire.send(Buffer.concat([end('c UNAUTHENTICATE\r\n'), Buffer.from(behind)]))
    const heard = Buffer.from(await wire.until(/e OK.*\r\n/), 'latin1')
    const mark = heard.indexOf(Buffer.from([0, 0, 0xff, 0xff])) + 4
    const answer = inflateRawSync(heard.subarray(0, mark), { finishFlush: constants.Z_SYNC_FLUSH })
    assert.match(answer.toString(), /^c OK Logged out/)
    assert.match(heard.toString('latin1', mark), /^d OK .*\r\n\* STATUS "INBOX" \(MESSAGES 0\)\r\ne OK/)
    wire.close()
  })
}

test('UNAUTHENTICATE leaves nothing of the account: no mailbox, nothing enabled, no capability of its own', async () => {
  const client = await rig.client('ann')
  await client.ok('ENABLE CONDSTORE')
  await client.ok('SELECT INBOX')
  assert.deepEqual(await client.ok('UNAUTHENTICATE'), [])
  assert.match((await client.ok('CAPABILITY'))[0]!, /AUTH=PLAIN/)
  for (const command of ['SELECT INBOX', 'NOOP now', 'FETCH 1 FLAGS', 'UNAUTHENTICATE'])
    assert.match(await client.answer(command), /^BAD/)
  await client.ok('LOGIN bob secret')
  assert.match(await client.answer('FETCH 1 FLAGS'), /^BAD FETCH needs a mailbox/)
  assert.deepEqual(await client.ok('ENABLE CONDSTORE'), ['* ENABLED CONDSTORE'])
})

test('wrong passwords count on behind UNAUTHENTICATE', async () => {
  const strict = await startRig({ config: { max_logins: 2 } })
  try {
    const client = await strict.client()
    assert.match(await client.answer('LOGIN ann wrong'), /^NO/)
    await client.ok('LOGIN ann secret')
    await client.ok('UNAUTHENTICATE')
    assert.match((await client.command('LOGIN ann wrong')).at(-1)!, /^NO/)
    assert.equal(await client.response(), '* BYE Too many wrong passwords')
  } finally {
    await strict.end()
  }
})
