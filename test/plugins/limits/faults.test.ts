/** Rules of the admin that cannot be what was meant: each is a fault that says what is wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/index.js'
import limits from '../../../plugins/limits/index.js'

for (const [rule, says] of [
  [
    { count: 'connections', per: 'network', limit: '60/1min' },
    /"60\/1min": expected a time .* at column 4; did you mean 60\/1m\?/,
  ],
  [
    { count: 'connections', per: 'login', limit: '60/1m' },
    /connections cannot be counted per login; expected network; did you mean messages per login\?/,
  ],
  [{ count: 'recipients', per: 'recipient', limit: '60/1m' }, /did you mean messages per recipient\?/],
  [
    { count: 'concurrent', per: 'network', limit: '20/1m' },
    /"20\/1m": expected a number of connections at the same time/,
  ],
  [{ count: 'messages', per: 'network', limit: 20 }, /"20": expected \/ and a time, as in 60\/1m at column 3/],
  [{ count: 'bytes', per: 'login', limit: 'lots' }, /expected 200MB\/1d or unlimited at column 1/],
  [
    { count: 'messages', per: 'network', limit: '1/1m', except: ['192.0.2.0/33'] },
    /"192.0.2.0\/33": expected a network/,
  ],
  [
    { count: 'messages', per: 'network', limit: '1/1m', overrides: { '*.example.org': '2/1m' } },
    /did you mean example\.org, which is all below it too\?/,
  ],
  [
    { count: 'messages', per: 'network', limit: '1/1m', overrides: { 'example.org': '2/1x' } },
    /"2\/1x": expected a time/,
  ],
] as const) {
  test(`${JSON.stringify(rule)} is a fault that says why`, async () => {
    await assert.rejects(setUp(limits, { config: { rules: [rule] } }), error => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, says)
      return true
    })
  })
}

test('two rules of one name are a fault, which would share their counters', async () => {
  const rule = { count: 'messages', per: 'network', limit: '1/1m' }
  await assert.rejects(
    setUp(limits, { config: { rules: [rule, rule] } }),
    /rule 2 is named messages-per-network as rule 1 is/,
  )
  await setUp(limits, { config: { rules: [rule, { ...rule, name: 'daily', limit: '100/1d' }] } })
})
