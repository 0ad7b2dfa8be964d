/** Made-up spam that the filter was not made for is mostly caught, by the whole filter as it is shipped. See test/unwanted/README.md. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Site } from '../../bench/filter/site.js'
import { pluginsOf } from '../../bench/filter/stages.js'
import { JUNK } from '../../bench/filter/tables.js'
import { viewOf } from '../../bench/filter/view.js'
import { ROOT } from '../harness/shared.js'

const folder = mkdtempSync(join(tmpdir(), 'posthouse-unwanted-'))
const site = await Site.open({ folder, plugins: pluginsOf('learning')! })

after(async () => {
  await site.close()
  await rm(folder, { recursive: true, force: true })
})

/** Shares of the letters that may pass, with room for a rule that is made milder: nobody looks at what of the second folder passes. */
const BOUNDS = [
  { place: 'test/unwanted', most: 0.2 },
  { place: 'test/unwanted/held-out', most: 0.6 },
  { place: 'test/unwanted/elsewhere', most: 0.45 },
]

for (const { place, most } of BOUNDS) {
  for (const view of ['full', 'neutral'] as const) {
    test(`${place}: at most ${most * 100} % pass, ${view} view`, async () => {
      const names = readdirSync(join(ROOT, place)).filter(name => name.endsWith('.eml'))
      assert.ok(names.length > 80)
      let passed = 0
      for (const name of names) {
        const { sum } = await site.judge(viewOf(readFileSync(join(ROOT, place, name)), view))
        if (sum < JUNK) passed++
      }
      assert.ok(passed <= names.length * most, `${passed} of ${names.length} pass`)
    })
  }
}
