/** What the classifier learns by itself: only of what all others are sure, only after people, and never against them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailOf, Scene } from './scene.js'

const BY_ITSELF = { model: 'none', autolearn: true, autolearn_after: 2 }

async function taught(config: Record<string, unknown>): Promise<Scene> {
  const scene = await new Scene().open(config)
  await scene.marks(mailOf('spam', 1), 'junk')
  await scene.marks(mailOf('ham', 1), 'not-junk')
  return scene
}

async function labels(scene: Scene): Promise<readonly string[]> {
  return (await scene.kept())
    .map(value => value.split(' '))
    .filter(([, , by]) => by === 'auto')
    .map(([, label]) => label!)
}

for (const [others, learned, wanted] of [
  [12, 0, ['spam']],
  [11.9, 8, []],
  [-2, 0, ['ham']],
  [-1.9, -5, []],
] as const) {
  test(`mail that others give ${others} points and it gives ${learned} is learned as ${wanted[0] ?? 'nothing'}`, async () => {
    const scene = await taught(BY_ITSELF)
    await scene.decided(mailOf('spam', 50), others, learned)
    assert.deepEqual(await labels(scene), wanted)
  })
}

test('nothing is learned by itself unless it is asked for', async () => {
  const scene = await taught({ model: 'none', autolearn_after: 0 })
  await scene.decided(mailOf('spam', 50), 20)
  assert.deepEqual(await labels(scene), [])
})

test('nothing is learned by itself before people have taught enough, and what it taught itself does not count for that', async () => {
  const scene = await taught({ ...BY_ITSELF, autolearn_after: 3 })
  for (let n = 50; n < 55; n++) await scene.decided(mailOf('spam', n), 20)
  assert.deepEqual(await labels(scene), [])
  await scene.marks(mailOf('spam', 2), 'junk')
  await scene.decided(mailOf('spam', 60), 20)
  assert.deepEqual(await labels(scene), ['spam'])
})

test('what it learned of a mail first stays, whatever others make of a copy', async () => {
  const scene = await taught(BY_ITSELF)
  await scene.decided(mailOf('spam', 50), -5)
  await scene.decided(mailOf('spam', 50), 20)
  assert.deepEqual(await labels(scene), ['ham'])
})
