/** A service that is asked within a hook of another plugin: its time is the asker's, its log its own, and neither costs anything before it is asked for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Call, ownCall } from '../../../core/api/index.js'
import { aCall, rememberingLog } from '../../../core/testing/index.js'

test('a signal is made when the service asks for it, and is the asker’s', () => {
  const asking = aCall()
  let asked = 0
  const call: Call = {
    log: asking.log,
    get signal() {
      asked++
      return asking.signal
    },
  }
  const own = ownCall(call, rememberingLog(), { id: 'S1' })
  assert.equal(asked, 0)
  assert.equal(own.signal, asking.signal)
})

test('its log is the plugin’s own with the id of the session, made once', () => {
  const log = rememberingLog()
  const own = ownCall(aCall(), log, { id: 'S1' })
  own.log.info({ at: 1 }, 'seen')
  assert.deepEqual(log.lines, [{ level: 'info', facts: { id: 'S1', at: 1 }, sentence: 'seen' }])
  assert.equal(own.log, own.log)
})
