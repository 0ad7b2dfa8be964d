/** A state that is full or gone, and strangers who want it to forget whom our users know. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MailError, type State } from 'posthouse/api'
import { aMessage, anEnvelope, aSession, rememberingLog, setUp } from 'posthouse/testing'
import { familyOf } from '../../../core/text/index.js'
import reputation from '../../../plugins/reputation/index.js'
import { historyKey, knownKey, markKey, pairKey, sentKey, shareKey } from '../../../plugins/reputation/keys.js'
import { createMemoryState } from '../../../plugins/store-memory/state.js'
import { passed, pointsOf, Scene } from './scene.js'

test('while the state has trouble nobody is judged, nothing is held up, and the log says what was lost', async () => {
  const fail = async (): Promise<never> => {
    throw new MailError('store-unavailable', 'the disk is gone')
  }
  const state: State = {
    ...{ get: fail, put: fail, add: fail, spend: fail, tally: fail, enter: fail, remove: fail, list: fail },
  }
  const log = rememberingLog()
  const { hooks, call, contribution } = await setUp(reputation, { state, log })
  const asked = { session: aSession(), envelope: anEnvelope(), message: aMessage('From: a@b.test\n\nx\n') }
  assert.equal(await hooks.score!(asked, call), undefined)
  const results = [{ recipient: asked.envelope.recipients[0]!, kind: 'accepted' }] as const
  const verdict = { findings: [], sum: 0 }
  await hooks.decided!({ ...asked, verdict, results }, call)
  hooks.disconnect!({ session: aSession({ refused: { commands: 5, unknown: 5 } }), end: 'quit' }, call)
  await contribution.dispose!()
  const sentences = log.lines.map(({ sentence }) => sentence)
  assert.ok(sentences.includes('policy could not know'))
  assert.ok(sentences.includes('reputation could not be kept'))
})

test('a flood of strangers crowds out strangers, and not those our users know, nor old friends', async () => {
  const scene = await new Scene(createMemoryState(96 * 1024)).open()
  const friend = { from: 'eve@far.test', auth: passed('far.test') }
  for (let at = 0; at < 4; at++) await scene.goes({ to: ['eve@far.test'] })
  await scene.times(20, friend)
  const before = (await scene.comes(friend)).findings
  for (let at = 0; at < 1500; at++) {
    scene.now += 1000
    await scene.comes({ from: `x@d${at}.test`, auth: passed(`d${at}.test`), ip: `198.51.${at % 200}.7` })
  }
  const strangers = await scene.state.list('address/', scene.now)
  assert.ok(strangers.length < 750, `${strangers.length} of 1500 are kept`)
  const after = (await scene.comes(friend)).findings
  for (const name of ['known-correspondent', 'good-history'])
    assert.ok(Math.abs(pointsOf(after, name) - pointsOf(before, name)) < 0.2, name)
})

test('what strangers fill is of no family with anything else, so a full state takes it alone', () => {
  const author = { local: 'eve', domain: 'far.test' }
  const kinds = ['address', 'domain', 'organisation', 'dkim', 'spf', 'network', 'site'] as const
  const strangers = kinds.map(kind => historyKey({ kind, name: kind === 'address' ? 'eve@far.test' : 'x' }))
  const network = { kind: 'network', name: '192.0.2.0/24' } as const
  const ours = [knownKey(author), pairKey(author, 'a'), sentKey('<x@y>'), markKey('a', 'm'), shareKey(network, 'a')]
  const families = [...strangers, ...ours, 'new/a', 'marks/a'].map(key => familyOf(`reputation/${key}`))
  assert.equal(new Set(families).size, families.length, families.join(' '))
})
