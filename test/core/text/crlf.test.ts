import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BareNewlineFinder,
  DotStuffer,
  findBareNewline,
  NewlineNormaliser,
  normaliseNewlines,
} from '../../../core/text/index.js'
import { cpuMs } from '../../harness/cpu.js'

for (const [text, at] of [
  ['', -1],
  ['a\r\nb\r\n', -1],
  ['a\nb', 1],
  ['a\rb', 1],
  ['\n', 0],
  ['\r', 0],
  ['a\r\r\n', 1],
  ['a\r\n\n', 3],
  ['a\r\n\r', 3],
] as const) {
  test(`the first bare line end of ${JSON.stringify(text)} is at ${at}`, () => {
    assert.equal(findBareNewline(Buffer.from(text)), at)
  })
}

const lineText = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', 'a', '.', '..'), { maxLength: 30 })
  .map(parts => parts.join(''))
const cuts = fc.array(fc.nat(30), { maxLength: 5 })

function chop(text: string, places: readonly number[]): Buffer[] {
  const sorted = [0, ...[...places].sort((a, b) => a - b), text.length]
  return sorted.slice(1).map((to, i) => Buffer.from(text.slice(sorted[i], to)))
}

test('a stream cut anywhere has its bare line end where the whole has it', () => {
  fc.assert(
    fc.property(lineText, cuts, (text, places) => {
      const finder = new BareNewlineFinder()
      let found = -1
      for (const chunk of chop(text, places)) if (found < 0) found = finder.push(chunk)
      assert.equal(found < 0 ? finder.end() : found, text.search(/\r(?!\n)|(?<!\r)\n/))
    }),
  )
})

test('a stream cut anywhere is normalised as the whole is', () => {
  fc.assert(
    fc.property(lineText, cuts, (text, places) => {
      const normaliser = new NewlineNormaliser()
      const streamed = Buffer.concat([...chop(text, places).map(chunk => normaliser.push(chunk)), normaliser.end()])
      assert.equal(streamed.toString(), text.replace(/\r\n|\r|\n/g, '\r\n'))
      assert.deepEqual(normaliseNewlines(Buffer.from(text)), streamed)
    }),
  )
})

test('a stream cut anywhere is stuffed as the whole is, and un-stuffed it is what it was', () => {
  fc.assert(
    fc.property(lineText, cuts, (text, places) => {
      const stuffer = new DotStuffer()
      const streamed = Buffer.concat([
        ...chop(text, places).map(chunk => stuffer.push(chunk)),
        stuffer.end(),
      ]).toString()
      const closed = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`
      assert.equal(streamed, `${closed.replace(/(^|\n)\./g, '$1..')}.\r\n`)
    }),
  )
})

test('ten megabytes of dots are stuffed in a moment', () => {
  const dots = Buffer.from('.\r\n'.repeat(1_000_000))
  assert.ok(cpuMs(() => void new DotStuffer().push(dots)) < 3000)
})
