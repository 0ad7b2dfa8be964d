/** `npm run demo` as somebody sees it who has just cloned this: each mail goes where the line above it says. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

const ENDS: readonly (readonly [title: string, end: RegExp])[] = [
  ['Ham', /→ filed alice@example\.test in INBOX/],
  ['Spam', /→ filed alice@example\.test in Junk/],
  ['A relay attempt', /→ refused: 550 5\.7\.1 Relaying denied/],
  ['An unknown recipient', /→ refused: 550 5\.1\.1 nobody@example\.test/],
  ['Outbound', /→ the sink of world\.test has it for dave@world\.test/],
]

test('the demo tells of each mail what its title promises, and has a word for every answer', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN])
  const parts = new Map(
    stdout
      .split('\n── ')
      .slice(1)
      .map(part => [part.slice(0, part.indexOf(' ─')), part] as const),
  )
  assert.deepEqual(
    [...parts.keys()],
    ENDS.map(([title]) => title),
  )
  for (const [title, end] of ENDS) assert.match(parts.get(title)!, end)
  assert.doesNotMatch(stdout, /undefined/)
})
