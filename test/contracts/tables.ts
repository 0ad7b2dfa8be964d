/** The contract of tables: small records that are kept for good. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_TABLE_KEY, type Tables } from '../../core/api/index.js'

export interface TablesBackend {
  readonly name: string
  /** With nothing in it. */
  open(): Promise<Tables>
}

export function tablesContract(backend: TablesBackend): void {
  const check = (behaviour: string, run: (tables: Tables) => Promise<void>) =>
    test(`${backend.name}: ${behaviour}`, async () => run(await backend.open()))
  const put = (...keys: string[]) => keys.map(key => ({ key, value: `value of ${key}` }))

  check('what is written is there, in the order in which it is asked for', async tables => {
    const table = tables.table('one')
    await table.write(put('a', 'b'))
    assert.deepEqual(await table.get(['b', 'c', 'a']), ['value of b', undefined, 'value of a'])
    assert.equal(await table.size(), 2)
  })

  check('a later value replaces an earlier one, and no value removes', async tables => {
    const table = tables.table('one')
    await table.write(put('a', 'b'))
    await table.write([
      { key: 'a', value: 'new' },
      { key: 'b', value: undefined },
      { key: 'never there', value: undefined },
    ])
    assert.deepEqual(await table.get(['a', 'b']), ['new', undefined])
    assert.equal(await table.size(), 1)
  })

  check('tables of other names hold other things, and the same name is the same table', async tables => {
    await tables.table('one').write(put('a'))
    assert.deepEqual(await tables.table('two').get(['a']), [undefined])
    assert.deepEqual(await tables.table('one').get(['a']), ['value of a'])
  })

  check('keys are listed by beginning, in order of their octets, and page by page', async tables => {
    const table = tables.table('one')
    await table.write(put('b/é', 'b/2', 'a/1', 'b/10', 'b/1', 'b/z', 'b', 'c/1'))
    const keys = async (after?: string, most?: number) => (await table.list('b/', after, most)).map(({ key }) => key)
    assert.deepEqual(await keys(), ['b/1', 'b/10', 'b/2', 'b/z', 'b/é'])
    assert.deepEqual(await keys(undefined, 2), ['b/1', 'b/10'])
    assert.deepEqual(await keys('b/10', 2), ['b/2', 'b/z'])
    assert.deepEqual(await keys('b/é'), [])
    assert.equal((await table.list('')).length, 8)
  })

  check('a key that is too long refuses all of the write', async tables => {
    const table = tables.table('one')
    await assert.rejects(table.write(put('a', 'x'.repeat(MAX_TABLE_KEY + 1))), RangeError)
    await assert.rejects(table.write(put('a', '')), RangeError)
    assert.equal(await table.size(), 0)
    await table.write(put('x'.repeat(MAX_TABLE_KEY)))
    assert.equal(await table.size(), 1)
  })

  check('ten thousand records in one write are all there', async tables => {
    const table = tables.table('one')
    await table.write(put(...Array.from({ length: 10_000 }, (_, at) => `k/${at}`)))
    assert.equal(await table.size(), 10_000)
    assert.deepEqual(await table.get(['k/9999']), ['value of k/9999'])
  })
}
