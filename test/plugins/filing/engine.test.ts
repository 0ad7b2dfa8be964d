import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { unreachable } from '../../../core/api/index.js'
import { formatAddress } from '../../../core/text/index.js'
import { mayKeepNone } from '../../../plugins/filing/engine.js'
import { ruleInWords } from '../../../plugins/filing/words.js'
import { mailOf, ran, rules } from './house.js'

const MAIL = mailOf('Subject: hello\nFrom: bob@far.test')
const NEVER = { if: { subject: 'good-bye' }, discard: true }

async function done(given: readonly object[], mail = MAIL): Promise<string[]> {
  const { actions } = await ran(rules(...given), mail)
  return actions.map(action => {
    switch (action.kind) {
      case 'file':
        return [`file ${action.mailbox}`, ...action.flags].join(' ')
      case 'keep':
        return ['keep', ...action.flags].join(' ')
      case 'forward':
        return `forward ${formatAddress(action.to)}`
      case 'discard':
      case 'quiet':
      case 'answer':
        return action.kind
      default:
        return unreachable(action)
    }
  })
}

for (const [given, wish] of [
  [{ discard: true }, true],
  [{ forward: 'a@far.test' }, true],
  [{ forward: 'a@far.test', keep: true }, false],
  [{ forward: 'a@far.test', file: 'A' }, false],
  [{ flag: 'x' }, false],
] as const)
  test(`a rule with ${Object.keys(given).join(' and ')} ${wish ? 'may keep nothing' : 'keeps a copy'}`, () => {
    assert.deepEqual(rules(given).map(mayKeepNone), [wish])
  })

describe('rules', () => {
  for (const [what, given, wish] of [
    ['that do not hold come to nothing', [NEVER], []],
    ['all that hold act', [{ file: 'A' }, NEVER, { forward: 'x@far.test' }], ['file A', 'forward x@far.test']],
    ['end with one that stops', [{ file: 'A', stop: true }, { discard: true }], ['file A']],
    ['stop alone: what is below is not asked', [{ stop: true }, { discard: true }], []],
    [
      'flag what they file',
      [{ file: ['A', 'B'], flag: ['\\seen', 'work'] }],
      ['file A \\Seen work', 'file B \\Seen work'],
    ],
    [
      'flags count for what is below, not for what is above',
      [{ file: 'A' }, { flag: 'x' }, { file: 'B' }],
      ['file A', 'file B x'],
    ],
    ['that only flag keep it with the flag', [{ flag: '\\Flagged' }], ['keep \\Flagged']],
    ['flag and answer not: it is kept', [{ flag: 'x', answer: false }], ['quiet', 'keep x']],
    ['that only send on with a flag keep nothing', [{ flag: 'x', forward: 'a@far.test' }], ['forward a@far.test']],
    ['keep and send on', [{ keep: true, forward: 'a@far.test' }], ['forward a@far.test', 'keep']],
  ] as const) {
    test(what, async () => assert.deepEqual(await done(given), wish))
  }

  test('are not asked about mail taken for spam unless they ask that themselves', async () => {
    const junk = mailOf('Subject: hello', { junk: 'spam' })
    const given = [
      { if: { subject: 'hello' }, file: 'A' },
      { file: 'B' },
      { if: { any: [{ not: { junk: false } }, { tag: 'x' }] }, file: 'C' },
    ]
    assert.deepEqual(await done(given, junk), ['file C'])
    assert.deepEqual(await done(given), ['file A', 'file B'])
  })

  test('are told in words', () => {
    const [rule] = rules({
      if: { any: [{ from: ['a@b.test', 'c@d.test'] }, { not: { subject: { is: 'x' } } }], larger: '1MB' },
      file: 'A',
      flag: 'x',
      answer: 'no',
      stop: true,
    })
    assert.equal(
      ruleInWords(rule!),
      'rule "r1": if (from a@b.test or c@d.test or not (subject is x)) and larger 1MB: into A; flagged x; not answered; rules below are not asked',
    )
  })
})
