/** What users teach by moving mail: it changes the next verdict, most of all their own, and one account moves others only so far. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MOST_SHARED_IN_ALL } from '../../../plugins/learning/teacher.js'
import { mailOf, Scene } from './scene.js'

const UNTAUGHT = { model: 'none' }

test('nothing is said of a mail when nothing is known', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  assert.equal(await scene.finding(mailOf('spam', 1)), undefined)
})

test('a mail like one that was moved to Junk gets points, and the finding names what spoke', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  for (let n = 0; n < 4; n++) {
    await scene.marks(mailOf('spam', n), 'junk')
    await scene.marks(mailOf('ham', n), 'not-junk')
  }
  const spam = await scene.finding(mailOf('spam', 99))
  assert.ok(spam!.points > 1, spam?.says)
  assert.match(spam!.says, /% spam by what was learned: for spam /)
  assert.ok(spam!.evidence!.some(piece => piece.startsWith('for spam: ')))
  assert.ok((await scene.points(mailOf('ham', 99))) < 0)
})

test('moved back, it is as if nobody had said anything', async () => {
  const scene = await new Scene().open()
  await scene.marks(mailOf('ham', 5), 'not-junk')
  const before = await scene.points(mailOf('ham', 99))
  await scene.marks(mailOf('ham', 1), 'junk')
  assert.notEqual(await scene.points(mailOf('ham', 99)), before)
  await scene.marks(mailOf('ham', 1), 'not-junk')
  assert.ok((await scene.points(mailOf('ham', 99))) <= before)
})

test('a mail counts once for an account, however often it is moved', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  await scene.marks(mailOf('spam', 1), 'junk')
  const kept = await scene.kept()
  await scene.marks(mailOf('spam', 1), 'junk', 'ann', 'keyword')
  assert.deepEqual(await scene.kept(), kept)
})

test('a mail program that marks all it sees as not junk teaches nothing', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  await scene.marks(mailOf('ham', 1), 'not-junk', 'ann', 'keyword')
  assert.deepEqual(await scene.kept(), [])
})

test('so many marks of one account count in a day', async () => {
  const scene = await new Scene().open({ ...UNTAUGHT, marks_per_day: 3 })
  for (let n = 0; n < 9; n++) await scene.marks(mailOf('spam', n), 'junk')
  assert.equal((await scene.kept()).length, 3)
})

test('who teaches is heard more in their own mail than in that of others', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  for (let n = 0; n < 6; n++) {
    await scene.marks(mailOf('ham', n), 'junk', 'eve')
    await scene.marks(mailOf('spam', n), 'not-junk', 'eve')
  }
  const [own, others] = [await scene.points(mailOf('ham', 99), 'eve'), await scene.points(mailOf('ham', 99), 'ann')]
  assert.ok(own > others, `${own} for eve, ${others} for ann`)
})

test('one account that teaches lies all day moves no mail of others further than the bound', async () => {
  const scene = await new Scene().open({ marks_per_day: 1000 })
  for (let n = 0; n < 20; n++) await scene.marks(mailOf('ham', n), 'not-junk', 'ann')
  const before = await scene.points(mailOf('ham', 500), 'bob')
  for (let n = 100; n < 160; n++) await scene.marks(mailOf('ham', n), 'junk', 'eve')
  const shared = (await scene.kept())
    .map(value => value.split(' '))
    .filter(([, label]) => label === 'spam')
    .reduce((sum, parts) => sum + Number(parts[5]) / 1000, 0)
  assert.ok(shared <= MOST_SHARED_IN_ALL + 0.001, `${shared}`)
  const after = await scene.points(mailOf('ham', 500), 'bob')
  assert.ok(after < 5, `from ${before} to ${after}`)
})

test('what is only ever taught as spam gives the classifier no more weight', async () => {
  const scene = await new Scene().open({ ...UNTAUGHT, points: { spam_untaught: 4, spam_taught: 9 } })
  for (let n = 0; n < 40; n++) await scene.marks(mailOf('spam', n), 'junk')
  assert.ok((await scene.points(mailOf('spam', 99))) <= 4)
})

test('in mail for several accounts nobody is heard more than the others', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  for (let n = 0; n < 6; n++) {
    await scene.marks(mailOf('ham', n), 'junk', 'eve')
    await scene.marks(mailOf('spam', n), 'not-junk', 'eve')
  }
  const mail = mailOf('ham', 99)
  const [own, both, others] = [
    await scene.points(mail, 'eve'),
    await scene.points(mail, 'eve', 'ann'),
    await scene.points(mail, 'ann'),
  ]
  assert.equal(both, others)
  assert.notEqual(both, own)
})

test('of mail that came to two, each says a word of their own, and takes back no more than that', async () => {
  const scene = await new Scene().open(UNTAUGHT)
  await scene.marks(mailOf('spam', 1), 'junk', 'ann')
  await scene.marks(mailOf('spam', 1), 'junk', 'bob')
  assert.equal((await scene.kept()).length, 2)
  await scene.marks(mailOf('spam', 1), 'not-junk', 'bob')
  assert.deepEqual((await scene.kept()).map(value => value.split(' ')[1]).sort(), ['ham', 'spam'])
})
