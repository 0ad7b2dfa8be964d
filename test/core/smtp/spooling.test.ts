/** A message that goes to the store while it comes in: the connection waits for the store, reads nothing ahead, and is not taken for a silent one. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Blobs, BodyDraft } from '../../../core/api/index.js'
import { open } from './door-talk.js'

const ENVELOPE = 'EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n'
const MESSAGE = `Subject: large\r\n\r\n${'0123456789\r\n'.repeat(80_000)}`

/** A store whose first part is kept when `keep` is called. */
function heldBlobs(): Blobs & {
  readonly given: Promise<void>
  readonly keep: () => void
  readonly octets: () => string
} {
  const parts: Buffer[] = []
  let keep: () => void = () => undefined
  const kept = new Promise<void>(resolve => {
    keep = resolve
  })
  let give: () => void = () => undefined
  const given = new Promise<void>(resolve => {
    give = resolve
  })
  const draft: BodyDraft = {
    write: async part => {
      parts.push(Buffer.from(part))
      give()
      await kept
    },
    finish: async () => ({ kind: 'stored', id: 'b1', size: Buffer.concat(parts).length }),
    abandon: async () => undefined,
  }
  const read: Blobs['read'] = async (_id, from = 0, to) => Buffer.concat(parts).subarray(from, to)
  return { draft: () => draft, read, given, keep, octets: () => Buffer.concat(parts).toString('latin1') }
}

test('while the store takes its time no octet more is read than before, no clock runs out, and all of it arrives', async t => {
  const sockets: Socket[] = []
  const met = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket)
  subscribe('net.server.socket', met)
  t.after(() => unsubscribe('net.server.socket', met))
  const blobs = heldBlobs()
  const limits = { messageBytes: 10_000_000, dataMs: 200, commandMs: 20_000 }
  const door = await open(t, { blobs, memoryBytes: 16_384, limits })
  const client = connect(door.port, '127.0.0.1')
  t.after(() => client.destroy())
  const closed = once(client, 'close')
  let heard = ''
  client.setEncoding('latin1').on('data', text => {
    heard += text
  })
  client.write(`${ENVELOPE}${MESSAGE}.\r\nQUIT\r\n`)
  await blobs.given
  await sleep(20)
  const readAhead = (): number => sockets[0]!.bytesRead - ENVELOPE.length - blobs.octets().length
  assert.equal(readAhead(), 0)
  await sleep(600)
  assert.equal(readAhead(), 0)
  blobs.keep()
  await closed
  assert.match(heard, /^354 .*\r\n250 .*\r\n221 .*\r\n$/m)
  assert.equal(blobs.octets(), MESSAGE)
})
