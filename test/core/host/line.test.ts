/** What is read of a command line before anything else is loaded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isServe, readLine } from '../../../core/host/line.js'

for (const [argv, serves] of [
  ['serve', true],
  ['serve --config /etc/posthouse', true],
  ['serve --version', false],
  ['--version serve', false],
  ['serve -V', false],
  ['serve --help', false],
  ['help serve', false],
  ['serve now', false],
] as const) {
  test(`"posthouse ${argv}" ${serves ? 'starts a worker' : 'starts no worker'}`, () => {
    assert.equal(isServe(readLine(argv.split(' '))), serves)
  })
}
