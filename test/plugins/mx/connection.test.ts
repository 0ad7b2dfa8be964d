/** What many connections share, and what one keeps for all its replies: the buffer, the clock, the way out. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { MailConnection } from '../../../plugins/mx/client/connection.js'

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

const LONG = 60_000

async function connected(): Promise<{ readonly ours: MailConnection; readonly theirs: Socket }> {
  const server = createServer()
  open.push(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const place = { host: 'mx.test', address: '127.0.0.1', port }
  const ours = await MailConnection.open(place, LONG, new AbortController().signal)
  const [theirs] = (await accepted) as [Socket]
  theirs.on('error', () => undefined)
  open.push(() => {
    ours.quit()
    theirs.destroy()
  })
  return { ours, theirs }
}

test('replies that come in halves, by turns, stay those of their connection', async () => {
  const ends = await Promise.all([connected(), connected(), connected()])
  const replies = ends.map(({ ours }) => ours.reply(LONG))
  const pieces = ['220-of', ' peer ', 'X\r\n220', ' the same ', 'X\r', '\n']
  for (const piece of pieces) {
    for (const [number, { theirs, ours }] of ends.entries()) {
      theirs.write(piece.replace('X', `${number}`))
      // Until it is here, nobody else says anything.
      while (piece !== '\n' && ours.quiet) await new Promise(setImmediate)
    }
  }
  for (const [number, reply] of replies.entries())
    assert.deepEqual((await reply).lines, [`of peer ${number}`, `the same ${number}`])
})

describe('the clock rings for the reply that is waited for', () => {
  for (const [what, before, wait] of [
    ['the first', undefined, 100],
    ['one after a reply that had longer', LONG, 100],
    ['one after a reply that had less', 3000, 3100],
  ] as const) {
    test(`${what}`, async () => {
      const { ours, theirs } = await connected()
      if (before !== undefined) {
        const reply = ours.reply(before)
        theirs.write('250 yes\r\n')
        await reply
      }
      await assert.rejects(ours.reply(wait), { kind: 'timeout', message: 'no reply in time' })
      await assert.rejects(ours.reply(LONG), { kind: 'timeout' })
    })
  }
})

test('what the peer does not take is waited for, and no longer than allowed', async () => {
  const { ours, theirs } = await connected()
  theirs.pause()
  const pieces = Array.from({ length: 64 }, () => Buffer.alloc(1024 * 1024, 'x'))
  const octets = pieces.length * 1024 * 1024
  let taken = 0
  let done = false
  const written = ours.write(pieces, LONG).then(() => {
    done = true
  })
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  assert.equal(done, false)
  theirs.on('data', chunk => {
    taken += chunk.length
  })
  theirs.resume()
  await written
  while (taken < octets) await once(theirs, 'data')
  theirs.pause()
  await assert.rejects(ours.write(pieces, 50), { kind: 'timeout', message: 'the peer does not take our data' })
})
