/** Mail that comes back to an alias it has been sent on by. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Asked } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession } from '../../../core/testing/index.js'
import { DomainSet } from '../../../core/text/index.js'
import { decideLoop } from '../../../plugins/mda/loops.js'
import { address } from '../../harness/context.js'
import { install } from './house.js'

const DOMAINS = new DomainSet(['example.test', 'bücher.test'])

function asked(to: string, header: string): Asked['message'] {
  const message = aMessage(`${header}Subject: x\r\n\r\nx\r\n`)
  const verdict = { findings: [], sum: 0 }
  return {
    session: aSession(),
    envelope: anEnvelope(),
    message,
    verdict,
    recipient: { address: address(to), dsn: { notify: [] } },
  }
}

describe('a message that was sent on before', () => {
  for (const [what, to, header, looping] of [
    ['nowhere', 'friend@example.test', '', false],
    ['by this alias', 'friend@example.test', 'Delivered-To: friend@example.test\r\n', true],
    ['in other letters', 'Friend@example.test', 'delivered-to:  FRIEND@Example.test \r\n', true],
    ['by another', 'friend@example.test', 'Delivered-To: other@example.test\r\n', false],
    ['by both', 'friend@example.test', 'Delivered-To: a@b.test\r\nDelivered-To: friend@example.test\r\n', true],
    ['with a tag', 'friend+x@example.test', 'Delivered-To: friend@example.test\r\n', false],
    ['by an address that is not ours', 'x@far.test', 'Delivered-To: x@far.test\r\n', false],
    [
      'by an address with letters of the world',
      'jürgen@bücher.test',
      'Delivered-To: jürgen@xn--bcher-kva.test\r\n',
      true,
    ],
  ] as const) {
    test(`${what}: ${looping ? 'it is refused' : 'it goes on'}`, () => {
      const answer = decideLoop(asked(to, header), DOMAINS)
      assert.equal(answer?.kind, looping ? 'reject' : undefined)
      if (answer?.kind === 'reject') assert.equal(answer.status, '5.4.6')
    })
  }

  test('what goes on by an alias says by which, and what is filed here need not', async () => {
    const { route } = await install('friend@example.test: [someone@far.test, alice]\n')
    const claims = await route('Friend@example.test')
    assert.ok(Array.isArray(claims))
    assert.deepEqual(
      claims.map(({ fields }) => fields),
      [[{ name: 'Delivered-To', value: 'friend@example.test' }], undefined],
    )
  })
})
