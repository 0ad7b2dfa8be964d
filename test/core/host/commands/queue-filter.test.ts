/** Words of `posthouse queue …`: what they mean, and what is said of wrong ones. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { QUEUE_FIELDS, type QueueCondition } from '../../../../core/api/index.js'
import { fieldLines, readFilter } from '../../../../core/host/commands/queue/filter.js'
import { conditionText } from '../../../../core/host/commands/queue/words.js'

const HOUR = 3_600_000

describe('words that are understood', () => {
  const words: readonly (readonly [string, QueueCondition])[] = [
    ['sender=@spam.example', { field: 'sender', is: '=', value: '@spam.example' }],
    ['sender=<>', { field: 'sender', is: '=', value: '<>' }],
    ['Recipient!=bob@example.org', { field: 'recipient', is: '!=', value: 'bob@example.org' }],
    ['subject~invoice due', { field: 'subject', is: '~', value: 'invoice due' }],
    ['subject!~invoice', { field: 'subject', is: '!~', value: 'invoice' }],
    ['text~a=b<c', { field: 'text', is: '~', value: 'a=b<c' }],
    ['age>1h30m', { field: 'age', is: '>', value: 1.5 * HOUR }],
    ['due<0', { field: 'due', is: '<', value: 0 }],
    ['due>-1h', { field: 'due', is: '>', value: -HOUR }],
    ['size>=20KB', { field: 'size', is: '>=', value: 20 * 1024 }],
    ['tries>=3', { field: 'tries', is: '>=', value: 3 }],
    ['priority=-4', { field: 'priority', is: '=', value: -4 }],
    ['held', { field: 'held', is: '=', value: true }],
    ['!held', { field: 'held', is: '=', value: false }],
    ['leased=no', { field: 'leased', is: '=', value: false }],
    ['warned!=yes', { field: 'warned', is: '!=', value: true }],
  ]
  for (const [word, condition] of words)
    test(word, () => assert.deepEqual(readFilter([word]), { ids: [], where: [condition] }))
})

test('ids are alternatives, everything else must hold', () => {
  const { ids, where } = readFilter(['1kdvdna00bfbppf3.1', 'held', '1kdvdna00bfbppf4.12', 'tries>1'])
  assert.deepEqual(ids, ['1kdvdna00bfbppf3.1', '1kdvdna00bfbppf4.12'])
  assert.equal(where.length, 2)
})

describe('words that are not, and what is said of them', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['sendr=@a.b', /^"sendr=@a\.b": there is no field "sendr"; did you mean sender\?$/],
    ['xyzzy=1', /there is no field "xyzzy"; there are id, sender, recipient/],
    ['constructor=1', /there is no field "constructor"/],
    ['sender', /sender wants a comparison: sender=…/],
    ['age=1h', /age cannot be compared by =; there are < <= > >=/],
    ['sender>a', /sender cannot be compared by >/],
    ['age>soon', /expected a duration as 1h30m at column 5/],
    ['size<big', /expected a size as 20KB at column 6/],
    ['tries>=many', /expected a whole number at column 8/],
    ['held=perhaps', /expected yes or no at column 6/],
    ['sender=', /expected user@example\.org/],
    ['!sender=a', /write sender!=a for the opposite/],
    ['=a', /expected FIELD=VALUE, a flag as "held", or an id/],
    ['', /expected FIELD=VALUE/],
  ]
  for (const [word, said] of wrong)
    test(`"${word}"`, () =>
      assert.throws(() => readFilter([word]), { name: 'CommandError', exitCode: 2, message: said }))
})

test('what a rule shows can be typed again and means the same', () => {
  const words = ['sender=@a.b', 'age>1h30m', 'due<-2m', 'size>20KB', 'tries>=3', 'held', '!warned', 'subject!~x']
  const { where } = readFilter(words)
  assert.deepEqual(readFilter(where.map(conditionText)).where, where)
})

test('help names every field', () => {
  const text = fieldLines().join('\n')
  for (const name of Object.keys(QUEUE_FIELDS)) assert.match(text, new RegExp(`^ {2}${name} `, 'm'))
})
