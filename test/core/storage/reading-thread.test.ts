/** Large mail is read elsewhere, and whatever happens there, somebody gets an answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readableText } from '../../../core/storage/readable.js'
import { NotRead, ReadingThread } from '../../../core/storage/reading-thread.js'
import { readAgain } from '../../../core/storage/second-reader.js'
import { readMessage } from '../../../core/text/index.js'

const LARGE = Buffer.from(
  `Content-Type: text/html\r\n\r\n<p style="display:none">hidden</p>${'<p>lorem ipsum'.repeat(20_000)}`,
)

const message = (bytes: Buffer) => ({
  size: bytes.length,
  read: async (from: number, to: number) => bytes.subarray(from, to),
})
const octets = async () => new Uint8Array([120])

/** A thread's script, given as it is. */
const script = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`)
const HANGS = "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { for (;;); })"
const THROWS =
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('oh') })"
const LEAVES = "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3))"
const HANGS_ONCE =
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', ({ id, octets }) => { " +
  'while (octets.length === 1); parentPort.postMessage({ id, reading: octets.length }) })'

test('a large message is read as a small one is', async t => {
  const thread = new ReadingThread()
  t.after(() => thread.end())
  assert.deepEqual(await readableText(message(LARGE), thread), readMessage(LARGE))
})

test('a small message of many parts is read elsewhere, too', async t => {
  const thread = new ReadingThread()
  t.after(() => thread.end())
  const parts = (count: number) =>
    Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(count)}--b--\r\n`)
  const here: number[] = []
  const counted = (bytes: Buffer) => {
    here.push(bytes.length)
    return readMessage(bytes)
  }
  assert.deepEqual(await readableText(message(parts(500)), thread, counted), readMessage(parts(500)))
  assert.equal(here.length, 0)
  await readableText(message(parts(20)), thread, counted)
  assert.equal(here.length, 1)
})

for (const [what, code, why] of [
  ['does not come to an end', HANGS, /took too long/],
  ['throws', THROWS, /failed: oh/],
  ['ends its thread', LEAVES, /ended the thread/],
] as const) {
  test(`of one whose reading ${what} the beginning is read at least, and it is said`, async t => {
    const thread = new ReadingThread({ script: script(code), giveUpAfterMs: code === HANGS ? 500 : 30_000 })
    t.after(() => thread.end())
    const { body, hidden, broken } = await readableText(message(LARGE), thread)
    assert.ok(body.startsWith('lorem ipsum'))
    assert.equal(hidden, 'hidden')
    assert.match(broken[0]!, why)
    assert.match(broken[0]!, /only the first 65536 octets/)
  })
}

test('after one that hung the next is read, in the order they came', async t => {
  const thread = new ReadingThread({ script: script(HANGS_ONCE), giveUpAfterMs: 2000 })
  t.after(() => thread.end())
  const first = thread.read(octets)
  const second = thread.read(async () => new Uint8Array(2))
  await assert.rejects(first, NotRead)
  assert.equal(await second, 2)
})

test('when too many wait, one more is turned away at once', async t => {
  const thread = new ReadingThread({ mostWaiting: 1 })
  t.after(() => thread.end())
  const first = thread.read(octets)
  await assert.rejects(thread.read(octets), /too many large messages/)
  assert.equal((await first).parts.length, 1)
})

test('a message that cannot be fetched is no matter of the thread', async t => {
  const thread = new ReadingThread()
  t.after(() => thread.end())
  const gone = { size: 1_000_000, read: () => Promise.reject(new Error('gone')) }
  await assert.rejects(readableText(gone, thread), /^Error: gone/)
})

test('a message that our reader fails on is tried again elsewhere', async t => {
  const thread = new ReadingThread()
  t.after(() => thread.end())
  const small = LARGE.subarray(0, 2000)
  const failing = () => {
    throw new Error('a fault')
  }
  assert.deepEqual(await readableText(message(small), thread, failing), readMessage(small))
})

test('the second reader sees what the first sees, and says that it was asked', async () => {
  const small = LARGE.subarray(0, 2000)
  const [ours, theirs] = [readMessage(small), await readAgain(small, new Error('a fault'))]
  assert.deepEqual([theirs.body, theirs.hidden], [ours.body, ours.hidden])
  assert.match(theirs.broken[0]!, /our reader failed \(a fault\)/)
})
