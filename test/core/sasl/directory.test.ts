import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Accounts } from '../../../core/api/index.js'
import { ScramDirectory } from '../../../core/sasl/directory.js'
import { quietLog } from '../../../core/testing/index.js'

test('the directory hears by which protocol somebody logs in: an account may keep its password for some only', async () => {
  const asked: unknown[] = []
  const accounts: Accounts = {
    byLogin: async () => undefined,
    byAddress: async () => undefined,
    byId: async () => undefined,
    list: async () => [],
    scramKeys: async (...about) => {
      asked.push(about)
      return undefined
    },
  }
  const directory = new ScramDirectory(accounts, async () => Buffer.alloc(32, 1), quietLog)
  const { known } = await directory.keys('alice', 'SCRAM-SHA-256', 'imap', new AbortController().signal)
  assert.deepEqual([asked, known], [[['alice', 'SCRAM-SHA-256', 'imap']], false])
})
