import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../core/api/index.js'
import { anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import recipientChecks from '../../../plugins/recipient-checks/index.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { ALICE } from '../../harness/session.js'

const HOUR = 3_600_000

async function checks(config: object = {}) {
  const clock = { now: 1_800_000_000_000 }
  const { hooks, call } = await setUp(recipientChecks, { config, state: createMemoryState(), now: () => clock.now })
  const from = (address: string, unknown: number, more: Partial<Session> = {}) =>
    aSession({ remote: { address, port: 1 }, refused: { commands: unknown, unknown }, ...more })
  return {
    clock,
    from,
    mail: async (session: Session) => hooks.mail!({ session, envelope: anEnvelope() }, call),
    rcpt: async (session: Session) =>
      hooks.rcpt!({ session, envelope: anEnvelope(), recipient: { address: ALICE, dsn: { notify: [] } } }, call),
    ended: async (session: Session) => hooks.disconnect!({ session, end: 'quit' }, call),
  }
}

function said(answer: unknown): string | undefined {
  const { code, status, because } = (answer ?? {}) as { code?: number; status?: string; because?: { rule: string } }
  return code === undefined ? undefined : `${code} ${status} ${because?.rule}`
}

for (const [unknown, more, expected] of [
  [9, {}, undefined],
  [10, {}, '421 4.7.0 unknown-per-session'],
  [10, { trusted: true }, undefined],
  [10, { account: { id: 'a', login: 'a', addresses: [] } }, undefined],
  [10, { protocol: 'lmtp' }, undefined],
] as const) {
  test(`after ${unknown} unknown recipients ${JSON.stringify(more)} RCPT hears ${expected ?? 'nothing of it'}`, async () => {
    const { rcpt, from } = await checks()
    assert.equal(said(await rcpt(from('192.0.2.1', unknown, more))), expected)
  })
}

test('a network that has asked for too many in short sessions is closed out, and let in as time goes by', async () => {
  const { mail, ended, from, clock } = await checks({ network: 20 })
  for (let i = 1; i <= 3; i++) {
    assert.equal(said(await mail(from(`192.0.2.${i}`, 0))), undefined)
    await ended(from(`192.0.2.${i}`, 9))
  }
  assert.equal(said(await mail(from('192.0.2.77', 0))), '421 4.7.0 unknown-per-network')
  assert.equal(said(await mail(from('198.51.100.1', 0))), undefined)
  clock.now += 2 * HOUR
  assert.equal(said(await mail(from('192.0.2.77', 0))), undefined)
})

test('a session that was let in is not asked about its network again', async () => {
  const { mail, ended, from } = await checks({ network: 1 })
  const session = from('192.0.2.1', 0)
  assert.equal(said(await mail(session)), undefined)
  await ended(from('192.0.2.2', 5))
  assert.equal(said(await mail(session)), undefined)
  assert.equal(said(await mail(from('192.0.2.1', 0))), '421 4.7.0 unknown-per-network')
})
