import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { LmdbTables } from '../../../plugins/store-lmdb/tables.js'
import { tablesContract } from '../../contracts/tables.js'
import { freshPath } from './backend.js'

const fresh = () => new LmdbTables({ path: freshPath(), mapBytes: 16 * 1024 ** 2 })

tablesContract({ name: 'lmdb', open: async () => fresh() })

test('there is no file before somebody wants a table', () => {
  const path = freshPath()
  const tables = new LmdbTables({ path, mapBytes: 16 * 1024 ** 2 })
  assert.equal(existsSync(path), false)
  tables.table('one')
  assert.equal(existsSync(path), true)
})
