/** The rules that come with Posthouse, held to what docs/writing-rules.md asks of every rule. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'
import { messageOf } from '../../../core/storage/message.js'
import { loadRules, shippedRules } from '../../../plugins/spam-rules/index.js'
import { pointsOf } from '../../../plugins/spam-rules/rule.js'
import { failuresOf, findingsIn, sumOf } from '../../../plugins/spam-rules/try.js'
import { sharedDir } from '../../harness/shared.js'

const set = await loadRules(filesIn('/nowhere'), shippedRules(), 'local.yaml')

test('every shipped rule finds its hits and leaves its misses alone', async () => {
  assert.deepEqual(await failuresOf(set, messageOf), [])
})

test('no shipped rule alone reaches the Junk line of 5 points', () => {
  assert.deepEqual(
    set.rules.filter(rule => pointsOf(rule) >= 5).map(rule => rule.name),
    [],
  )
})

test('what shipped rules say is ASCII: one typographic sign makes encoded words of a whole header field', () => {
  assert.deepEqual(
    set.rules.filter(rule => !/^[\x20-\x7e]+$/.test(rule.says)).map(rule => rule.name),
    [],
  )
})

test('there are rules for words, origin, letters, structure and files', () => {
  assert.ok(set.rules.length >= 60)
  const files = new Set(
    set.rules.map(rule => rule.place.file.replace(/.*\brules\//, '').replace(/^(words|structure|origin)\/.*/, '$1')),
  )
  assert.deepEqual([...files].sort(), ['files.yaml', 'letters.yaml', 'origin', 'structure', 'words'])
})

const shared = sharedDir()

test('of the 75 sample ham none is taken for spam, of the 60 spam many are', {
  skip: shared === undefined && 'no ../shared',
}, async () => {
  const folder = join(shared!, 'data/mail-sample')
  const sums = { ham: [] as string[], spam: [] as string[] }
  for (const name of readdirSync(folder)) {
    const kind = /-(ham|spam)\.eml$/.exec(name)?.[1]
    if (kind !== 'ham' && kind !== 'spam') continue
    const sum = sumOf(await findingsIn(set, messageOf, readFileSync(join(folder, name))))
    if (sum >= 5) sums[kind].push(`${name} ${sum}`)
  }
  assert.deepEqual(sums.ham, [])
  assert.ok(sums.spam.length >= 15, `${sums.spam.length} of 60 spam`)
})
