/** `posthouse state …`, on a state of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLmdbState } from '../../../plugins/store-lmdb/state.js'
import { stateCommands } from '../../../plugins/store-lmdb/state-commands.js'
import { runCommand } from '../../harness/context.js'
import { freshPath } from './backend.js'

const NOW = Date.UTC(2026, 10, 21)
const BUDGET = { limit: 5, windowMs: 60_000 }

async function filled() {
  const state = createLmdbState({ path: freshPath(), mapBytes: 16 * 1024 ** 2 })
  await state.put('greylist/seen/192.0.2.0', 'odd\nvalue', NOW + 90_000)
  await state.spend('limits/messages/alice', 2, BUDGET, NOW)
  await state.enter('limits/concurrent/192.0.2.1', 5, NOW)
  return { state, commands: stateCommands(state, () => NOW) }
}

test('state ls shows values, budgets and places of a prefix', async () => {
  const { commands } = await filled()
  assert.deepEqual((await runCommand(commands, 'state ls')).out, [
    'greylist/seen/192.0.2.0  value odd?value  for 1m30s',
    `limits/messages/alice  budget ${NOW} 2  for 1m`,
    'limits/concurrent/192.0.2.1  places 1',
  ])
  assert.deepEqual((await runCommand(commands, 'state ls', ['greylist/'])).out.length, 1)
  const { out } = await runCommand(commands, 'state ls', ['limits/'], { json: true })
  assert.deepEqual(JSON.parse(out[0]!), [
    { kind: 'budget', key: 'limits/messages/alice', value: `${NOW} 2`, expires: NOW + 60_000 },
    { kind: 'places', key: 'limits/concurrent/192.0.2.1', taken: 1 },
  ])
})

test('state ls says when there is more than it shows', async () => {
  const { commands } = await filled()
  const { out, err } = await runCommand(commands, 'state ls', [], { options: { limit: '1' } })
  assert.deepEqual([out.length, err], [2, ['only the first 1 are shown; --limit N shows more']])
  await assert.rejects(runCommand(commands, 'state ls', [], { options: { limit: 'x' } }), /--limit: expected a number/)
})

test('state rm forgets, and says what was perhaps meant', async () => {
  const { state, commands } = await filled()
  const mistyped = runCommand(commands, 'state rm', ['limits/messages/alise'])
  await assert.rejects(mistyped, /there is no limits\/messages\/alise; did you mean limits\/messages\/alice\?/)
  const { out } = await runCommand(commands, 'state rm', ['limits/messages/alice'])
  assert.deepEqual(out, ['forgot limits/messages/alice'])
  assert.equal((await state.spend('limits/messages/alice', 0, BUDGET, NOW)).used, 0)
})

test('state totals sums up by family', async () => {
  const { commands } = await filled()
  const { out } = await runCommand(commands, 'state totals', [], { json: true })
  const { entries, octets, most, places, families } = JSON.parse(out[0]!)
  assert.deepEqual([entries, most, places], [2, 256 * 1024 ** 2, 1])
  assert.equal(
    octets,
    families.reduce((sum: number, one: { octets: number }) => sum + one.octets, 0),
  )
  assert.match((await runCommand(commands, 'state totals')).out[0]!, /^2 entries, \d+B of 256MB; 1 places taken$/)
})
