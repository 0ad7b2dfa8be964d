/** The journal: what is taken back was never there, whatever came between; others hear of it; what is old or too much goes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aMessage } from 'posthouse/testing'
import { YamlSource } from '../../../core/config/yaml.js'
import { CONFIG, termsOf } from '../../../plugins/learning/config.js'
import { prefixOf, SITE } from '../../../plugins/learning/entry.js'
import { Journal } from '../../../plugins/learning/journal.js'
import { readLesson } from '../../../plugins/learning/lesson.js'
import { NO_MODEL } from '../../../plugins/learning/model.js'
import { sweep } from '../../../plugins/learning/sweeper.js'
import { MOST_SHARED_IN_ALL, Teacher } from '../../../plugins/learning/teacher.js'
import { SPACE } from '../../../plugins/learning/tokens/kinds.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { DAY, mailOf } from './scene.js'

class Class {
  now = Date.UTC(2026, 0, 1)
  readonly clock = { now: () => this.now }
  readonly table = createMemoryTables().table('learning')
  readonly journal = new Journal(this.table, this.clock)
  readonly teacher = new Teacher({ journal: this.journal, model: NO_MODEL, clock: this.clock })

  async learn(label: 'spam' | 'ham', n: number, who = SITE) {
    this.now += 1000
    return this.teacher.learn({ who, label, by: 'command', ...(await readLesson(aMessage(mailOf(label, n)))) })
  }

  async forget(label: 'spam' | 'ham', n: number, who = SITE) {
    return this.teacher.forget(who, (await readLesson(aMessage(mailOf(label, n)))).print)
  }
}

function weightsOf({ weights }: Journal): readonly number[] {
  return Array.from({ length: SPACE }, (_, token) => weights.of(token))
}

test('what is taught and taken back leaves exactly what was there before', async () => {
  const it = new Class()
  for (let n = 0; n < 5; n++) await it.learn(n % 2 === 0 ? 'spam' : 'ham', n)
  const before = weightsOf(it.journal)
  for (let n = 10; n < 20; n++) await it.learn(n % 2 === 0 ? 'spam' : 'ham', n)
  assert.notDeepEqual(weightsOf(it.journal), before)
  for (const n of [13, 10, 19, 12, 11, 18, 14, 17, 16, 15]) assert.ok(await it.forget(n % 2 === 0 ? 'spam' : 'ham', n))
  assert.deepEqual(weightsOf(it.journal), before)
  assert.deepEqual(it.journal.siteTaught(), { spam: 3, ham: 2 })
})

test('all that was taught taken back leaves nothing', async () => {
  const it = new Class()
  for (let n = 0; n < 8; n++) await it.learn(n % 2 === 0 ? 'spam' : 'ham', n)
  await it.teacher.refine(100)
  for (let n = 0; n < 8; n++) await it.forget(n % 2 === 0 ? 'spam' : 'ham', n)
  assert.ok(it.journal.weights.isEmpty())
})

test('another process that reads the journal has the same weights', async () => {
  const it = new Class()
  for (let n = 0; n < 12; n++) await it.learn(n % 2 === 0 ? 'spam' : 'ham', n)
  const other = new Journal(it.table, it.clock)
  await other.ready()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal))
})

test('another process hears of what is taught, changed and taken back', async () => {
  const it = new Class()
  await it.learn('spam', 1)
  const other = new Journal(it.table, it.clock)
  await other.ready()
  await it.learn('ham', 2)
  await it.learn('spam', 3)
  await it.forget('spam', 1)
  await it.teacher.refine(100)
  await other.follow()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal))
  await other.follow()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal), 'hearing it twice does no harm')
})

test('whoever slept longer than news are kept reads all of it anew', async () => {
  const it = new Class()
  await it.learn('spam', 1)
  const other = new Journal(it.table, it.clock)
  await other.ready()
  await it.forget('spam', 1)
  await it.learn('ham', 2)
  it.now += 2 * 3_600_000
  await it.journal.tidy()
  await other.follow()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal))
})

test('who has all spam learned and then all ham knows spam as well as who has it learned by turns', async () => {
  const unseen = async (it: Class, label: 'spam' | 'ham') => {
    const { tokens } = await readLesson(aMessage(mailOf(label, 500)))
    return (await it.teacher.judge(tokens)).sum
  }
  const [byTurns, oneByOne] = [new Class(), new Class()]
  for (let n = 0; n < 120; n++) {
    if (n < 30) await byTurns.learn('spam', n)
    await byTurns.learn('ham', n)
  }
  for (let n = 0; n < 30; n++) await oneByOne.learn('spam', n)
  for (let n = 0; n < 120; n++) await oneByOne.learn('ham', n)
  // Fewer than there is ham: the newest alone would be ham.
  for (const it of [byTurns, oneByOne]) await it.teacher.refine(100)
  for (const label of ['spam', 'ham'] as const) {
    const [one, other] = [await unseen(byTurns, label), await unseen(oneByOne, label)]
    assert.ok(label === 'spam' ? one > 1 && other > 1 : one < -1 && other < -1, `${label}: ${one}, ${other}`)
    assert.ok(Math.abs(one - other) < 0.5, `${label}: ${one}, ${other}`)
  }
})

test('lessons that are gone over are as many of both labels as there are, the newest of each', async () => {
  const it = new Class()
  for (let n = 0; n < 3; n++) await it.learn('spam', n)
  for (let n = 0; n < 9; n++) await it.learn('ham', n)
  const labels = (most: number) =>
    it.journal
      .newestOfBoth(most, prefixOf(SITE))
      .map(key => it.journal.standing(key)!.label)
      .join(' ')
  assert.equal(labels(4), 'spam spam ham ham')
  assert.equal(labels(8), 'spam spam spam ham ham ham ham ham')
  assert.equal(labels(100), `${'spam '.repeat(3)}${'ham '.repeat(9)}`.trim())
  const [newest] = it.journal.newestOfBoth(1, prefixOf(SITE))
  assert.equal(newest, it.journal.newest(1)[0])
})

test('what an account has taught counts for it at once, written or not, and is what another process reads', async () => {
  const it = new Class()
  for (let n = 0; n < 4; n++) await it.learn(n % 2 === 0 ? 'spam' : 'ham', n, 'ann')
  const kept = await it.journal.own('ann')
  const lesson = {
    who: 'ann',
    label: 'spam',
    by: 'command',
    ...(await readLesson(aMessage(mailOf('spam', 20)))),
  } as const
  await it.teacher.learn(lesson, 'later')
  const sum = kept.sum(lesson.tokens)
  assert.equal(await it.journal.own('ann'), kept)
  const waiting = new Journal(it.table, it.clock)
  assert.ok(sum > (await waiting.own('ann')).sum(lesson.tokens), 'it is not written yet')
  await it.journal.flush()
  await it.teacher.forget('ann', (await readLesson(aMessage(mailOf('ham', 1)))).print)
  await it.teacher.refine(100, 'ann')
  const other = new Journal(it.table, it.clock)
  await other.ready()
  for (const tokens of [lesson.tokens, (await readLesson(aMessage(mailOf('ham', 3)))).tokens])
    assert.equal(kept.sum(tokens), (await other.own('ann')).sum(tokens))
})

test('going over the lessons of an account grants it no more for others than teaching did', async () => {
  const it = new Class()
  for (let n = 0; n < 40; n++) await it.learn('spam', n, 'ann')
  for (let n = 0; n < 40; n++) await it.learn('ham', n, 'ann')
  const before = it.journal.sharedBy('ann')
  await it.teacher.refine(1000, 'ann')
  assert.ok(before > 0 && it.journal.sharedBy('ann') <= 1000 * MOST_SHARED_IN_ALL + 1)
  for (const key of it.journal.newest(100))
    assert.ok(it.journal.standing(key)!.shared <= 2000, 'one lesson counts 2 for others at most')
})

test('a change of mind takes the first word back', async () => {
  const it = new Class()
  const read = await readLesson(aMessage(mailOf('spam', 1)))
  const lesson = { who: SITE, by: 'command', ...read } as const
  await it.teacher.learn({ ...lesson, label: 'ham' })
  assert.equal((await it.teacher.learn({ ...lesson, label: 'spam' })).kind, 'changed')
  const fresh = new Class()
  await fresh.teacher.learn({ ...lesson, label: 'spam' })
  assert.deepEqual(weightsOf(it.journal), weightsOf(fresh.journal))
})

test('the same mail taught twice is known', async () => {
  const it = new Class()
  assert.equal((await it.learn('spam', 1)).kind, 'learned')
  assert.equal((await it.learn('spam', 1)).kind, 'known')
})

test('old lessons, and more than are to be remembered, go as if they had never been', async () => {
  const it = new Class()
  const config = new YamlSource('with', '{ remember: 100, remember_of_account: 10, forget_after: 30d }').check(CONFIG)
    .value!
  for (let n = 0; n < 4; n++) await it.learn('spam', n)
  it.now += 31 * DAY
  for (let n = 10; n < 25; n++) await it.learn('ham', n, 'ann')
  assert.equal(await sweep(it.journal, it.clock, termsOf(config)), 4 + 5)
  assert.deepEqual(it.journal.counts(), { spam: 0, ham: 10, teachers: 2 })
  it.now += 31 * DAY
  await sweep(it.journal, it.clock, termsOf(config))
  assert.ok(it.journal.weights.isEmpty())
})

test('a change of mind about a mail that came another way is undone exactly by those who hear of it', async () => {
  const it = new Class()
  const way = (host: string) => aMessage(`Received: from ${host} by b\n${mailOf('spam', 1)}`)
  const lesson = async (host: string, label: 'spam' | 'ham') =>
    it.teacher.learn({ who: 'ann', label, by: 'move', ...(await readLesson(way(host))) })
  await lesson('one.test', 'spam')
  const other = new Journal(it.table, it.clock)
  await other.ready()
  await lesson('two.test', 'ham')
  await other.follow()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal))
  await it.forget('spam', 1, 'ann')
  await other.follow()
  assert.ok(other.weights.isEmpty())
})

describe('two workers that are taught at once', () => {
  const two = (it: Class) => {
    const journal = new Journal(it.table, it.clock)
    return { journal, teacher: new Teacher({ journal, model: NO_MODEL, clock: it.clock }) }
  }
  const lesson = async (who: string, n: number, host = 'a.test') => {
    const message = aMessage(`Received: from ${host} by b\n${mailOf('spam', n)}`)
    return { who, label: 'spam', by: 'move', ...(await readLesson(message)) } as const
  }

  test('know the same afterwards, and as whoever reads it all', async () => {
    const it = new Class()
    const other = two(it)
    await Promise.all([it.journal.ready(), other.journal.ready()])
    for (let n = 0; n < 6; n++) {
      // Every other time the same mail, as two hosts passed it on.
      const [a, b] = [await lesson('ann', n, 'one.test'), await lesson('ann', n % 2 === 0 ? n : n + 50, 'two.test')]
      await Promise.all([it.teacher.learn(a), other.teacher.learn(b)])
    }
    await Promise.all([it.journal.follow(), other.journal.follow()])
    const fresh = new Journal(it.table, it.clock)
    await fresh.ready()
    assert.deepEqual(weightsOf(it.journal), weightsOf(fresh))
    assert.deepEqual(weightsOf(other.journal), weightsOf(fresh))
    assert.equal(fresh.counts().spam, 9)
  })

  test('keep an account within its bound together', async () => {
    const it = new Class()
    const other = two(it)
    for (let n = 0; n < 20; n++) await (n % 2 === 0 ? it : other).teacher.learn(await lesson('eve', n * 7))
    assert.ok(it.journal.sharedBy('eve') <= MOST_SHARED_IN_ALL * 1000, `${it.journal.sharedBy('eve')}`)
    assert.ok(it.journal.sharedBy('eve') > 5000)
  })
})

test('what one account teaches moves the sum of any mail of others by at most ten, as the README says', async () => {
  const it = new Class()
  for (let n = 0; n < 10; n++) await it.learn('ham', n)
  const mails = await Promise.all([0, 5, 40, 300].map(async n => (await readLesson(aMessage(mailOf('ham', n)))).tokens))
  const before = mails.map(tokens => it.journal.weights.sum(tokens))
  for (let n = 40; n < 100; n++) {
    const read = await readLesson(aMessage(mailOf('ham', n)))
    await it.teacher.learn({ who: 'eve', label: 'spam', by: 'move', ...read })
  }
  const moved = mails.map((tokens, at) => Math.abs(it.journal.weights.sum(tokens) - before[at]!))
  assert.ok(Math.max(...moved) > 1, 'lies are heard')
  assert.ok(Math.max(...moved) <= MOST_SHARED_IN_ALL, `${moved}`)
})

test('what is learned by itself never drives out what people said', async () => {
  const it = new Class()
  const config = new YamlSource('with', '{ remember: 100 }').check(CONFIG).value!
  for (let n = 0; n < 60; n++) await it.learn('spam', n)
  for (let n = 100; n < 220; n++) {
    it.now += 1000
    const read = await readLesson(aMessage(mailOf('ham', n)))
    await it.teacher.learn({ who: SITE, label: 'ham', by: 'auto', ...read })
  }
  await sweep(it.journal, it.clock, termsOf(config))
  assert.deepEqual(it.journal.counts(), { spam: 50, ham: 50, teachers: 1 })
})

test('an entry that cannot be read is passed over', async () => {
  const it = new Class()
  await it.learn('spam', 1)
  await it.table.write([{ key: 'm/=/broken', value: '1 spam command x y z  !!' }])
  const other = new Journal(it.table, it.clock)
  await other.ready()
  assert.deepEqual(weightsOf(other), weightsOf(it.journal))
})
