import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import relay, { decideRelay } from '../../../plugins/relay/index.js'
import { aCall, aContext, address } from '../../harness/context.js'
import { ALICE, anEnvelope, aServer, aSession } from '../../harness/session.js'

const RULES = { target: 'mx', authenticated: true, trusted: true }
const account = { id: 'a1234567', login: 'alice', addresses: ['alice@example.test'] }
const STRANGER = aSession()
const MEMBER = aSession({ account })
const TRUSTED = aSession({ trusted: true })

for (const [what, session, to, rules, claimed] of [
  ['a stranger sends to the world', STRANGER, 'x@far.test', RULES, false],
  ['a stranger sends to a relay domain', STRANGER, 'x@relayed.test', RULES, true],
  ['who logged in sends to the world', MEMBER, 'x@far.test', RULES, true],
  ['a trusted network sends to the world', TRUSTED, 'x@far.test', RULES, true],
  ['who logged in sends to a domain of ours', MEMBER, 'x@example.test', RULES, false],
  ['who logged in sends to the bare postmaster', MEMBER, 'postmaster@', RULES, false],
  [
    'a bounce of ours goes out, though trusted networks may not',
    aSession({ protocol: 'internal', trusted: true }),
    'x@far.test',
    { ...RULES, trusted: false },
    true,
  ],
  ['logging in is not enough by config', MEMBER, 'x@far.test', { ...RULES, authenticated: false }, false],
  ['being trusted is not enough by config', TRUSTED, 'x@far.test', { ...RULES, trusted: false }, false],
] as const) {
  test(`${what}: ${claimed ? 'claimed for mx' : 'not claimed'}`, () => {
    const recipient = { address: address(to), dsn: { notify: [] } }
    const answer = decideRelay({ session, recipient }, aServer(), rules)
    assert.deepEqual(answer, claimed ? { kind: 'claim', target: 'mx', to: address(to) } : undefined)
  })
}

describe('with own_addresses_only', () => {
  for (const [what, session, sender, code] of [
    ['an own address passes, in any case', MEMBER, { ...ALICE, local: 'Alice' }, undefined],
    ['the null sender passes', MEMBER, null, undefined],
    ['a stranger’s address is refused', MEMBER, address('bob@example.test'), 553],
    ['who did not log in is not asked', STRANGER, address('bob@example.test'), undefined],
  ] as const) {
    test(what, async () => {
      const config = { ...RULES, own_addresses_only: true }
      const { hooks } = await relay.setup(aContext(config))
      const answer = await hooks!.mail!({ session, envelope: anEnvelope({ sender }) }, aCall())
      assert.equal(answer && 'code' in answer ? answer.code : undefined, code)
    })
  }
})
