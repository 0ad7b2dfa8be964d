/**
 * On real mail the sum is the sum of what the findings say, whatever rules, caps and discounts there are, and no single finding brings a message into Junk. Here
 * a fixed share of the sets is asked; `npm run bench:filter -- --split all` checks every message.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { itemsOf } from '../../bench/filter/sets.js'
import { addsUp, Site } from '../../bench/filter/site.js'
import { pluginsOf } from '../../bench/filter/stages.js'
import { viewOf } from '../../bench/filter/view.js'
import { dataDir } from '../harness/data.js'

const EVERY = 40
const sets = dataDir('spam')

test('the sum adds up on real mail', { skip: sets === undefined && 'needs shared/data' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-corpora-'))
  const site = await Site.open({ folder, plugins: pluginsOf('learning') ?? pluginsOf('origin')! })
  const items = itemsOf(sets!, { sets: [], splits: ['train', 'test'], every: EVERY })
  assert.ok(items.length > 100)
  for (const { set, label, id, path } of items) {
    const judged = await site.judge(viewOf(readFileSync(path), 'full'))
    assert.ok(addsUp(judged), `${set}/${label}/${id}: ${JSON.stringify(judged)}`)
  }
  await site.close()
  await rm(folder, { recursive: true, force: true })
})

test('a sum that does not add up is seen', () => {
  const finding = { name: 'one', points: 1.1, group: 'g', says: '' }
  assert.ok(addsUp({ sum: 2.2, ms: 0, findings: [finding, finding] }))
  assert.ok(!addsUp({ sum: 2.21, ms: 0, findings: [finding, finding] }))
  assert.ok(!addsUp({ sum: Number.NaN, ms: 0, findings: [] }))
})
