/** The starting model: made the same from the same mail, silent of what few have written, small, and of no weight that passes the Junk line alone. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from 'posthouse/api'
import { aMessage } from 'posthouse/testing'
import { type Example, trainModel } from '../../../plugins/learning/build.js'
import { readLesson } from '../../../plugins/learning/lesson.js'
import { modelFile, NO_MODEL, readModel } from '../../../plugins/learning/model.js'
import { shippedModel } from '../../../plugins/learning/shipped.js'
import { KINDS } from '../../../plugins/learning/tokens/kinds.js'
import { TaughtWeights } from '../../../plugins/learning/weights.js'
import { mailOf, Scene } from './scene.js'

async function examples(count: number, more = ''): Promise<readonly Example[]> {
  const all: Example[] = []
  for (let n = 0; n < count; n++) {
    for (const label of ['spam', 'ham'] as const) {
      const { tokens } = await readLesson(aMessage(mailOf(label, n, more)))
      all.push({ source: 'made', label, sender: `p${n}@${label}.test`, weight: 1, views: [tokens] })
    }
  }
  return all
}

async function written(octets: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'model-'))
  const path = join(folder, 'learning.model')
  await writeFile(path, octets)
  return path
}

test('a model tells what it was made of, and mails apart', async () => {
  const { header, weights } = trainModel(await examples(12), '2026-01-01', new Map([['made', 'ours']]))
  const path = await written(modelFile(header, weights))
  const model = await readModel(path)
  await rm(path)
  assert.deepEqual(model.header.sources, [{ name: 'made', ham: 12, spam: 12, terms: 'ours' }])
  const sumOf = async (label: 'spam' | 'ham') => model.sum((await readLesson(aMessage(mailOf(label, 50)))).tokens)
  assert.ok((await sumOf('spam')) > 1)
  assert.ok((await sumOf('ham')) < -1)
})

test('the same mail makes the same model', async () => {
  const make = async () => {
    const { header, weights } = trainModel(await examples(8), 'x', new Map())
    return modelFile(header, weights)
  }
  assert.deepEqual(await make(), await make())
})

test('tokens of few mails or few senders are not in it', async () => {
  const rare = await readLesson(aMessage(mailOf('spam', 3, 'zyzzyva')))
  const plain = await readLesson(aMessage(mailOf('spam', 3)))
  const only = rare.tokens[0]!.find(token => !plain.tokens[0]!.includes(token))!
  const others = await examples(8)
  const of = (sender: (n: number) => string) =>
    Array.from(
      { length: 6 },
      (_, n): Example => ({ source: 'made', label: 'spam', sender: sender(n), weight: 1, views: [rare.tokens] }),
    )
  assert.equal(trainModel([...others, ...of(() => 'one@spam.test')], 'x', new Map()).weights[only], 0)
  assert.notEqual(trainModel([...others, ...of(n => `${n}@spam.test`)], 'x', new Map()).weights[only], 0)
})

test('what is no model, or one of other tokens, is refused with a sentence', async () => {
  const { header, weights } = trainModel(await examples(6), 'x', new Map())
  const path = await written(modelFile({ ...header, shape: 99 }, weights))
  await assert.rejects(readModel(path), /made for other tokens/)
  await rm(path)
})

test('the shipped model is small, and knows no set whose terms forbid shipping', async () => {
  assert.ok((await stat(shippedModel())).size < 2_000_000)
  const { header } = await readModel(shippedModel())
  assert.ok(header.sources.every(({ name, terms }) => name !== 'phishing_pot' && terms !== 'not stated'))
  assert.ok(header.leastSenders >= 4)
})

test('anchors of the shipped model feel what lessons say of charsets and the order of fields', async () => {
  const { anchors } = await readModel(shippedModel())
  const fields = ['From: a@b.test', 'To: c@d.test', 'Subject: x', 'Date: Mon, 1 Jan 2026 00:00:00 +0000']
  const dress = ['Message-ID: <1@b.test>', 'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', 'x', '']
  const { tokens } = await readLesson(aMessage([...fields, ...dress].join('\n')))
  const local = tokens.map((list, at) => (KINDS[at] === 'local' ? list : new Uint32Array()))
  const taught = new TaughtWeights()
  taught.add(local, 40)
  const kept = anchors.correction(0.1, some => taught.sum(some))
  assert.ok(taught.sum(local) > 1)
  assert.ok(kept !== undefined && kept.sum(local) < -0.5, `${kept?.sum(local)}`)
})

test('untaught, plain spam gets points and a plain letter loses some, and no points pass the Junk line alone', async () => {
  const scene = await new Scene().open()
  const spam = await scene.finding(
    'From: "WINNER" <x9@win.test>\nSubject: YOU WON!!!\nReply-To: a@b.test\n\nCongratulations! You have won $1,000,000. Click here now to claim your free prize. ' +
      'Act now, limited time offer! 100% guaranteed, no risk. To be removed from our mailing list reply with remove.\n',
  )
  assert.ok(spam!.points > 1 && spam!.points < 5, spam?.says)
  const letter =
    'From: Ann <ann@one.test>\nSubject: Re: patch for the parser\nIn-Reply-To: <1@two.test>\nReferences: <1@two.test>\nMessage-ID: <2@one.test>\n\n' +
    'Hi Bob,\n\nI think the second hunk is wrong: the buffer is freed before the loop ends. Could you look at it again? I have tested it on my machine ' +
    'and it crashes with the new kernel.\n\nCheers,\nAnn\n'
  assert.ok((await scene.points(letter)) < 0)
})

for (const [kind, octets, says] of [
  ['is not there', undefined, /broken\.model: cannot be read \(ENOENT\)$/],
  ['is something else', Buffer.from('no model'), /broken\.model: is no model of `posthouse learn build-model`/],
  ['was cut off', 'half', /broken\.model: is no model/],
  [
    'was made for other tokens',
    modelFile({ ...NO_MODEL.header, shape: 0 }, new Float32Array(4)),
    /made for other tokens/,
  ],
] as const) {
  test(`a model that ${kind} is a fault of the configuration, with a sentence`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'model-'))
    const path = join(folder, 'broken.model')
    if (octets === 'half') await writeFile(path, (await readFile(shippedModel())).subarray(0, 5000))
    else if (octets !== undefined) await writeFile(path, octets)
    await assert.rejects(
      new Scene().open({ model: path }),
      (error: unknown) => error instanceof ConfigError && says.test(error.message),
    )
    await rm(folder, { recursive: true })
  })
}
