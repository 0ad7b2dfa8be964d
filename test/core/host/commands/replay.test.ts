/** From a record to what another configuration would have found: pure, without mail or server. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defer, type Finding, hold, quarantine, type Ruling, reject } from '../../../../core/api/index.js'
import { changedBy, differencesOf, foundAgain } from '../../../../core/host/commands/replay/compare.js'
import { fateOf, recordedFate } from '../../../../core/host/commands/replay/fate.js'
import {
  envelopeOfFile,
  recordedEnvelope,
  recordedSession,
  sessionOfFile,
} from '../../../../core/host/commands/replay/heard.js'
import { Rehearsal } from '../../../../core/host/rehearsal.js'
import { aMessage, servicesOf } from '../../../../core/testing/index.js'
import { createMemoryState } from '../../../../plugins/store-memory/state.js'
import { createMemoryStore } from '../../../../plugins/store-memory/store.js'
import { createMemoryTables } from '../../../../plugins/store-memory/tables.js'

/** `name points plugin`, as many as there are. */
function found(...texts: readonly string[]): readonly Finding[] {
  return texts.map(text => {
    const [name = '', points, plugin = 'rules'] = text.split(' ')
    return { name, points: Number(points), says: 'Found.', plugin }
  })
}

function inShort(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ name, points, plugin }) => `${name} ${points} ${plugin}`)
}

describe('with the configuration in use beside the new one', () => {
  for (const [what, recorded, before, after, wanted] of [
    ['what neither finds any more stays as it was', ['seen 2'], [], [], ['seen 2']],
    ['what both find stays as it was', ['seen 2'], ['seen 1'], ['seen 1'], ['seen 2']],
    ['what only the new one finds comes', [], [], ['odd 3'], ['odd 3']],
    ['what only the old one finds goes', ['odd 3'], ['odd 3'], [], []],
    ['other points count', ['odd 3'], ['odd 3'], ['odd 4'], ['odd 4']],
    ['of several with one name all go together', ['l 1', 'l 1'], ['l 1', 'l 1'], ['l 2', 'l 1'], ['l 2', 'l 1']],
  ] as const) {
    test(what, () => {
      const result = changedBy(found(...recorded), found(...before), found(...after))
      assert.deepEqual(inShort(result), inShort(found(...wanted)))
    })
  }
})

describe('with the new configuration alone', () => {
  const elsewhere = { historic: new Set(['reputation']), outward: new Set(['dnsbl']) }
  for (const [what, recorded, after, wanted] of [
    ['what is in the mail is found again', ['a 1', 'b 1'], ['b 2', 'c 1'], ['b 2', 'c 1']],
    ['what the name service had said stays', ['listed 3 dnsbl'], [], ['listed 3 dnsbl']],
    [
      'and counts as the new one says where it is found again',
      ['listed 3 dnsbl'],
      ['listed 4 dnsbl'],
      ['listed 4 dnsbl'],
    ],
    [
      'what had happened before stays, and what has happened since says nothing',
      ['known -2 reputation'],
      ['bad 3 reputation'],
      ['known -2 reputation'],
    ],
  ] as const) {
    test(what, () => {
      const result = foundAgain(found(...recorded), found(...after), elsewhere)
      assert.deepEqual(inShort(result), inShort(found(...wanted)))
    })
  }
})

test('differences name what came, what went, and what counts otherwise', () => {
  const { came, went, changed } = differencesOf(found('a 1', 'b 0.1', 'b 0.2'), found('b 0.3', 'c 1', 'b 0.1'))
  assert.deepEqual([inShort(came), inShort(went)], [['c 1 rules'], ['a 1 rules']])
  assert.deepEqual(changed, [{ name: 'b', from: 0.3, to: 0.4 }])
})

const ruling = (action: Ruling['action']): Ruling => ({ action, thresholds: {}, whose: {} })

for (const [fate, wish, rulings] of [
  ['none', undefined, []],
  ['header', undefined, [ruling('header')]],
  ['none', undefined, [{ ...ruling('header'), observed: true }]],
  ['junk', quarantine('spam'), [ruling('junk')]],
  ['held', hold('wait'), []],
  ['reject', reject('no'), []],
  ['defer', defer('later'), []],
  ['greylist', { ...defer('later'), otherwise: 'keep' }, [ruling('greylist')]],
  ['junk', { ...defer('later'), otherwise: quarantine('spam') }, [ruling('junk')]],
] as const) {
  test(`${wish?.kind ?? 'no wish'} with ${rulings.map(one => one.action)} calls for ${fate}`, () => {
    assert.equal(fateOf({ wish, rulings }), fate)
  })
}

for (const [fate, kind, rulings] of [
  ['none', 'accepted', []],
  ['greylist', 'accepted', [ruling('greylist')]],
  ['junk', 'quarantined', [ruling('junk')]],
  ['reject', 'quarantined', [ruling('reject')]],
  ['junk', 'deferred', [ruling('junk')]],
  ['discard', 'discarded', []],
] as const) {
  test(`a record of ${kind} with ${rulings.map(one => one.action)} called for ${fate}`, () => {
    assert.equal(recordedFate({ kind, rulings }), fate)
  })
}

describe('what was heard beside the octets', () => {
  const facts = {
    ...{ session: 's1', protocol: 'smtp', listener: 'mx', client: '203.0.113.9', helo: 'mx.odd.test' },
    ...{ reverse: 'confirmed', name: 'mx.odd.test', tls: 'TLSv1.3 AES', sender: 'x@odd.test', labels: 'rdns-missing' },
  }

  test('comes from the record', async () => {
    const session = recordedSession(facts, undefined)!
    assert.deepEqual([...session.labels].sort(), ['mx', 'rdns-missing', 'tls'])
    assert.deepEqual(await session.reverse(), { kind: 'confirmed', name: 'mx.odd.test' })
    assert.deepEqual(recordedEnvelope('s1.1', facts, []).sender, { local: 'x', domain: 'odd.test' })
    assert.equal(recordedEnvelope('s1.1', { ...facts, sender: '' }, []).sender, null)
  })

  test('is unknown where the record says too little', () => {
    assert.equal(recordedSession({ session: 's1', listener: 'mx' }, undefined), undefined)
  })

  for (const [received, ip, helo] of [
    ['from mx.odd.test (name [203.0.113.9]) by us; date', '203.0.113.9', 'mx.odd.test'],
    ['from a ([IPv6:2001:db8::1]) by us', '2001:db8::1', 'a'],
    ['from [198.51.100.1] by us', '198.51.100.1', '[198.51.100.1]'],
    ['by us with local', '127.0.0.1', undefined],
    ['from x ([999.1.1.1]) by us', '127.0.0.1', undefined],
  ] as const) {
    test(`of a file comes from its topmost Received: ${received}`, () => {
      const session = sessionOfFile('f', aMessage(`Received: ${received}\n\n`), { listener: 'mx' })
      assert.deepEqual([session.remote.address, session.helo], [ip, helo])
      assert.equal(session.protocol, ip === '127.0.0.1' ? 'internal' : 'smtp')
    })
  }

  test('of a file is what the command line says before that', () => {
    const message = aMessage('Return-Path: <a@b.test>\nDelivered-To: c@d.test\n\n')
    const elsewhere = { local: 'postmaster', domain: 'example.test' }
    const read = envelopeOfFile('f', message, { listener: 'mx' }, elsewhere)
    assert.deepEqual(
      [read.sender, read.recipients[0]?.address],
      [
        { local: 'a', domain: 'b.test' },
        { local: 'c', domain: 'd.test' },
      ],
    )
    const told = envelopeOfFile('f', message, { listener: 'mx', from: '', to: 'x@y.test' }, elsewhere)
    assert.deepEqual([told.sender, told.recipients[0]?.address], [null, { local: 'x', domain: 'y.test' }])
  })
})

describe('in a rehearsal', () => {
  test('a plugin reads its state, counts nothing, and is known to have asked', async () => {
    const rehearsal = new Rehearsal()
    const real = createMemoryState()
    await real.put('k', '3', 10_000)
    const state = rehearsal.stateOf('p', real)
    assert.equal(rehearsal.historic.size, 0)
    assert.equal(await state.add('k', 2, 0, 10_000), 5)
    await state.put('k', '9', 10_000)
    await state.remove('k')
    assert.equal((await state.spend('s', 1, { limit: 1, windowMs: 1000 }, 0)).granted, true)
    assert.equal((await state.spend('s', 1, { limit: 1, windowMs: 1000 }, 0)).granted, true)
    assert.equal(await state.get('k', 0), '3')
    assert.deepEqual([...rehearsal.historic], ['p'])
  })

  test('what a plugin reads from tables is of what happened before, and it writes nothing there', async () => {
    const rehearsal = new Rehearsal()
    const real = createMemoryTables()
    const still = rehearsal.service('tables', real) as typeof real
    const table = rehearsal
      .servicesOf('p', servicesOf({ tables: still }))
      .get('tables')
      .table('t')
    await table.write([{ key: 'k', value: 'v' }])
    assert.equal(rehearsal.historic.size, 0)
    assert.deepEqual(await table.get(['k']), [undefined])
    assert.deepEqual([...rehearsal.historic], ['p'])
  })

  test('the store is read, and whoever would change it is told so', async () => {
    const real = createMemoryStore()
    const store = new Rehearsal().service('store', real) as typeof real
    assert.deepEqual(await store.mail.list('a'), await real.mail.list('a'))
    assert.equal((await store.queue.totals()).rows, 0)
    for (const change of [
      () => store.mail.create('a', 'New'),
      () => store.trail.add([]),
      () => store.blobs.draft(),
      () => store.queue.release('t'),
    ])
      assert.throws(change, /nothing is changed/)
  })
})
