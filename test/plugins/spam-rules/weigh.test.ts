import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import { messageOf } from '../../../core/storage/message.js'
import { anEnvelope, aSession } from '../../../core/testing/index.js'
import { mailOf } from '../../../plugins/spam-rules/example.js'
import { Facts } from '../../../plugins/spam-rules/facts.js'
import { failuresOf, findingsIn, sumOf } from '../../../plugins/spam-rules/try.js'
import { aRule, load, told } from './loading.js'

const MONEY = `groups: { money: { cap: 4, findings: [dnsbl-*] } }
rules:
${aRule('one', 'words: [one]', 3, 'group: money')}${aRule('two', 'words: [two]', 2.5, 'group: money')}`

describe('groups and discounts', () => {
  test('findings of a group count for no more than its cap, and the sum is the sum of the points', async () => {
    const set = await load(MONEY)
    assert.deepEqual(await told(set, 'one'), ['one 3'])
    assert.deepEqual(await told(set, 'one two'), ['one 3', 'two 2.5', 'cap-money -1.5'])
    assert.equal(sumOf(await findingsIn(set, messageOf, mailOf('one two'))), 4)
  })

  test('findings of other plugins may belong to a group', async () => {
    assert.deepEqual(await told(await load(MONEY), 'Finding: dnsbl-listed 2\n\none'), [
      'dnsbl-listed 2',
      'one 3',
      'cap-money -1',
    ])
  })

  test('a floor holds what speaks for a message', async () => {
    const set = await load(
      `groups: { trust: { floor: -2 } }\nrules:\n${aRule('good', 'words: [good]', -3, 'group: trust')}`,
    )
    assert.deepEqual(await told(set, 'good'), ['good -3', 'cap-trust 1'])
  })

  const discount = aRule('answer', 'field: In-Reply-To', 1, 'discount: { groups: [money], percent: 50 }').replace(
    '    points: 1\n',
    '',
  )

  test('a discount takes its share before the cap is looked at', async () => {
    const set = await load(`${MONEY}${discount}`)
    const mail = 'In-Reply-To: <1@x.example>\n\none two'
    assert.deepEqual(await told(set, mail), ['one 3', 'two 2.5', 'answer -2.75'])
  })

  test('a discount of nothing is no finding', async () => {
    assert.deepEqual(await told(await load(`${MONEY}${discount}`), 'In-Reply-To: <1@x.example>'), [])
  })

  test('hundredths are not lost', async () => {
    const set = await load(`groups: { g: { cap: 0.3 } }
rules:
${aRule('a', 'words: [one]', 0.1, 'group: g')}${aRule('b', 'words: [one]', 0.2, 'group: g')}`)
    assert.deepEqual(await told(set, 'one'), ['a 0.1', 'b 0.2'])
  })
})

describe('shadow rules', () => {
  test('tell what they would count and count nothing', async () => {
    const set = await load(`${MONEY}${aRule('new', 'words: [one]', 4, 'group: money\nshadow: true')}`)
    assert.deepEqual(await told(set, 'one'), ['one 3', 'new 0 (4)'])
  })

  test('are not seen by rules about findings', async () => {
    const set = await load(`rules:\n${aRule('new', 'words: [one]', 4, 'shadow: true')}${aRule('late', 'finding: new')}`)
    assert.deepEqual(await told(set, 'one'), ['new 0 (4)'])
  })
})

describe('scopes', () => {
  for (const [scope, to, listener, wish] of [
    ['only: { domains: [A.example] }', ['x@a.example'], 'mx', true],
    ['only: { domains: [a.example] }', ['x@b.example'], 'mx', false],
    ['only: { domains: [a.example] }', ['x@a.example', 'x@b.example'], 'mx', false],
    ['only: { users: [x@a.example] }', ['X@a.example'], 'mx', true],
    ['only: { users: [x@a.example], domains: [b.example] }', ['x@a.example', 'y@b.example'], 'mx', true],
    ['only: { listeners: [mx] }', ['x@a.example'], 'mx', true],
    ['only: { listeners: [mx] }', ['x@a.example'], 'inside', false],
    ['except: { domains: [a.example] }', ['x@a.example', 'x@b.example'], 'mx', false],
    ['except: { domains: [a.example] }', ['x@b.example'], 'mx', true],
    ['except: { listeners: [inside] }', ['x@b.example'], 'inside', false],
  ] as const) {
    test(`${scope}: mail by ${listener} to ${to.join(', ')} ${wish ? 'is' : 'is not'} meant`, async () => {
      const set = await load(`rules:\n${aRule('mine', 'words: [one]', 1, scope)}`)
      const recipients = to.map(text => {
        const [local = '', domain = ''] = text.split('@')
        return { address: { local, domain }, dsn: { notify: [] } }
      })
      const asked = {
        session: aSession({ listener }),
        envelope: anEnvelope({ recipients }),
        message: messageOf(mailOf('one')),
      }
      assert.equal((await set.score(await Facts.of(asked, 0))).length, wish ? 1 : 0)
    })
  }
})

describe('the admin’s file', () => {
  const shipped = `groups: { g: { cap: 3 } }\nrules:\n${aRule('one', 'words: [one]', 2)}${aRule('two', 'words: [two]', 2)}`

  test('changes points, words, scope, group and trial of shipped rules, and switches them off', async () => {
    const set = await load(
      shipped,
      `adjust: { one: { points: 7, says: 'Mine: {found}', group: g, except: { listeners: [inside] } } }\ndisable: [two]`,
    )
    assert.deepEqual(await told(set, 'one two'), ['one 7', 'cap-g -4'])
    assert.deepEqual(await told(set, 'Listener: inside\n\none two'), [])
    assert.deepEqual(await told(await load(shipped, 'adjust: { one: { shadow: true } }'), 'one'), ['one 0 (2)'])
  })

  test('changes caps', async () => {
    const set = await load(shipped.replaceAll('misses: [y]', 'misses: [y]\n    group: g'), 'groups: { g: { cap: 1 } }')
    assert.deepEqual(await told(set, 'one'), ['one 2', 'cap-g -1'])
  })

  test('does not fail the examples of rules it makes for some only', async () => {
    const yaml = `rules:\n${aRule('one', 'words: [x]', 2)}`
    const set = await load(yaml, 'adjust: { one: { only: { domains: [a.example] } } }')
    assert.deepEqual(await failuresOf(set, messageOf), [])
  })

  for (const [what, local, wish] of [
    [
      'an unknown rule to adjust',
      'adjust: { oen: { points: 1 } }',
      /local\.yaml:1:16: there is no rule "oen", did you mean "one"\?/,
    ],
    [
      'an unknown rule to switch off',
      'disable: [tow]',
      /local\.yaml:1:11: there is no rule "tow", did you mean "two"\?/,
    ],
    ['an unknown key to adjust', 'adjust: { one: { point: 1 } }', /local\.yaml:1:18: .*did you mean "points"/],
    [
      'an unknown group',
      `rules:\n${aRule('mine', 'words: [x]', 1, 'group: h')}`,
      /local\.yaml:8:12: there is no group "h", did you mean "g"\?/,
    ],
    [
      'a discount on an unknown group',
      `rules:\n${aRule('mine', 'words: [x]', 1, 'discount: { groups: [gg], percent: 5 }').replace('    points: 1\n', '')}`,
      /there is no group "gg", did you mean "g"/,
    ],
    [
      'points and a discount',
      `rules:\n${aRule('mine', 'words: [x]', 1, 'discount: { groups: [g], percent: 5 }')}`,
      /points or gives a discount/,
    ],
    ['neither', `rules:\n${aRule('mine', 'words: [x]').replace(/ +points.*\n/, '')}`, /"points" is missing/],
    [
      'an unknown kind of content',
      `rules:\n${aRule('mine', 'file: { kind: [exee] }')}`,
      /local\.yaml:7:20: .*did you mean "exe"/,
    ],
    ['nothing said of a file', `rules:\n${aRule('mine', 'file: {}')}`, /expected what is true of the file/],
    ['a size that is none', `rules:\n${aRule('mine', 'size: body\nover: big')}`, /local\.yaml:8:11: /],
  ] as const) {
    test(`${what} is refused with its place`, async () => {
      await assert.rejects(load(shipped, local), (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error))
        assert.match(error.message, wish)
        return true
      })
    })
  }
})

test('a shipped rule that alone reaches the Junk line is refused with its place; the admin’s own is not', async () => {
  const dear = `rules:\n${aRule('dear', 'words: [x]', 5)}`
  await assert.rejects(load(dear), /a\.yaml:3:13: a shipped rule stays below 5 points/)
  assert.deepEqual(await told(await load('rules: []', dear), 'x'), ['dear 5'])
})
