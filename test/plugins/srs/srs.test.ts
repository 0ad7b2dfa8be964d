/** The plugin's answers: which senders it gives, and what it does with mail that comes back to them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Address, Answered, SenderRewriter } from '../../../core/api/index.js'
import { aCall, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { DomainSet, formatAddress, parseAddress } from '../../../core/text/index.js'
import srs from '../../../plugins/srs/index.js'

let dataDir: string
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'posthouse-srs-'))
})
after(() => rm(dataDir, { recursive: true, force: true }))

const address = (text: string): Address => parseAddress(text)!

async function make(config: object = {}) {
  const made = await setUp(srs, { config, server: { dataDir, domains: new DomainSet(['us.test', 'also.test']) } })
  const rewriter = made.contribution.services!['sender-rewriter'] as SenderRewriter
  const route = async (to: Address, sender: Address | null = null): Promise<Answered['route']> =>
    made.hooks.route!(
      { session: aSession(), envelope: anEnvelope({ sender }), recipient: { address: to, dsn: { notify: [] } } },
      made.call,
    )
  return { forwarded: (text: string) => rewriter.forwarded(address(text), aCall()), route }
}

describe('srs', () => {
  test('gives strangers a sender of ours, and our own people none', async () => {
    const { forwarded } = await make()
    assert.match(formatAddress((await forwarded('a@far.test'))!), /^SRS0=.*=far\.test=a@us\.test$/)
    assert.equal(await forwarded('a@us.test'), undefined)
    assert.equal(await forwarded('a@also.test'), undefined)
    assert.equal(await forwarded('SRS0=a=b=far.test=x@also.test'), undefined)
    assert.equal(formatAddress((await forwarded('SRS0=a=b=far.test=x@us.test'))!), 'SRS0=a=b=far.test=x@us.test')
    assert.equal(await forwarded(`${'a'.repeat(60)}@far.test`), undefined)
  })

  test('sends bounces back to who sent the mail', async () => {
    const { forwarded, route } = await make({ domain: 'also.test', target: 'out' })
    const answer = await route((await forwarded('a@far.test'))!)
    assert.deepEqual(answer, { kind: 'claim', target: 'out', to: address('a@far.test') })
  })

  test('leaves other addresses, and other domains, to others', async () => {
    const { forwarded, route } = await make()
    assert.equal(await route(address('alice@us.test')), undefined)
    const { local } = (await forwarded('a@far.test'))!
    assert.equal(await route({ local, domain: 'also.test' }), undefined)
    assert.equal(await route({ local, domain: 'far.test' }), undefined)
  })

  for (const local of ['SRS0=aaaaaaaa=aa=world.test=x', 'srs1=aaaaaaaa=world.test==x=y=z=a'])
    test(`refuses ${local}, which nobody made here`, async () => {
      const answer = await (await make()).route({ local, domain: 'us.test' })
      assert.ok(answer && 'kind' in answer && answer.kind === 'reject' && answer.status === '5.1.1')
    })

  test('sends on only bounces, unless it is told to send on all', async () => {
    for (const accept of ['bounces', 'any']) {
      const { forwarded, route } = await make({ accept })
      const answer = await route((await forwarded('a@far.test'))!, address('x@world.test'))
      assert.ok(answer && 'kind' in answer)
      assert.equal(answer.kind, accept === 'any' ? 'claim' : 'reject')
    }
  })

  test('refuses an address that leads back to us', async () => {
    const { forwarded, route } = await make()
    // made while the domain was not yet ours
    const before = await setUp(srs, { server: { dataDir, domains: new DomainSet(['us.test']) } })
    const rewriter = before.contribution.services!['sender-rewriter'] as SenderRewriter
    const sender = await rewriter.forwarded(address('a@also.test'), aCall())
    assert.notEqual(sender, undefined)
    const answer = await route(sender!)
    assert.ok(answer && 'kind' in answer && answer.kind === 'reject')
    assert.equal(await forwarded('a@also.test'), undefined)
  })

  test('wants bounces to be good for a day at least, as days are what it counts', async () => {
    for (const max_age of ['0s', '23h', '1439m'])
      await assert.rejects(make({ max_age }), /max_age: at least 1d/, max_age)
    await make({ max_age: '24h' })
  })

  test('wants its domain to be one of ours', async () => {
    await assert.rejects(make({ domain: 'world.test' }), /world\.test is not among the domains/)
  })
})
