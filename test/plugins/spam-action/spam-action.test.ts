import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import spamAction, { decide, fieldsFor } from '../../../plugins/spam-action/index.js'

const USUAL = { junk: 5, reject: 15 }

for (const [sum, wish] of [
  [-3, undefined],
  [4.9, undefined],
  [5, 'quarantine'],
  [14.999, 'quarantine'],
  [15, 'reject'],
] as const) {
  test(`a sum of ${sum} means ${wish ?? 'nothing'}`, () => {
    assert.equal((decide(sum, USUAL, 'spam') ?? undefined)?.kind, wish)
  })
}

describe('through the plugin', () => {
  const config = { domains: { 'Strict.test': { junk: 2 } } }

  for (const [domain, wish] of [
    ['example.test', undefined],
    ['strict.test', 'quarantine'],
  ] as const) {
    test(`3 points for ${domain}: ${wish ?? 'nothing'}`, async () => {
      const { hooks, call } = await setUp(spamAction, { config })
      const asked = {
        session: aSession(),
        envelope: anEnvelope(),
        message: aMessage('Subject: x\n\n'),
        verdict: { sum: 3, findings: [] },
        recipient: { address: { local: 'x', domain }, dsn: { notify: [] } },
      }
      assert.equal(((await hooks.message!(asked, call)) ?? undefined)?.kind, wish)
    })
  }

  test('headers: false writes none', async () => {
    const { hooks } = await setUp(spamAction, { config: { headers: false } })
    assert.equal(hooks.headers, undefined)
  })
})

describe('fields', () => {
  test('a clean message has a score and no flag', () => {
    assert.deepEqual(fieldsFor({ sum: -0.04, findings: [] }, 5), [
      { name: 'X-Spam-Score', value: '0.0' },
      { name: 'X-Spam-Status', value: 'No, score=0.0 threshold=5.0' },
    ])
  })

  test('spam has a flag, and a report with the weightiest finding first', () => {
    const findings = [
      { name: 'small', points: 1.25, says: 'Small; very' },
      { name: 'large', points: 5, says: 'Large\r\nX-Evil: yes' },
    ]
    const fields = fieldsFor({ sum: 6.25, findings }, 5)
    assert.deepEqual(fields[0], { name: 'X-Spam-Flag', value: 'YES' })
    assert.equal(fields.at(-1)!.value, 'large 5.0 (Large??X-Evil: yes); small 1.3 (Small, very)')
  })

  test('a long sentence is cut without a character that would have to be encoded', () => {
    const report = fieldsFor({ sum: 1, findings: [{ name: 'x', points: 1, says: 'word '.repeat(50) }] }, 5).at(
      -1,
    )!.value
    assert.match(report, /^[ -~]+\.\.\.\)$/)
    assert.ok(report.length < 140)
  })

  test('a report ends somewhere', () => {
    const findings = Array.from({ length: 40 }, (_, n) => ({ name: `rule-${n}`, points: 1, says: 'x'.repeat(500) }))
    const report = fieldsFor({ sum: 40, findings }, 5).at(-1)!.value
    assert.match(report, /; and 25 more$/)
    assert.ok(report.length < 3000)
  })
})
