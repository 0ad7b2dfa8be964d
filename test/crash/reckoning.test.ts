/** What the reckoning of a crash run finds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Letter, Whose } from './letters.js'
import type { Heard } from './load.js'
import { type Reckoned, reckon } from './reckoning.js'

const NOTHING: Reckoned = { filed: new Map(), notices: new Map(), queued: new Set() }

function heard(whose: Whose, more: Partial<Heard & Pick<Letter, 'notify'>> = {}): Heard {
  const { notify = false, ...facts } = more
  const address = 'x@y.test'
  const letter = {
    n: 1,
    way: 'data',
    sender: 'ann@here.test',
    recipients: [{ address, whose }],
    notify,
    lines: 1,
  } as const
  return { letter, address, accepted: true, unanswered: 0, refused: 0, ...facts }
}

const arrived = (...times: readonly number[]) => times.map(at => ({ n: 1, address: 'x@y.test', at }))
const filed = (count: number): Reckoned => ({ ...NOTHING, filed: new Map([['1 x@y.test', count]]) })
const notices = (what: string, count = 1): Reckoned => ({
  ...NOTHING,
  notices: new Map([[`${what} 1 x@y.test`, count]]),
})
const kill = (at: number, places = 1) => ({ at, places })

for (const [what, one, arrivals, kills, holdings, faults] of [
  ['acknowledged and nowhere is lost', heard('local'), [], [], NOTHING, [/^lost: 1 x@y/]],
  ['put off and nowhere is right', heard('local', { accepted: false, refused: 1 }), [], [], NOTHING, []],
  ['never answered and nowhere is right', heard('local', { accepted: false, unanswered: 1 }), [], [], NOTHING, []],
  [
    'put off and filed is too much',
    heard('local', { accepted: false, refused: 1 }),
    [],
    [],
    filed(1),
    [/1 copies of 1/],
  ],
  ['filed twice for one 250 is too much', heard('local'), [], [], filed(2), [/2 copies of 1/]],
  ['filed twice is right when once no answer came', heard('local', { unanswered: 1 }), [], [], filed(2), []],
  ['queued is not lost', heard('remote'), [], [], { ...NOTHING, queued: new Set(['1 x@y.test']) }, []],
  ['arrived twice across a kill was under way', heard('remote'), arrived(10_000, 30_000), [kill(11_000)], NOTHING, []],
  [
    'arrived twice without a kill is too much',
    heard('remote'),
    arrived(10_000, 30_000),
    [kill(40_000)],
    NOTHING,
    [/without a kill/],
  ],
  [
    'arrived twice with no delivery under way is too much',
    heard('remote'),
    arrived(1, 3),
    [kill(2, 0)],
    NOTHING,
    [/only 0 del/],
  ],
  ['refused there and not returned is lost', heard('refused'), [], [], NOTHING, [/^lost/]],
  ['returned once is right', heard('refused'), [], [], notices('failed'), []],
  ['returned twice is too much', heard('refused'), [], [], notices('failed', 2), [/2 copies/]],
  ['a report that was wished for must be there', heard('local', { notify: true }), [], [], filed(1), [/no report/]],
  [
    'a report nobody wished for is too much',
    heard('refused'),
    [],
    [],
    {
      ...notices('failed'),
      notices: new Map([
        ['failed 1 x@y.test', 1],
        ['relayed 1 x@y.test', 1],
      ]),
    },
    [/1 reports/],
  ],
] as const) {
  test(`reckoning: ${what}`, () => {
    const found = reckon([one], arrivals, kills, holdings).faults
    assert.equal(found.length, faults.length, found.join('\n'))
    for (const [at, pattern] of faults.entries()) assert.match(found[at]!, pattern)
  })
}
