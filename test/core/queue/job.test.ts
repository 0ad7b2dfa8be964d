/** What a job says of the message it was made of. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Claimed } from '../../../core/api/index.js'
import { jobOf } from '../../../core/queue/job.js'

function claimedOf(origin: Readonly<Record<string, string>>, about: Partial<Claimed['message']> = {}) {
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
  return { token: 't', leaseUntil: 1, rows: [row], message: { ...message, ...about, origin } } as Claimed
}

function submitterOf(origin: Readonly<Record<string, string>>) {
  return jobOf(claimedOf(origin), { read: async () => Buffer.alloc(0) }).submitter
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

describe('the octets of a job whose body is in memory', () => {
  const body = Buffer.from('X-Spam: yes\r\nSubject: Hi\r\nX-Spam: no\r\n\r\nHello\r\n')
  for (const cuts of [
    [],
    [[0, 13]],
    [[26, 38]],
    [
      [0, 13],
      [26, 38],
    ],
  ] as const) {
    test(`are those read from the store, without ${JSON.stringify(cuts)}`, async () => {
      const claimed = claimedOf({}, { bodySize: body.length, cuts })
      const read = async (_id: string, from?: number, to?: number) => body.subarray(from, to)
      const [stored, known] = [jobOf(claimed, { read }, 'A: b\r\n'), jobOf(claimed, { read, known: body }, 'A: b\r\n')]
      const expected = await stored.read()
      const iterated: Buffer[] = []
      for await (const piece of known.chunks()) iterated.push(piece)
      assert.equal(stored.chunks().atHand, undefined)
      assert.equal(Buffer.concat(known.chunks().atHand ?? []).toString(), expected.toString())
      assert.equal(Buffer.concat(iterated).toString(), expected.toString())
      assert.equal(known.size, expected.length)
    })
  }
})
