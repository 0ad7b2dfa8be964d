/** Mail of known kind that comes with the starting model: lessons of others do not make spam of it, and without lessons nothing is corrected. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aMessage } from 'posthouse/testing'
import { Anchors } from '../../../plugins/learning/anchors.js'
import { SITE } from '../../../plugins/learning/entry.js'
import { Journal } from '../../../plugins/learning/journal.js'
import { readLesson, readTokens } from '../../../plugins/learning/lesson.js'
import { NO_MODEL, StartingModel } from '../../../plugins/learning/model.js'
import { Teacher } from '../../../plugins/learning/teacher.js'
import { SPACE } from '../../../plugins/learning/tokens/kinds.js'
import type { Tokens } from '../../../plugins/learning/tokens/sink.js'
import { TaughtWeights } from '../../../plugins/learning/weights.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { mailOf, Scene } from './scene.js'

async function tokensOf(mail: string): Promise<Tokens> {
  return (await readTokens(aMessage(mail))).tokens
}

/** A receipt: like spam it sells, and like ham it is wanted. */
function receipt(n: number): string {
  return mailOf('spam', n, 'thank you for your order, your receipt and your invoice').replace(
    '@spam.test',
    '@shop.test',
  )
}

async function scene() {
  const receipts = await Promise.all([1, 2, 3].map(n => tokensOf(receipt(n))))
  const weights = new TaughtWeights()
  for (const n of [1, 2, 3, 4]) {
    weights.add(await tokensOf(mailOf('spam', n)), 8)
    weights.add(await tokensOf(mailOf('ham', n)), -8)
  }
  const anchors = new Anchors(
    receipts.map(tokens => ({ label: 'ham', tokens })),
    () => -2,
  )
  return { anchors, weights, receipts, unseen: await tokensOf(receipt(7)), spam: await tokensOf(mailOf('spam', 9)) }
}

test('before anything is taught nothing is corrected', async () => {
  const { anchors } = await scene()
  assert.equal(
    anchors.correction(1, () => 0),
    undefined,
  )
})

test('receipts stay ham where only other ham was taught, also those that are no anchors themselves', async () => {
  const { anchors, weights, receipts, unseen } = await scene()
  const left = 0.2
  const before = (tokens: Tokens) => left * -2 + weights.sum(tokens)
  const kept = anchors.correction(left, tokens => weights.sum(tokens))!
  assert.ok(receipts.every(tokens => before(tokens) > 0))
  for (const tokens of receipts) assert.ok(before(tokens) + kept.sum(tokens) < -0.5)
  assert.ok(before(unseen) + kept.sum(unseen) < before(unseen) - 1)
})

test('what was taught as spam stays spam beside them', async () => {
  const { anchors, weights, spam } = await scene()
  const kept = anchors.correction(0.2, tokens => weights.sum(tokens))!
  assert.ok(weights.sum(spam) + kept.sum(spam) > 0)
})

test('the same lessons make the same correction, and none when they are gone', async () => {
  const { anchors, weights, unseen } = await scene()
  const of = () => anchors.correction(0.2, tokens => weights.sum(tokens))!.sum(unseen)
  assert.equal(of(), of())
  for (const n of [1, 2, 3, 4]) {
    weights.add(await tokensOf(mailOf('spam', n)), -8)
    weights.add(await tokensOf(mailOf('ham', n)), 8)
  }
  assert.equal(
    anchors.correction(1, tokens => weights.sum(tokens)),
    undefined,
  )
})

test('what keeps them in place is worked out when something was taught, not for each mail', async context => {
  const worked = context.mock.method(Anchors.prototype, 'correction')
  const it = await new Scene().open()
  for (const n of [1, 2, 3]) await it.marks(mailOf('spam', n), 'junk')
  await it.points(mailOf('ham', 1))
  const before = worked.mock.callCount()
  assert.ok(before > 0)
  for (const n of [2, 3, 4, 5]) await it.points(mailOf('ham', n))
  assert.equal(worked.mock.callCount(), before)
})

test('a lesson that is taken back is out of the correction, however many stay', async () => {
  const clock = { now: () => Date.UTC(2026, 0, 1) }
  const journal = new Journal(createMemoryTables().table('learning'), clock)
  const receipts = await Promise.all([1, 2, 3].map(n => tokensOf(receipt(n))))
  const anchors = receipts.map(tokens => ({ label: 'ham', tokens }) as const)
  const model = new StartingModel({ ...NO_MODEL.header, bias: -2 }, new Int8Array(SPACE), anchors)
  const lessonOf = async (label: 'spam' | 'ham', n: number) => ({
    ...({ who: SITE, label, by: 'command' } as const),
    ...(await readLesson(aMessage(mailOf(label, n)))),
  })
  const teacher = new Teacher({ journal, model, clock })
  for (let n = 0; n < 250; n++) await teacher.learn(await lessonOf(n % 2 === 0 ? 'spam' : 'ham', n), 'later')
  const unseen = await tokensOf(receipt(7))
  for (const n of [248, 246, 1]) {
    const { print } = await lessonOf(n % 2 === 0 ? 'spam' : 'ham', n)
    assert.ok(await teacher.forget(SITE, print, 'later'))
    const fresh = new Teacher({ journal, model, clock })
    assert.equal((await teacher.judge(unseen)).sum, (await fresh.judge(unseen)).sum)
  }
})

test('spam that the model is sure of stays further on its side while little was taught, and no further than the model had it', async () => {
  const tokens = await tokensOf(mailOf('spam', 1))
  const heldAt = (left: number, given: number) => {
    const anchors = new Anchors([{ label: 'spam', tokens }], () => given)
    const taught = new TaughtWeights()
    taught.add(tokens, -8)
    const base = left * given + taught.sum(tokens)
    return base + (anchors.correction(left, some => taught.sum(some))?.sum(tokens) ?? 0)
  }
  const close = (value: number, wanted: number) => assert.ok(Math.abs(value - wanted) < 0.1, `${value} for ${wanted}`)
  close(heldAt(0.95, 4), 1 + 2 * 0.95 ** 3)
  close(heldAt(0.95, 2), 2)
  close(heldAt(0.2, 4), 1)
})
