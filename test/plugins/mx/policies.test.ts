/** MTA-STS policies that cannot be had, and those that are known: when they are fetched, and what they say meanwhile. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { PolicyHost } from '../../harness/policy-host.js'
import {
  assertDelivered,
  DAY_MS,
  HERE,
  HOUR_MS,
  JOB,
  makeWorld,
  open,
  policyOf,
  published,
  sent,
  type World,
} from './policy-world.js'
import { makeJob } from './rig.js'

const answered =
  (status: number, headers: Readonly<Record<string, string>>, body: string) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body)
const TEXT = { 'content-type': 'text/plain' }

describe('a policy that cannot be had', () => {
  const enforce = policyOf('enforce', 'mx.other.test')
  for (const [what, answer, why] of [
    ['is not there', answered(404, TEXT, enforce), /answers 404/],
    ['is elsewhere', answered(302, { ...TEXT, location: 'https://127.0.0.1/' }, enforce), /answers 302/],
    ['is a page', answered(200, { 'content-type': 'text/html' }, enforce), /not text\/plain/],
    ['is broken', answered(200, TEXT, 'mode: enforce'), /expected a policy with "version: STSv1"/],
    ['has more than 64 KB', answered(200, TEXT, `${enforce}x: ${'y'.repeat(65_536)}`), /more than 65536 octets/],
    ['never comes', () => undefined, /no answer in time/],
    [
      'never ends',
      (response: ServerResponse) => void response.writeHead(200, TEXT).write(enforce),
      /no answer in time/,
    ],
  ] as const) {
    test(`as it ${what} is no policy, and is not asked for again at once`, async () => {
      const { rig, policies } = await makeWorld(enforce)
      policies.answer = answer
      // Only what never comes is waited for.
      const timeout = what.startsWith('never') ? '1s' : '60s'
      const sts = { use: true, port: policies.port, timeout }
      const made = await rig({ sts: { ...sts, ca: await trusted(policies) } })
      for (const _ of [1, 2]) assertDelivered(await sent(made), why)
      assert.equal(policies.asked.length, 1)
    })
  }

  test('as its host is in a private network is no policy, and nobody is asked', async () => {
    const { rig, dns, policies, sink } = await makeWorld(enforce)
    const routes = { 'b.them.test': `them.test:${sink.port}` }
    dns.set('them.test', HERE)
    const made = await rig({ routes, allow_private: false })
    assertDelivered(
      await sent(made, makeJob(['b@b.them.test'])),
      /could not be had: mta-sts\.them\.test has no address/,
    )
    assert.equal(policies.asked.length, 0)
  })

  test('as nobody vouches for its host is no policy', async () => {
    const { rig, policies } = await makeWorld(enforce)
    const made = await rig({ sts: { use: true, port: policies.port, timeout: '60s' } })
    assertDelivered(await sent(made), /could not be had: self-signed certificate/)
    assert.equal(policies.asked.length, 0)
  })

  async function trusted({ certificate }: PolicyHost): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-mx-'))
    open.push(() => rm(dir, { recursive: true, force: true }))
    const path = join(dir, 'ca.pem')
    await writeFile(path, certificate)
    return path
  }
})

describe('a policy that is known', () => {
  const enforce = policyOf('enforce', 'mx.other.test')

  for (const [what, silence] of [
    ['its record is gone', ({ dns }: World) => dns.set('_mta-sts.them.test', {})],
    ['the name service fails', ({ dns }: World) => dns.set('_mta-sts.them.test', { fails: 'servfail' })],
    ['its host is down', ({ policies }: World) => policies.stop()],
    ['its host is down and there is a new one', async ({ dns, policies }: World) => {
      dns.set('_mta-sts.them.test', published('two'))
      await policies.stop()
    }],
  ] as const) {
    test(`holds after a restart although ${what}, until it expires`, async () => {
      const world = await makeWorld(enforce)
      assert.equal((await sent(await world.rig())).kind, 'deferred')
      await silence(world)
      world.pass(29 * DAY_MS)
      assert.equal((await sent(await world.rig())).kind, 'deferred')
      assert.equal(world.sink.messages.length, 0)
      world.pass(2 * DAY_MS)
      assert.equal((await sent(await world.rig())).kind, 'delivered')
    })
  } // biome-ignore format: a table

  test('is fetched again when its id changes, and not before within a day', async () => {
    const world = await makeWorld(enforce)
    const { policies, dns, pass } = world
    assert.equal((await sent(await world.rig())).kind, 'deferred')
    policies.policy = policyOf('none')
    pass(23 * HOUR_MS)
    assert.equal((await sent(await world.rig())).kind, 'deferred')
    assert.equal(policies.asked.length, 1)
    dns.set('_mta-sts.them.test', published('two'))
    assertDelivered(await sent(await world.rig()), /opportunistic, not verified: .* has mode none;/)
    assert.equal(policies.asked.length, 2)
  })

  test('is fetched again after a day, and an admin hears when that fails', async () => {
    const world = await makeWorld(policyOf('enforce'))
    await sent(await world.rig())
    await world.policies.stop()
    world.pass(25 * HOUR_MS)
    const made = await world.rig()
    assertDelivered(await sent(made), /^TLS 1\.3, verified by MTA-STS$/)
    assert.ok(made.logged.some(({ sentence }) => sentence === 'MTA-STS policy cannot be renewed'))
  })

  test('is not decided by a delivery that is cancelled while it is fetched', async () => {
    const world = await makeWorld(enforce)
    const cancel = new AbortController()
    world.policies.answer = () => cancel.abort()
    const [outcome] = await (await world.rig()).deliver(JOB, cancel.signal)
    assert.ok(outcome?.kind === 'deferred' && outcome.text === 'delivery was cancelled', JSON.stringify(outcome))
    assert.equal(world.sink.connections, 0)
  })

  test('is fetched once for mails at the same time', async () => {
    const world = await makeWorld(policyOf('enforce'))
    const made = await world.rig()
    await Promise.all([1, 2, 3, 4].map(() => sent(made)))
    assert.equal(world.policies.asked.length, 1)
    assert.equal(world.sink.messages.length, 4)
  })
})
