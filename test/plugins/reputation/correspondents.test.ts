/** People our users write to: who becomes known, what they are given, and what strangers and single accounts cannot bring about. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aScene, DAY, forged, passed, pointsOf, type Scene } from './scene.js'

const FRIEND = { from: 'Eve <eve@far.test>', auth: passed('far.test') }

async function given(scene: Scene, coming: Parameters<Scene['comes']>[0] = FRIEND): Promise<number> {
  return pointsOf((await scene.comes(coming)).findings, 'known-correspondent')
}

test('somebody our users have written to gets points taken off, more with every mail, and never more than the bound', async () => {
  const scene = await aScene()
  assert.equal(await given(scene), 0, 'somebody new gets no discount')
  const steps: number[] = []
  for (let at = 0; at < 14; at++) {
    await scene.goes({ to: ['eve@far.test'] })
    steps.push(await given(scene))
  }
  assert.ok(steps[0]! < -1 && steps[3]! < steps[0]!, steps.join(' '))
  assert.ok(steps.every(points => points >= -4))
  assert.ok(steps.at(-1)! <= -3.5)
})

test('the sentence says how often, since when, and what proves it', async () => {
  const scene = await aScene()
  for (let at = 0; at < 3; at++)
    await scene.goes({ to: ['eve@far.test'], more: at === 0 ? '' : 'In-Reply-To: <x@far.test>\n' })
  const { findings } = await scene.comes(FRIEND)
  assert.equal(
    findings[0]!.says,
    'Your users have written to eve@far.test 3 times since 15 June, 2 of them in answer; its recipient has too; From is proved by DKIM of far.test and SPF of far.test.',
  )
})

test('only who vouches for From is named as proof', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  const auth = passed('far.test')
  const both = { ...auth, dkim: [...passed('sender.test').dkim, ...auth.dkim] }
  const { findings } = await scene.comes({ ...FRIEND, auth: both })
  assert.match(findings[0]!.says, /; From is proved by DKIM of far\.test and SPF of far\.test\.$/)
})

test('a claim to be known brings nothing', async () => {
  const scene = await aScene()
  for (let at = 0; at < 9; at++) await scene.goes({ to: ['eve@far.test'] })
  assert.equal(await given(scene, { ...FRIEND, auth: forged('far.test') }), 0)
  assert.equal(await given(scene, { ...FRIEND, auth: passed('evil.test', 'far.test') }), 0, 'signed by somebody else')
  assert.equal(await given(scene, { from: FRIEND.from }), 0, 'nobody checks')
})

test('a claim that is not proved is odd once the sender has been proved twice, and not before', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  const odd = async () =>
    pointsOf((await scene.comes({ ...FRIEND, auth: forged('far.test') })).findings, 'known-sender-unproven')
  assert.equal(await odd(), 0)
  await scene.times(2, FRIEND)
  assert.equal(await odd(), 1)
})

test('a list that is known by its own signature may break theirs', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  await scene.times(2, FRIEND)
  const byList = { ...FRIEND, auth: passed('list.test', 'far.test') }
  assert.equal(pointsOf((await scene.comes(byList)).findings, 'known-sender-unproven'), 1)
  await scene.times(6, { from: 'else@b.test', auth: passed('list.test', 'b.test') })
  assert.equal(pointsOf((await scene.comes(byList)).findings, 'known-sender-unproven'), 0)
})

test('trouble with the name service is no sign of a forgery', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  await scene.times(3, FRIEND)
  const { dmarc, ...rest } = forged('far.test')
  const { findings } = await scene.comes({ ...FRIEND, auth: { ...rest, dmarc: { ...dmarc, result: 'temperror' } } })
  assert.deepEqual(findings, [])
})

test('one account makes somebody known to others a little, and to itself all the way', async () => {
  const scene = await aScene()
  for (let at = 0; at < 20; at++) await scene.goes({ account: 'ann', to: ['eve@far.test'] })
  const toAnn = await given(scene)
  const toBob = await given(scene, { ...FRIEND, to: ['bob@example.test'] })
  assert.ok(toAnn <= -3.5, String(toAnn))
  assert.ok(toBob >= -1.2 && toBob < 0, String(toBob))
  assert.equal(
    await given(scene, { ...FRIEND, to: ['ann@example.test', 'bob@example.test'] }),
    toBob,
    'together: the least',
  )
  for (const account of ['bob', 'cid', 'dan']) await scene.goes({ account, to: ['eve@far.test'] })
  assert.ok((await given(scene, { ...FRIEND, to: ['nobody@example.test'] })) < toBob, 'several accounts count for more')
})

test('behind an alias are those who read it: what all of them have written counts, and nothing where somebody has not', async () => {
  const scene = await aScene()
  const toTeam = () => given(scene, { ...FRIEND, to: ['team@example.test'] })
  for (let at = 0; at < 4; at++) await scene.goes({ account: 'ann', to: ['eve@far.test'] })
  const byOne = await toTeam()
  assert.equal(byOne, await given(scene, { ...FRIEND, to: ['bob@example.test'] }))
  for (let at = 0; at < 4; at++) await scene.goes({ account: 'bob', to: ['eve@far.test'] })
  assert.ok((await toTeam()) <= -3 && byOne > -1.5, `${byOne}, then ${await toTeam()}`)
})

for (const [what, from] of [
  ['names several', 'eve@far.test, mallory@far.test'],
  ['stands twice', 'eve@far.test\nFrom: mallory@far.test'],
] as const) {
  test(`nobody is the author where From ${what}, though the domain vouches`, async () => {
    const scene = await aScene()
    for (let at = 0; at < 4; at++) await scene.goes({ to: ['eve@far.test'] })
    assert.equal(await given(scene, { ...FRIEND, from }), 0)
  })
}

for (const [what, going] of [
  ['the answer of a machine', { more: 'Auto-Submitted: auto-replied\n' }],
  ['word that a mail was seen', { more: 'Content-Type: multipart/report; report-type=disposition-notification\n' }],
  ['bulk', { more: 'Precedence: bulk\n' }],
  ['a list', { more: 'List-Id: <l.example.test>\n' }],
  ['what is held', { became: 'held' }],
  ['what was refused', { became: 'refused' }],
] as const) {
  test(`${what} makes nobody known`, async () => {
    const scene = await aScene()
    await scene.goes({ to: ['eve@far.test'], ...going })
    assert.equal(await given(scene), 0)
  })
}

test('an account that writes to hundreds makes only so many known in a day', async () => {
  const scene = await aScene({ recipients_per_day: 40 })
  for (let at = 0; at < 10; at++) await scene.goes({ to: Array.from({ length: 10 }, (_, i) => `u${at}x${i}@far.test`) })
  const known = await scene.state.list('known/', scene.now)
  assert.equal(known.length, 40)
  await scene.goes({ to: Array.from({ length: 31 }, (_, i) => `many${i}@far.test`), account: 'bob' })
  assert.equal((await scene.state.list('known/', scene.now)).length, 40, 'so many at once are nobody in particular')
})

test('an answer to a mail of ours is recognised for whom it went to, and their colleagues, if it is proved', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'], id: 'question@example.test' })
  const answer = { more: 'In-Reply-To: <question@example.test>\n' }
  assert.ok((await given(scene, { ...FRIEND, ...answer })) < (await given(scene)))
  const colleague = { from: 'support@far.test', auth: passed('far.test') }
  assert.equal(await given(scene, colleague), 0)
  assert.ok((await given(scene, { ...colleague, ...answer })) < 0)
  assert.equal(
    await given(scene, { from: 'x@evil.test', auth: passed('evil.test'), ...answer }),
    0,
    'others may know the id',
  )
  assert.equal(await given(scene, { ...colleague, ...answer, auth: forged('far.test') }), 0)
  scene.now += 61 * DAY
  assert.equal(await given(scene, { ...colleague, ...answer }), 0, 'forgotten')
})

test('References are looked at too, the nearest first and only so many', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'], id: 'q@example.test' })
  const others = Array.from({ length: 60 }, (_, at) => `<r${at}@far.test>`)
  const colleague = { from: 'support@far.test', auth: passed('far.test') }
  assert.ok(
    (await given(scene, { ...colleague, more: `References: ${[...others, '<q@example.test>'].join('\n ')}\n` })) < 0,
  )
  assert.equal(
    await given(scene, { ...colleague, more: `References: ${['<q@example.test>', ...others].join('\n ')}\n` }),
    0,
  )
})

test('what users put into Junk takes the discount away', async () => {
  const scene = await aScene()
  for (let at = 0; at < 3; at++) await scene.goes({ to: ['eve@far.test'] })
  const come = await scene.times(3, FRIEND)
  const before = await given(scene)
  await scene.marks('ann', come, 'junk', 'e1')
  await scene.marks('bob', come, 'junk', 'e2')
  assert.ok((await given(scene)) > before / 2, `${before} became ${await given(scene)}`)
})

test('who does not exist, or complains, is no correspondent', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  const event = { at: 1, message: 'q', sender: 'ann@example.test', recipient: 'eve@far.test', size: 1, ageMs: 1 }
  await scene.plugin.hooks.event!({ event: { ...event, kind: 'failed', class: 'mailbox-full' } }, scene.plugin.call)
  await scene.write()
  assert.ok((await given(scene)) < 0)
  await scene.plugin.hooks.event!({ event: { ...event, kind: 'failed', class: 'no-such-user' } }, scene.plugin.call)
  await scene.write()
  assert.equal(await given(scene), 0)
})

test('what was written fades', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  const fresh = await given(scene)
  scene.now += 180 * DAY
  const half = await given(scene)
  assert.ok(half > fresh && half < 0, `${fresh} became ${half}`)
  scene.now += 1800 * DAY
  assert.equal(await given(scene), 0)
})

test('other plugins are told the domains that our users write to, each once', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test', 'max@far.test', 'a/b@else%where.test', 'ann@example.test'] })
  await scene.comes({ from: 'Who <who@never.test>', auth: passed('never.test') })
  const reputation = scene.plugin.contribution.services!.reputation!
  assert.deepEqual(await reputation.writtenTo!(100), ['else%where.test', 'far.test'])
  assert.equal((await reputation.writtenTo!(1)).length, 1)
})

test('a slip of the pen that came back, even at once, is no domain that our users write to', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test', 'eve@fat.test'], waits: true })
  const reputation = scene.plugin.contribution.services!.reputation!
  const event = { at: 1, message: 'q', sender: 'ann@example.test', recipient: 'eve@fat.test', size: 1, ageMs: 1 }
  await scene.plugin.hooks.event!({ event: { ...event, kind: 'failed', class: 'no-such-user' } }, scene.plugin.call)
  await scene.write()
  assert.deepEqual(await reputation.writtenTo!(100), ['far.test'])
})

test('what is passed on for strangers and comes back leaves nothing', async () => {
  const scene = await aScene()
  const event = { at: 1, message: 'q', sender: 'x@evil.test', recipient: 'who@relay.test', size: 1, ageMs: 1 }
  await scene.plugin.hooks.event!({ event: { ...event, kind: 'failed', class: 'no-such-user' } }, scene.plugin.call)
  await scene.write()
  assert.deepEqual(await scene.state.list('', scene.now), [])
})

test('of a domain that only our users have written to it is said to whom', async () => {
  const scene = await aScene()
  await scene.goes({ to: ['eve@far.test'] })
  assert.match(await scene.command('sender', 'far.test'), /^ {2}eve@far\.test {2}written to: 1\n/)
})
