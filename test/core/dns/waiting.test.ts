/** Waits for answers of the name service. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaveOn } from '../../../core/dns/waiting.js'

test('dozens of answers may be waited for by one signal, and nothing warns of a leak', async () => {
  const warnings: string[] = []
  const heard = (warning: Error): unknown => warnings.push(warning.message)
  process.on('warning', heard)
  const controller = new AbortController()
  const waits = Array.from({ length: 40 }, () => leaveOn(controller.signal, new Promise<never>(() => undefined)))
  // Warnings are told on the next turn.
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', heard)
  controller.abort()
  const settled = await Promise.allSettled(waits)
  assert.deepEqual(warnings, [])
  assert.ok(settled.every(({ status }) => status === 'rejected'))
})
