/** A brand that a site has given to look-alikes is one to the rules as well. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Site } from '../../bench/filter/site.js'
import { viewOf } from '../../bench/filter/view.js'

const folder = mkdtempSync(join(tmpdir(), 'posthouse-brands-'))
after(() => rm(folder, { recursive: true, force: true }))

const MAIL = viewOf(
  Buffer.from(
    [
      'From: Desk <desk@odd.example>',
      'Subject: Your Riverside Bank account',
      '',
      'Your Riverside Bank account is suspended, verify it: https://x71.example/',
      '',
    ].join('\n'),
  ),
  'full',
)

for (const [what, brands, wish] of [
  ['without it nothing is known of the bank', [], false],
  ['with it the rule on brands holds', [{ brand: 'Riverside Bank', domains: ['riverside.example'] }], true],
] as const)
  test(what, async () => {
    const plugins = [
      { use: 'store-lmdb' },
      { use: 'look-alikes', with: { brands } },
      { use: 'spam-rules' },
      { use: 'spam-action' },
    ]
    const site = await Site.open({ folder: join(folder, String(wish)), plugins })
    const { findings } = await site.judge(MAIL)
    await site.close()
    assert.equal(
      findings.some(({ name }) => name === 'brand-with-alarm'),
      wish,
    )
  })
