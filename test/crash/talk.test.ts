import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SmtpSink } from '../harness/smtp-sink.js'
import { Stranger, Talk } from './talk.js'

test('a server that greets by another name is a stranger: nothing it says counts', async t => {
  const other = await new SmtpSink({ name: 'other.test' }).start()
  t.after(() => other.stop())
  await assert.rejects(Talk.open(other.port, 'EHLO', 'crash.test'), Stranger)
  assert.deepEqual(other.commands, [])
  const talk = await Talk.open(other.port, 'EHLO', 'other.test')
  talk.cut()
})
