/** What plugins get as `context.files`. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { filesIn } from '../../../core/config/files.js'

const ALIASES = {
  type: 'object',
  additionalProperties: { type: 'array', items: { type: 'string', format: 'email' } },
} as const

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'posthouse-files-'))
})
after(() => rm(dir, { recursive: true }))

test('a right file comes out typed, and every value knows its place', async () => {
  await writeFile(join(dir, 'good.yaml'), '# people\nsales:\n  - alice@example.test\n  - bob@example.test\n')
  const file = await filesIn(dir).yaml('good.yaml', ALIASES)
  assert.deepEqual(file.value, { sales: ['alice@example.test', 'bob@example.test'] })
  assert.deepEqual(file.at(['sales', 1]), { line: 4, column: 5 })
  assert.deepEqual(file.at(['sales', 7]), { line: 3, column: 3 })
  const { line, message } = file.fault(['sales', 0], 'there is no such mailbox')
  assert.deepEqual([line, message], [3, 'there is no such mailbox'])
})

test('a wrong file has no value and all its faults', async () => {
  await writeFile(join(dir, 'bad.yaml'), 'sales: [alice, 7]\nsales: []\n')
  const file = await filesIn(dir).yaml('bad.yaml', ALIASES)
  assert.equal(file.value, undefined)
  assert.ok(file.faults.some(f => f.line === 2 && /unique/.test(f.message)))
})

test('an empty file is an empty object or list', async () => {
  await writeFile(join(dir, 'empty.yaml'), '# nothing yet\n')
  assert.deepEqual((await filesIn(dir).yaml('empty.yaml', ALIASES)).value, {})
  assert.deepEqual((await filesIn(dir).yaml('empty.yaml', { type: 'array' })).value, [])
})

test('a missing file is a fault, unless it is optional', async () => {
  const needed = await filesIn(dir).yaml('none.yaml', ALIASES)
  assert.equal(needed.missing, true)
  assert.match(needed.faults[0]!.message, /no such file/)
  const optional = await filesIn(dir).yaml('none.yaml', ALIASES, { optional: true })
  assert.deepEqual([optional.missing, optional.value, optional.faults], [true, undefined, []])
})

test('keys that look like members of every object are keys like any other', async () => {
  await writeFile(join(dir, 'proto.yaml'), '__proto__: [alice@example.test]\nconstructor: [bob@example.test]\n')
  const file = await filesIn(dir).yaml('proto.yaml', ALIASES)
  assert.deepEqual(Object.keys(file.value ?? {}), ['__proto__', 'constructor'])
})

test('a bomb of aliases is a fault and takes no memory', async () => {
  const levels = Array.from(
    { length: 30 },
    (_, i) =>
      `l${i}: &l${i} [${
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*l${i - 1}`)
              .join(', ')
      }]`,
  )
  await writeFile(join(dir, 'bomb.yaml'), `${levels.join('\n')}\n`)
  const file = await filesIn(dir).yaml('bomb.yaml', { type: 'object' })
  assert.equal(file.value, undefined)
  assert.match(file.faults[0]!.message, /alias/i)
})
