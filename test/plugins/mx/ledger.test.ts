/** What is said in the end of those whom no host has served. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobRecipient } from '../../../core/api/index.js'
import { Ledger } from '../../../plugins/mx/ledger.js'

const REFUSED = { kind: 'failed', row: 0, status: '5.7.30', text: 'no REQUIRETLS' } as const

for (const [what, reply, status] of [
  ['that has talked to us keeps its reason', undefined, '4.7.30'],
  ['that turns us away at the door counts as one that does not answer', '554 go away', '4.4.1'],
] as const) {
  test(`while another host may serve, a host ${what}`, () => {
    const ledger = new Ledger()
    ledger.admit({ row: 0 } as JobRecipient)
    ledger.note(reply === undefined ? REFUSED : { ...REFUSED, reply, stage: 'connect' })
    ledger.hope()
    const [outcome] = ledger.close('nobody was asked')
    assert.deepEqual(outcome?.kind === 'deferred' && outcome.status, status)
  })
}

test('of whom nobody was asked says nothing of the destination', () => {
  const ledger = new Ledger()
  ledger.admit({ row: 0 } as JobRecipient)
  const [outcome] = ledger.close('nobody was asked')
  assert.deepEqual(outcome, { kind: 'deferred', row: 0, status: '4.3.0', text: 'nobody was asked' })
})
