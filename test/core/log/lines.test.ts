import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lines } from '../../../core/log/lines.js'

function sink() {
  const written: string[] = []
  return { written, out: { write: (text: string) => void written.push(text) } }
}

const turn = () => new Promise(done => setImmediate(done))

test('lines of one turn leave in one write, in their order', async () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  lines.write('a\n')
  lines.write('b\n')
  assert.deepEqual(written, [])
  await turn()
  lines.write('c\n')
  await turn()
  lines.close()
  assert.deepEqual(written, ['a\nb\n', 'c\n'])
})

test('a flush takes along what was held, and nothing is written twice', async () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  lines.write('before\n')
  lines.write('trouble\n')
  lines.flush()
  assert.deepEqual(written, ['before\ntrouble\n'])
  await turn()
  lines.close()
  assert.deepEqual(written, ['before\ntrouble\n'])
})

test('no more leaves in one piece than a pipe takes in one, and a line is never torn', () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  // 41 octets in 23 characters.
  const all = Array.from({ length: 300 }, (_, i) => `${'ü'.repeat(18)}${String(i).padStart(4, '0')}\n`)
  for (const line of all) lines.write(line)
  lines.close()
  assert.equal(written.join(''), all.join(''))
  assert.ok(written.length < 5, `${written.length} writes`)
  for (const piece of written) {
    assert.ok(Buffer.byteLength(piece) <= 4096 && piece.endsWith('\n'), `${Buffer.byteLength(piece)} octets`)
  }
})

test('a line that is longer than that leaves alone and at once, behind what was held', () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  const long = `${'x'.repeat(70_000)}\n`
  lines.write('first\n')
  lines.write(long)
  assert.deepEqual(written, ['first\n', long])
  lines.write('last\n')
  lines.close()
  assert.deepEqual(written.slice(2), ['last\n'])
})

test('what is written to a log that was closed goes nowhere and throws nothing, now or later', async () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  lines.close()
  lines.write('late\n')
  lines.flush()
  await turn()
  assert.deepEqual(written, [])
})
