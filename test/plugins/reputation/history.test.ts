/** What came of mail before: who is blamed and who is not, how little says little, and what users' moves change. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSession } from 'posthouse/testing'
import { aScene, DAY, forged, passed, pointsOf, type Scene } from './scene.js'

const SPAMMER = { from: 'x@bad.test', auth: passed('bad.test'), ip: '198.51.100.7', points: 9 }

async function blame(scene: Scene, coming: Parameters<Scene['comes']>[0]): Promise<number> {
  return pointsOf((await scene.comes({ points: 3, ...coming })).findings, 'bad-history')
}

test('one who sent spam is blamed the more the more it was, within the bound; one mail is no history', async () => {
  const scene = await aScene()
  const seen: number[] = []
  for (let at = 0; at < 40; at++) {
    seen.push(pointsOf((await scene.comes(SPAMMER)).findings, 'bad-history'))
  }
  assert.deepEqual(seen.slice(0, 2), [0, 0])
  assert.ok(seen[5]! > 0 && seen[20]! > seen[5]!, seen.join(' '))
  assert.ok(seen.every(points => points <= 2.5))
})

test('a new address of a bad domain is taken for what the domain is, and one of a good domain is not', async () => {
  const scene = await aScene()
  await scene.times(20, { ...SPAMMER, from: 'a@bad.test' })
  await scene.times(20, { from: 'a@good.test', auth: passed('good.test'), ip: '203.0.113.5' })
  assert.ok((await blame(scene, { ...SPAMMER, from: 'new@bad.test', ip: '203.0.113.99' })) > 0)
  assert.equal(await blame(scene, { from: 'new@good.test', auth: passed('good.test'), ip: '203.0.113.5' }), 0)
})

test('unproven mail blames the network and never the domain it claims', async () => {
  const scene = await aScene()
  await scene.times(30, { from: 'ceo@bank.test', auth: forged('bank.test'), ip: '198.51.100.7', points: 20 })
  const keys = (await scene.state.list('', scene.now)).map(({ key }) => key)
  assert.deepEqual(keys, ['network/198.51.100.0%2F24', 'site/all'])
  assert.ok((await blame(scene, { from: 'new@any.test', auth: forged('any.test'), ip: '198.51.100.200' })) > 0)
  assert.equal(await blame(scene, { from: 'ceo@bank.test', auth: passed('bank.test'), ip: '203.0.113.5' }), 0)
})

test('of a proved sender in a bad network the own history speaks in the end', async () => {
  const scene = await aScene()
  await scene.times(30, { from: 'a@b.test', auth: forged('b.test'), ip: '198.51.100.7', points: 20 })
  const honest = { from: 'eve@far.test', auth: passed('far.test'), ip: '198.51.100.9' }
  assert.ok((await blame(scene, honest)) > 0)
  await scene.times(15, { ...honest, points: 0 })
  assert.equal(await blame(scene, honest), 0)
})

test('spam signed by somebody for others is held against the signer', async () => {
  const scene = await aScene()
  await scene.times(20, { from: 'a@any.test', auth: passed('bulk.test', 'any.test'), points: 9 })
  const { findings } = await scene.comes({
    from: 'b@other.test',
    auth: passed('bulk.test', 'other.test'),
    ip: '203.0.113.5',
  })
  assert.equal(findings[0]!.name, 'bad-history')
  assert.match(findings[0]!.says, /^Of mail signed by bulk\.test since 15 June count 20 as spam, 0 as ham\.$/)
})

test('a long good history takes a little off, for who is proved', async () => {
  const scene = await aScene()
  const regular = { from: 'news@shop.test', auth: passed('shop.test') }
  await scene.times(30, regular)
  const points = pointsOf((await scene.comes(regular)).findings, 'good-history')
  assert.ok(points < 0 && points >= -1, String(points))
  assert.deepEqual((await scene.comes({ ...regular, from: 'first@shop.test' })).findings, [], 'not for a first mail')
  assert.deepEqual((await scene.comes({ ...regular, auth: forged('shop.test') })).findings, [])
})

test('what this plugin says of a mail does not teach it: between ham and spam nothing is learned', async () => {
  const scene = await aScene()
  await scene.times(40, SPAMMER)
  const key = 'address/bad.test/x'
  const spamOf = async () => /spam=([\d.]+)/.exec((await scene.state.get(key, scene.now))!)![1]
  const before = await spamOf()
  const { findings } = await scene.comes({ ...SPAMMER, points: 3 })
  assert.ok(pointsOf(findings, 'bad-history') > 2, 'the sum is spam')
  assert.equal(await spamOf(), before)
})

test('nor what it alone has had refused', async () => {
  const scene = await aScene()
  await scene.times(40, SPAMMER)
  const sums = async () => (await scene.state.get('address/bad.test/x', scene.now))!.split(' ').slice(2).join(' ')
  const before = await sums()
  await scene.comes({ ...SPAMMER, points: 4, became: 'refused' })
  assert.equal(await sums(), `${before} unsure=1`)
  await scene.comes({ ...SPAMMER, points: 9, became: 'refused' })
  assert.equal(await sums(), `${before} unsure=1 refused=1`)
})

for (const [became, learned] of [
  ['refused', true],
  ['discarded', true],
  ['deferred', false],
  ['undeliverable', false],
] as const) {
  test(`mail that was ${became} is ${learned ? '' : 'not '}counted`, async () => {
    const scene = await aScene()
    await scene.comes({ ...SPAMMER, became })
    assert.equal((await scene.state.list('address/', scene.now)).length, learned ? 1 : 0)
  })
}

test('who asks for people nobody has is remembered by the network', async () => {
  const scene = await aScene()
  const remote = { address: '2001:db8:1:2::3', port: 1 }
  const end = (unknown: number, more = {}) =>
    scene.plugin.hooks.disconnect!(
      { session: aSession({ remote, refused: { commands: 9, unknown }, ...more }), end: 'quit' },
      scene.plugin.call,
    )
  end(0)
  end(5, { trusted: true })
  end(1)
  end(50)
  await scene.write()
  assert.equal(
    (await scene.state.get('network/2001%3Adb8%3A1%3A%3A%2F48', scene.now))?.split(' ').slice(2).join(),
    'refused=1.25',
  )
})

test('a move into Junk takes the ham back and counts against the sender; back again undoes it', async () => {
  const scene = await aScene()
  const come = await scene.times(4, { from: 'news@shop.test', auth: passed('shop.test') })
  const sums = async () => (await scene.state.get('address/shop.test/news', scene.now))!.split(' ').slice(2).join(' ')
  await scene.marks('ann', come, 'junk', 'e1')
  assert.equal(await sums(), 'ham=3 junked=1')
  await scene.marks('ann', come, 'junk', 'e1')
  assert.equal(await sums(), 'ham=3 junked=1', 'once for a message')
  await scene.marks('ann', come, 'not-junk', 'e1')
  assert.equal(await sums(), 'ham=4')
})

test('a move out of Junk takes the spam back and speaks for the sender', async () => {
  const scene = await aScene()
  const come = await scene.times(4, { from: 'news@shop.test', auth: passed('shop.test'), points: 6 })
  await scene.marks('ann', come, 'not-junk', 'e1')
  assert.match((await scene.state.get('address/shop.test/news', scene.now))!, /spam=3 rescued=1$/)
})

test('a keyword that mail programs set unasked says nothing, unless it contradicts', async () => {
  const scene = await aScene()
  const come = await scene.times(4, { from: 'news@shop.test', auth: passed('shop.test'), points: 3 })
  const sums = async () => (await scene.state.get('address/shop.test/news', scene.now))!.split(' ').slice(2).join(' ')
  await scene.marks('ann', come, 'not-junk', 'e1', 'keyword')
  assert.equal(await sums(), 'unsure=4')
  await scene.marks('ann', come, 'junk', 'e1', 'keyword')
  assert.equal(await sums(), 'unsure=4 junked=1')
  await scene.marks('ann', come, 'not-junk', 'e1', 'keyword')
  assert.equal(await sums(), 'unsure=4 rescued=1')
})

test('one account cannot condemn a sender that others are content with, however much it marks', async () => {
  const scene = await aScene()
  const shop = { from: 'news@shop.test', auth: passed('shop.test') }
  const come = await scene.times(20, shop)
  for (let at = 0; at < 100; at++) await scene.marks('ann', come, 'junk', `e${at}`)
  assert.match((await scene.state.get('address/shop.test/news', scene.now))!, /ham=17 junked=3$/)
  assert.equal(await blame(scene, shop), 0)
  for (const account of ['bob', 'cid', 'dan'])
    for (let at = 0; at < 5; at++) await scene.marks(account, come, 'junk', `${account}${at}`)
  assert.ok((await blame(scene, shop)) > 0, 'several together can')
})

test('marks are bounded by the day, and mail that was not delivered here says nothing', async () => {
  const scene = await aScene({ marks_per_day: 2 })
  const comes = [1, 2, 3].map(at => scene.comes({ from: `a${at}@s${at}.test`, auth: passed(`s${at}.test`) }))
  for (const [at, come] of (await Promise.all(comes)).entries()) await scene.marks('ann', come, 'junk', `e${at}`)
  assert.equal((await scene.state.list('mark/', scene.now)).length, 2)
  await scene.marks('bob', { prefix: '' }, 'junk', 'upload')
  await scene.marks(
    'bob',
    { prefix: 'Received: x\r\n\tX-Posthouse-Origin: ham; at=1; address=a%40b.test\r\n' },
    'junk',
    'odd',
  )
  assert.equal((await scene.state.list('mark/', scene.now)).length, 2)
})

test('history fades: who was bad a year ago is nearly new', async () => {
  const scene = await aScene()
  await scene.times(30, SPAMMER)
  const fresh = await blame(scene, SPAMMER)
  scene.now += 365 * DAY
  assert.ok(fresh > 1)
  assert.equal(await blame(scene, SPAMMER), 0)
})

test('a sender forges no origin of its own: the field is cut from what it sent', async () => {
  const scene = await aScene()
  const { prefix } = await scene.comes({
    from: 'a@b.test',
    auth: forged('b.test'),
    more: 'X-Posthouse-Origin: ham; at=1; address=x%40y.test\n',
  })
  assert.match(prefix, /^X-Posthouse-Origin: ham;\r\n\tat=\d+;\r\n\tnetwork=192\.0\.2\.0%2F24\r\n$/)
})
