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

test('what is held is bounded, and goes out when the log is closed', () => {
  const { written, out } = sink()
  const lines = new Lines(out)
  lines.write(`${'x'.repeat(70_000)}\n`)
  assert.equal(written.length, 1)
  lines.write('last\n')
  lines.close()
  assert.deepEqual(written.slice(1), ['last\n'])
})
