/** The contract of the state: values and counters that expire. Times come in as arguments, so no clock is turned here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { State } from '../../core/api/index.js'
import type { StateBackend } from './backend.js'

export function stateContract(backend: StateBackend): void {
  const check = (behaviour: string, run: (state: State) => Promise<void>) =>
    test(`${backend.name}: ${behaviour}`, async () => run(await backend.open()))

  check('a value is there until it expires, and not a moment longer', async state => {
    await state.put('key', 'value', 100)
    assert.equal(await state.get('key', 99), 'value')
    assert.equal(await state.get('key', 100), undefined)
  })

  check('an unknown key has no value, and removing it is fine', async state => {
    await state.remove('key')
    assert.equal(await state.get('key', 1), undefined)
  })

  check('a later value replaces an earlier one, with its expiry', async state => {
    await state.put('key', 'one', 100)
    await state.put('key', 'two', 200)
    assert.equal(await state.get('key', 150), 'two')
    await state.remove('key')
    assert.equal(await state.get('key', 150), undefined)
  })

  check('a counter adds up, may go down, and starts from nothing once it has expired', async state => {
    assert.equal(await state.add('n', 2, 10, 100), 2)
    assert.equal(await state.add('n', 3, 20, 100), 5)
    assert.equal(await state.add('n', -1, 20, 150), 4)
    assert.equal(await state.get('n', 120), '4')
    assert.equal(await state.add('n', 7, 150, 300), 7)
  })

  check('counts made at the same time are all counted', async state => {
    const counts = await Promise.all(Array.from({ length: 100 }, () => state.add('n', 1, 1, 100)))
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, at) => at + 1),
    )
  })

  check('keys may be long, odd and alike', async state => {
    const keys = ['', 'a'.repeat(5000), `${'a'.repeat(4999)}b`, 'nul\0nul', 'ключ 💌', 'a', 'a/b', '#', '__proto__']
    for (const [at, key] of keys.entries()) await state.put(key, String(at), 100)
    for (const [at, key] of keys.entries())
      assert.equal(await state.get(key, 1), String(at), JSON.stringify(key.slice(0, 20)))
  })

  check('values keep every character', async state => {
    const value = `üñí\u0000\r\n💌${'x'.repeat(10_000)}`
    await state.put('key', value, 100)
    assert.equal(await state.get('key', 1), value)
  })
}
