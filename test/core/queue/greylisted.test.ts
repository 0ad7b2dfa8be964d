/** Which deferrals are greylisting, and how long such a peer wants us to wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quickWait } from '../../../core/queue/greylisted.js'

const GREYLISTED = {
  retryMs: [120_000, 300_000],
  longestMs: 3_600_000,
  words: ['greylist', 'come back', 'try again in'],
}

function deferred(reply?: string) {
  return { kind: 'deferred', row: 0, status: '4.7.1', text: 'x', ...(reply === undefined ? {} : { reply }) } as const
}

for (const [reply, seconds] of [
  ['450 4.2.0 <b@x.test>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/x.html', 120],
  ['451 4.7.1 Greylisting in action, please come back in 00:07:30', 450],
  ['451 4.7.1 Greylisted, please come again in 5 minutes', 300],
  ['450 GREYLISTED: retry=90s', 90],
  ['451 4.7.1 Please try again in 300 seconds', 300],
  ['421 4.7.0 Greylisted, wait 1 hour', 3600],
  ['451 greylisted for 10 seconds', 30],
  ['451 greylisted, come back in 9 hours', 3600],
  ['451 greylisted, come back after 99:00:00', 3600],
  ['451 4.7.1 Greylisted, please try again', 120],
  ['452 4.2.2 Mailbox full, come back in 5 minutes', undefined],
  ['451 4.3.0 Local error', undefined],
  ['450 4.7.1 rate limited', undefined],
  [undefined, undefined],
] as const) {
  test(`${reply ?? 'no reply at all'}: ${seconds === undefined ? 'the ladder' : `again in ${seconds} s`}`, () => {
    assert.equal(quickWait(deferred(reply), 0, GREYLISTED), seconds === undefined ? undefined : seconds * 1000)
  })
}

test('quick tries end, whatever the peer says', () => {
  const outcome = deferred('451 greylisted, come back in 60 seconds')
  assert.deepEqual(
    [0, 1, 2, 3].map(tries => quickWait(outcome, tries, GREYLISTED)),
    [60_000, 60_000, undefined, undefined],
  )
  assert.equal(quickWait(outcome, 0, undefined), undefined)
})

test('hostile text costs nothing', () => {
  const outcome = deferred(`451 greylist ${'in 1'.repeat(5000)} in ${'9'.repeat(5000)} seconds`)
  assert.equal(quickWait(outcome, 0, GREYLISTED), 120_000)
})
