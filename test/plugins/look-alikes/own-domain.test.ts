/** Names below our own domains as senders from outside: told when nothing proves them, and never taken for more than odd. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findingsFrom } from '../../../plugins/look-alikes/findings.js'
import { type OwnDomainQuestion, ownDomain } from '../../../plugins/look-alikes/own-domain.js'
import { authFacts, OWN } from './world.js'

describe('a name below one of ours', () => {
  const asked = (more: Partial<OwnDomainQuestion>) =>
    ownDomain({
      ...{ from: 'office.posthouse.test', sender: null, own: OWN, forwarders: new Set(['lists.example']) },
      ...{ auth: authFacts(), ...more },
    })
  const broken = { dmarc: { result: 'fail', domain: 'office.posthouse.test', disposition: 'reject', why: '' } } as const

  for (const [what, more, kind] of [
    ['is told when nothing proves it', {}, 'unknown'],
    ['however far below it is', { from: 'a.b.c.posthouse.test' }, 'unknown'],
    ['is nothing when one of ours vouches', { auth: authFacts({ vouching: ['posthouse.test'] }) }, 'not-ours'],
    ['is nothing by a known forwarder', { auth: authFacts({ vouching: ['mx.lists.example'] }) }, 'not-ours'],
    ['is told when a stranger vouches', { auth: authFacts({ vouching: ['evil.test'] }) }, 'unknown'],
    ['is nothing when nothing is checked', { auth: undefined }, 'not-ours'],
    ['is none when it only ends alike', { from: 'otherposthouse.test' }, 'not-ours'],
    ['is none without a domain', { from: '' }, 'not-ours'],
  ] as const)
    test(what, () => assert.equal(asked(more).kind, kind))

  test('says which, and counts once when its policy has failed', () => {
    const own = asked({ auth: authFacts(broken) })
    assert.match(
      'says' in own ? own.says : '',
      /of office\.posthouse\.test, a name below posthouse\.test, which is ours/,
    )
    const names = (told: boolean) =>
      findingsFrom({ tricks: [], ownDomain: own }, { own_domain_unproven: 0.5 } as never, told).map(({ name }) => name)
    assert.deepEqual([names(false), names(true)], [['own-domain-unproven'], []])
  })
})
