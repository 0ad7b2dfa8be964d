/** What a hook gets beside its question. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LazyCall } from '../../../core/pipeline/call.js'
import { quietLog } from '../../../core/testing/index.js'

test('a hook may wait for dozens of answers by its signal, and nothing warns of a leak', async () => {
  const warnings: string[] = []
  const heard = (warning: Error): unknown => warnings.push(warning.message)
  process.on('warning', heard)
  const { signal: session } = new AbortController()
  const { signal } = new LazyCall({ signal: session, log: quietLog })
  for (let at = 0; at < 40; at++) signal.addEventListener('abort', () => undefined, { once: true })
  // Warnings are told on the next turn.
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', heard)
  assert.deepEqual(warnings, [])
})
