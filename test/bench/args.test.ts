/** The bench's command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments, type Wish } from '../../bench/lib/args.js'
import { casesOf, variantsOf } from '../../bench/lib/scenario.js'
import { SCENARIOS } from '../../bench/scenarios/index.js'

const NAMES = SCENARIOS.map(one => one.name)
const read = (line: string): Wish => readArguments(line.split(' ').filter(Boolean), NAMES, ['compare'])

test('without arguments everything runs with the usual cases', () => {
  const wish = read('')
  assert.ok(wish.kind === 'run')
  assert.deepEqual(wish.args.scenarios, [])
  assert.equal(wish.args.sessions, undefined)
  assert.equal(wish.args.workers, 1)
  assert.equal(wish.args.client, 'own')
})

test('lists of sessions and sizes are read with their units', () => {
  const wish = read('smtp-in relay-out --sessions 1,20 --size 4KB,1MB --seconds 0.5 --workers 2 --reconnect')
  assert.ok(wish.kind === 'run')
  assert.deepEqual(wish.args.scenarios, ['smtp-in', 'relay-out'])
  assert.deepEqual(wish.args.sessions, [1, 20])
  assert.deepEqual(wish.args.sizes, [4096, 1048576])
  assert.equal(wish.args.seconds, 0.5)
  assert.equal(wish.args.workers, 2)
  assert.equal(wish.args.reconnect, true)
})

for (const [line, why] of [
  ['smtp-im', /did you mean smtp-in\?/],
  ['--sessions 0', /--sessions: expected a number from 1/],
  ['--sessions 1,,2', /--sessions/],
  ['--size 10', /--size: expected a size from 512/],
  ['--size four', /--size/],
  ['--seconds 0', /--seconds/],
  ['--workers many', /--workers/],
  ['--client sendmail', /expected own or smtp-source/],
  ['--speed 3', /--speed/],
  ['--sesions 3', /'--sesions', did you mean --sessions\?/],
  ['--messages 0', /--messages: expected a number from 1/],
  ['smtp-in compare', /compare is no scenario: it stands first and alone/],
] as const) {
  test(`"${line}" is refused with a sentence`, () => {
    const wish = read(line)
    assert.ok(wish.kind === 'wrong')
    assert.match(wish.why, why)
  })
}

test('help and list come before everything else', () => {
  assert.deepEqual(read('smtp-im --help'), { kind: 'help' })
  assert.deepEqual(read('--list'), { kind: 'list' })
})

test('named sessions run with every variant and its usual sizes', () => {
  const smtpIn = SCENARIOS.find(one => one.name === 'smtp-in')!
  const cases = casesOf(smtpIn, { sessions: [3] })
  assert.deepEqual(
    cases.map(one => `${one.variant} ${one.sessions} ${one.size}`),
    ['mailbox 3 4096', 'mailbox 3 51200', 'tls 3 4096', 'filtered 3 4096', 'queue 3 4096'],
  )
})

test('variants are known, and one with a comma in its name can be asked for', () => {
  const search = SCENARIOS.filter(one => one.name === 'imap-search')
  assert.deepEqual(variantsOf(['TEXT rare', 'cold', 'FROM'], search), ['TEXT rare, cold', 'FROM'])
  assert.throws(() => variantsOf(['FORM'], search), /there is no "FORM", did you mean FROM\?/)
})
