/** Several sources of accounts as one directory: the order, what a source that is down means, and SCRAM over all of them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MailError, type Peer } from '../../../../core/api/index.js'
import { aSource, join, person } from './sources.js'

const SHAPE = { iterations: 5000, saltBytes: 12 }
const isDown = (error: unknown) => error instanceof MailError && error.errorCode === 'directory-unavailable'

describe('several sources are one directory', () => {
  for (const [what, ask] of [
    ['login', 'ann'],
    ['address', 'ann@example.test'],
    ['id', 'id-ann'],
  ] as const) {
    test(`the first that has somebody of that ${what} counts, and says where they are from`, async () => {
      const near = aSource([person('ann', { quotaBytes: 1 })], { name: 'near' })
      const far = aSource([person('ann', { quotaBytes: 2 })], { name: 'far' })
      const { joined } = join(near, far)
      const found = await joined[what === 'login' ? 'byLogin' : what === 'address' ? 'byAddress' : 'byId'](ask)
      assert.deepEqual([found?.quotaBytes, found?.source], [1, 'near'])
      assert.deepEqual(far.asked, [])
    })
  }

  test('whom the first does not have the next is asked for; whom nobody has is nobody', async () => {
    const { joined } = join(aSource([person('ann')]), aSource([person('bob')]))
    assert.equal((await joined.byLogin('bob'))?.source, 'plugin-1')
    assert.equal(await joined.byLogin('carol'), undefined)
  })

  test('a source that is down ends the asking: somebody further on may be another person of that name', async () => {
    const near = aSource([])
    const far = aSource([person('ann')])
    const { joined } = join(near, far)
    near.down = true
    await assert.rejects(joined.byAddress('ann@example.test'), isDown)
    assert.deepEqual(far.asked, [])
  })

  test('whom a source above has is found while one below is down, and nobody else', async () => {
    const far = aSource([person('bob')])
    const { joined } = join(aSource([person('ann')]), far)
    far.down = true
    assert.equal((await joined.byLogin('ann'))?.login, 'ann')
    await assert.rejects(joined.byLogin('carol'), isDown)
  })

  test('sources count in the order of plugins.yaml, whatever the order they were set up in', async () => {
    const { joined } = join()
    joined.add({ plugin: 'late', place: 2, accounts: aSource([person('ann')]).accounts })
    joined.add({ plugin: 'early', place: 1, accounts: aSource([person('ann')]).accounts })
    assert.equal((await joined.byLogin('ann'))?.source, 'early')
  })

  test('two entries without names of their own are told apart', () => {
    const { joined } = join(aSource([], { name: 'ldap' }), aSource([], { name: 'ldap' }))
    assert.deepEqual(
      joined.sources.map(({ name }) => name),
      ['ldap', 'ldap 2'],
    )
  })
})

describe('a list of all', () => {
  test('leaves out whom a source above hides', async () => {
    const { joined } = join(aSource([person('ann')]), aSource([person('Ann'), person('bob')]))
    const all = await joined.list()
    assert.deepEqual(
      all.map(({ login, source }) => `${login} ${source}`),
      ['ann plugin-0', 'bob plugin-1'],
    )
  })

  test('of so many asks no more sources than it needs', async () => {
    const far = aSource([person('carol')])
    const { joined } = join(aSource([person('ann'), person('bob')]), far)
    assert.deepEqual(
      (await joined.list(2)).map(({ login }) => login),
      ['ann', 'bob'],
    )
    assert.deepEqual(far.asked, [])
    assert.equal((await joined.list(3)).length, 3)
  })

  test('is not told at all when a source is down: part of it would look like all', async () => {
    const far = aSource([])
    const { joined } = join(aSource([person('ann')]), far)
    far.down = true
    await assert.rejects(joined.list(), isDown)
  })
})

describe('SCRAM over several sources', () => {
  test('is offered where all can do it, in the shape of the first', () => {
    const { joined } = join(
      aSource([], { scram: () => SHAPE }),
      aSource([], { scram: () => ({ ...SHAPE, saltBytes: 9 }) }),
    )
    assert.deepEqual(joined.scramShape('SCRAM-SHA-256'), SHAPE)
  })

  test('is not offered where one has nothing but passwords: its people would fail, as clients take the strongest', () => {
    const { joined } = join(aSource([], { scram: () => SHAPE }), aSource([]))
    assert.equal(joined.scramShape('SCRAM-SHA-256'), undefined)
  })

  test('is not offered where one makes no such keys, nor where there is no source', () => {
    const { joined } = join(aSource([], { scram: mechanism => (mechanism === 'SCRAM-SHA-1' ? undefined : SHAPE) }))
    assert.equal(joined.scramShape('SCRAM-SHA-1'), undefined)
    assert.equal(join().joined.scramShape('SCRAM-SHA-256'), undefined)
  })

  test('takes the keys of the source that has the login, and tells that one of the proof', async () => {
    const near = aSource([person('ann')], { name: 'near', scram: () => SHAPE })
    const far = aSource([person('bob')], { name: 'far', scram: () => SHAPE })
    const { joined } = join(near, far)
    assert.equal((await joined.scramKeys('bob', 'SCRAM-SHA-256'))?.salt, 'bob')
    assert.equal(await joined.scramKeys('carol', 'SCRAM-SHA-256'), undefined)
    joined.scramProven((await joined.byLogin('bob'))!, 'phone', {} as Peer)
    assert.deepEqual([near.proven, far.proven], [[], ['bob phone']])
  })
})
