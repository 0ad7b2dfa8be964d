/** Honest mail of kinds that public sets lack stays below the Junk line, judged by the whole filter as it is shipped. See test/honest/README.md. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Site } from '../../bench/filter/site.js'
import { pluginsOf, STAGES } from '../../bench/filter/stages.js'
import { JUNK } from '../../bench/filter/tables.js'
import { viewOf } from '../../bench/filter/view.js'
import { ROOT } from '../harness/shared.js'

const folder = mkdtempSync(join(tmpdir(), 'posthouse-honest-'))
const mails = readdirSync(join(ROOT, 'test/honest'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.eml'))
  .sort()
const stages = STAGES.filter(stage => pluginsOf(stage) !== undefined)
const sites = new Map<string, Site>()
for (const stage of stages)
  sites.set(stage, await Site.open({ folder: join(folder, stage), plugins: pluginsOf(stage)! }))

after(async () => {
  for (const site of sites.values()) await site.close()
  await rm(folder, { recursive: true, force: true })
})

for (const name of mails) {
  test(`no spam: ${name}`, async () => {
    for (const [stage, site] of sites) {
      for (const view of ['full', 'neutral'] as const) {
        const { sum, findings } = await site.judge(viewOf(readFileSync(join(ROOT, 'test/honest', name)), view))
        const told = findings.map(one => `${one.name} ${one.points} (${one.says})`).join('\n')
        assert.ok(sum < JUNK, `${sum} points, ${stage}, ${view} view:\n${told}`)
      }
    }
  })
}
