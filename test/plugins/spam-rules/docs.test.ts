/** What docs/writing-rules.md shows works as it stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../../../core/storage/message.js'
import { KINDS } from '../../../plugins/spam-rules/conditions/table.js'
import { PLACES } from '../../../plugins/spam-rules/facts.js'
import { shippedRules } from '../../../plugins/spam-rules/index.js'
import { failuresOf } from '../../../plugins/spam-rules/try.js'
import { loadBeside } from './loading.js'

const text = readFileSync(fileURLToPath(new URL('../../../../docs/writing-rules.md', import.meta.url)), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml]) => yaml!)

describe('docs/writing-rules.md', () => {
  test('shows several whole files', () => assert.ok(blocks.length >= 5))

  for (const [at, yaml] of blocks.entries()) {
    test(`file ${at + 1} is right beside the shipped rules, and its rules pass their examples`, async () => {
      const set = await loadBeside(shippedRules(), yaml)
      const own = set.rules.filter(rule => /local\.yaml$/.test(rule.place.file))
      const failures = await failuresOf(set, messageOf)
      assert.deepEqual(
        failures.filter(({ rule }) => own.some(({ name }) => name === rule)),
        [],
      )
    })
  }

  test('names every kind of condition and every place', () => {
    for (const name of [...KINDS.map(kind => kind.name), ...PLACES]) assert.ok(text.includes(`\`${name}`), name)
  })
})
