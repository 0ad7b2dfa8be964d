/** What targets in plain JavaScript may answer: what makes no sense counts as no answer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soundOutcomes } from '../../../core/pipeline/outcomes.js'
import { address } from '../../harness/context.js'

const to = address('x@far.test')
const claim = { kind: 'claim', target: 'mx', to }
const forward = { to, claims: [claim], because: 'rule "r"' }
const answer = { id: 'a.1', sender: null, to, bytes: Buffer.from('x'), reason: 'away' }
const filed = (more: object) => ({ kind: 'filed', row: 0, filings: [], ...more })

for (const [what, outcome, sound] of [
  ['no copy', filed({}), true],
  ['a forward and an answer', filed({ forwards: [forward], answers: [answer] }), true],
  ['no list of copies', filed({ filings: undefined }), false],
  ['no list of forwards', filed({ forwards: 'x@far.test' }), false],
  ['a forward without a claim', filed({ forwards: [{ ...forward, claims: [] }] }), false],
  ['a forward with a claim that is none', filed({ forwards: [{ ...forward, claims: [null] }] }), false],
  [
    'a forward with a line feed in its address',
    filed({ forwards: [{ ...forward, claims: [{ ...claim, to: { local: 'x\r\nDATA', domain: 'far.test' } }] }] }),
    false,
  ],
  [
    'a forward with a field that has no value',
    filed({ forwards: [{ ...forward, claims: [{ ...claim, fields: [{ name: 'Delivered-To' }] }] }] }),
    false,
  ],
  ['an answer to nobody', filed({ answers: [{ ...answer, to: undefined }] }), false],
  ['an answer without octets', filed({ answers: [{ ...answer, bytes: 'x' }] }), false],
] as const)
  test(`a filing with ${what} is ${sound ? 'an outcome' : 'none'}`, () => {
    assert.equal(soundOutcomes([outcome]).length, sound ? 1 : 0)
  })
