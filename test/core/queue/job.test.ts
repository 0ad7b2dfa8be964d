/** What a job says of the message it was made of. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Claimed } from '../../../core/api/index.js'
import { jobOf } from '../../../core/queue/job.js'

function submitterOf(origin: Readonly<Record<string, string>>) {
  const row = {
    row: 0,
    to: { local: 'b', domain: 'them.test' },
    original: { local: 'b', domain: 'them.test' },
    dsn: { notify: [] },
    target: 'mx',
    lane: 'them.test',
    detail: {},
    prefix: '',
    due: 0,
    expires: 1,
    priority: 0,
    tries: 0,
    leased: true,
  }
  const message = {
    id: 'm.1',
    bodyId: 'm',
    bodySize: 0,
    cuts: [],
    sender: null,
    utf8: false,
    bodyType: '7BIT',
    received: 0,
  }
  const claimed = { token: 't', leaseUntil: 1, rows: [row], message: { ...message, origin } } as Claimed
  return jobOf(claimed, { read: async () => Buffer.alloc(0) }).submitter
}

describe('who submitted the message of a job', () => {
  for (const [origin, submitter] of [
    [{ remote: '192.0.2.1', listener: 'mx' }, undefined],
    [{ remote: '192.0.2.1', listener: 'submission', login: 'alice@us.test' }, 'authenticated'],
    [{ remote: '192.0.2.1', listener: 'mx', trusted: 'yes' }, 'trusted'],
    [{ remote: '192.0.2.1', listener: 'mx', trusted: 'yes', login: 'alice@us.test' }, 'authenticated'],
    [{ listener: 'internal', reason: 'bounce of x.1' }, 'local'],
    // a listener can be called anything
    [{ remote: '192.0.2.1', listener: 'internal', helo: 'reason' }, undefined],
  ] as const) {
    test(`of ${JSON.stringify(origin)} it is ${submitter ?? 'anybody'}`, () => {
      assert.equal(submitterOf(origin), submitter)
    })
  }
})
