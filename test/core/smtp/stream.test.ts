/** The parser behind `pipe`: what has come in waits in the socket while a command is answered, and nothing is lost or out of order. */
import assert from 'node:assert/strict'
import { PassThrough, type Writable } from 'node:stream'
import { test } from 'node:test'
import { SmtpStream } from '../../../core/smtp/stream.js'

interface Bench {
  readonly stream: SmtpStream
  readonly lines: string[]
  /** Answers the command that waits. */
  readonly answer: () => void
  readonly ended: Promise<void>
}

/** `slow`: commands wait for `answer`. */
function bench({ slow = false, held = false } = {}): Bench {
  const lines: string[] = []
  const waiting: (() => void)[] = []
  let end: () => void
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  const stream = new SmtpStream(
    {
      command: (line, done) => {
        lines.push(line.toString('latin1'))
        if (slow) waiting.push(done)
        else done()
      },
      fault: fault => assert.fail(fault),
      ended: () => end(),
    },
    1000,
    held,
  )
  return { stream, lines, answer: () => waiting.shift()!(), ended }
}

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** `count` chunks that nobody has joined together, each of one command. */
function chunks(count: number): PassThrough & { readonly taken: () => number } {
  const source = new PassThrough({ readableObjectMode: true, writableObjectMode: true })
  for (let i = 0; i < count; i++) source.write(Buffer.from(`NOOP ${i}\r\n`))
  return Object.assign(source, { taken: () => count - source.readableLength - source.writableLength })
}

const noops = (count: number) => Array.from({ length: count }, (_, i) => `NOOP ${i}`)

test('one chunk is taken ahead while a command is answered; the others wait in the socket', async () => {
  const { stream, lines, answer } = bench({ slow: true })
  const source = chunks(10)
  source.pipe(stream as unknown as Writable)
  await turns()
  assert.deepEqual([lines, source.taken()], [['NOOP 0'], 2])
  answer()
  await turns()
  assert.deepEqual([lines, source.taken()], [['NOOP 0', 'NOOP 1'], 3])
})

test('all of them come in their order, answered at once or later', async () => {
  for (const slow of [false, true]) {
    const { stream, lines, answer, ended } = bench({ slow })
    const source = chunks(12)
    source.end()
    source.pipe(stream as unknown as Writable)
    for (let i = 0; slow && i < 12; i++) {
      await turns()
      answer()
    }
    await ended
    assert.deepEqual(lines, noops(12))
  }
})

test('a client that closes its side behind commands hears all answers before the end is told', async () => {
  const { stream, lines, answer, ended } = bench({ slow: true })
  const source = new PassThrough()
  source.pipe(stream as unknown as Writable)
  source.end('NOOP 0\r\nNOOP 1\r\nNOOP without an end')
  let over = false
  void ended.then(() => {
    over = true
  })
  await turns()
  assert.deepEqual([lines, over], [['NOOP 0'], false])
  answer()
  await turns()
  assert.deepEqual([lines, over], [['NOOP 0', 'NOOP 1'], false])
  answer()
  await ended
  assert.deepEqual(lines, ['NOOP 0', 'NOOP 1'])
})

test('nothing is taken before the greeting is out but the first chunk', async () => {
  const { stream, lines } = bench({ held: true })
  const source = chunks(5)
  source.pipe(stream as unknown as Writable)
  await turns()
  assert.deepEqual([lines, source.taken()], [[], 1])
  stream.release()
  await turns()
  assert.deepEqual(lines, noops(5))
})

test('message data that is taken slowly holds the socket back, too', async () => {
  const { stream } = bench()
  const source = new PassThrough({ readableObjectMode: true, writableObjectMode: true })
  const taken: string[] = []
  const waiting: ((at: number) => void)[] = []
  const received = stream.receive(chunk => {
    taken.push(chunk.toString())
    return new Promise<number>(resolve => waiting.push(resolve))
  })
  for (const piece of ['one', 'two', 'end']) source.write(Buffer.from(piece))
  source.pipe(stream as unknown as Writable)
  await turns()
  assert.deepEqual([taken, source.readableLength + source.writableLength], [['one'], 2])
  waiting.shift()!(-1)
  await turns()
  assert.deepEqual(taken, ['one', 'two'])
  waiting.shift()!(-1)
  await turns()
  waiting.shift()!(3)
  await received
  assert.deepEqual(taken, ['one', 'two', 'end'])
})
