/** Whatever a domain publishes in place of an MTA-STS record and policy, it is read or refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReadError } from '../../../../core/text/index.js'
import { readPolicy, readRecord } from '../../../../plugins/mx/sts/policy.js'
import { mutate, mutations } from '../../../harness/mutate.js'

const numRuns = Number(process.env.POSTHOUSE_FUZZ_RUNS ?? 150)

const GOOD =
  'version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\nfuture-1: ä b\r\n'

test('a policy and its record are read or refused whatever octets come', () => {
  fc.assert(
    fc.property(mutations, changes => {
      const text = mutate(Buffer.from(GOOD), changes).toString('utf8')
      try {
        const { mode, maxAgeSeconds, mx } = readPolicy(text)
        assert.ok(['enforce', 'testing', 'none'].includes(mode))
        assert.ok(maxAgeSeconds >= 0 && maxAgeSeconds <= 31_557_600)
        assert.ok(mx.every(pattern => /^(\*\.)?[a-z0-9.-]+$/.test(pattern)))
      } catch (error) {
        assert.ok(error instanceof ReadError, String(error))
      }
      const id = readRecord([mutate(Buffer.from('v=STSv1; id=20160831085700Z;'), changes).toString('utf8')])
      assert.ok(id === undefined || /^[A-Za-z0-9]{1,32}$/.test(id))
    }),
    { numRuns },
  )
})
