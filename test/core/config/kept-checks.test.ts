/** What has passed a schema is known again; nothing else is, and values themselves are not kept. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { JsonSchema } from '../../../core/api/index.js'
import { checkBySchema } from '../../../core/config/check.js'
import { KeptChecks } from '../../../core/config/kept-checks.js'

const DOOR: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    name: { type: 'string' },
    password: { type: 'string' },
    port: { type: 'integer', default: 25 },
    limits: { type: 'object', default: {}, properties: { errors: { type: 'integer', default: 20 } } },
    peers: {
      type: 'array',
      items: { type: 'object', properties: { weight: { type: 'number', default: 1 } } },
    },
  },
}

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'posthouse-checks-'))
})
after(() => rm(dir, { recursive: true }))

const newHome = () => mkdtemp(join(dir, 'home-'))

function keptIn(home: string): KeptChecks {
  const kept = KeptChecks.in(home)
  assert.ok(kept)
  return kept
}

/** As one start does it: the value with its defaults, and how many faults it has. */
async function start(home: string, schema: JsonSchema, value: unknown) {
  const kept = keptIn(home)
  const known = kept.passes(schema, structuredClone(value))
  const faults = checkBySchema(schema, value, kept)
  await kept.save()
  return { known, value, faults: faults.length }
}

async function forge(home: string, change: (text: string) => string): Promise<void> {
  const place = join(home, 'kept-checks.json')
  const [, json] = (await readFile(place, 'utf8')).split('\n')
  const forged = change(json!)
  assert.notEqual(forged, json)
  await writeFile(place, `${createHash('sha256').update(forged).digest('hex')}\n${forged}`)
}

test('what has passed once passes again, with the same defaults at every depth', async () => {
  const home = await newHome()
  const value = () => ({ name: 'mx', peers: [{}, { weight: 3 }, {}] })
  const full = { name: 'mx', port: 25, limits: { errors: 20 }, peers: [{ weight: 1 }, { weight: 3 }, { weight: 1 }] }
  assert.deepEqual(await start(home, DOOR, value()), { known: false, value: full, faults: 0 })
  assert.deepEqual(await start(home, DOOR, value()), { known: true, value: full, faults: 0 })
})

test('the schema is not asked again: what the file says is taken', async () => {
  const home = await newHome()
  await start(home, DOOR, { name: 'mx' })
  await forge(home, json => json.replace('["port"],25', '["port"],2525'))
  assert.deepEqual((await start(home, DOOR, { name: 'mx' })).value, { name: 'mx', port: 2525, limits: { errors: 20 } })
})

test('defaults that two values are given are not the same object', async () => {
  const home = await newHome()
  await start(home, DOOR, { name: 'mx' })
  const kept = keptIn(home)
  const [one, two] = [{ name: 'mx' }, { name: 'mx' }]
  assert.ok(kept.passes(DOOR, one) && kept.passes(DOOR, two))
  const { limits } = one as unknown as { limits: { errors: number } }
  limits.errors = 1
  assert.deepEqual(two, { name: 'mx', port: 25, limits: { errors: 20 } })
})

test('another value and another schema are asked about', async () => {
  const home = await newHome()
  await start(home, DOOR, { name: 'mx' })
  assert.equal((await start(home, DOOR, { name: 'my' })).known, false)
  const other = { ...DOOR, description: 'another' }
  assert.equal((await start(home, other, { name: 'mx' })).known, false)
})

test('what has a fault is never kept', async () => {
  const home = await newHome()
  assert.equal((await start(home, DOOR, { name: 'mx', prot: 3 })).faults, 1)
  assert.deepEqual(await start(home, DOOR, { name: 'mx', prot: 3 }), {
    known: false,
    value: { name: 'mx', prot: 3, port: 25, limits: { errors: 20 } },
    faults: 1,
  })
})

test('no value stands in the file, secrets least of all', async () => {
  const home = await newHome()
  await start(home, DOOR, { name: 'mx', password: 'correct horse' })
  const text = await readFile(join(home, 'kept-checks.json'), 'utf8')
  assert.match(text, /"errors":20/)
  assert.doesNotMatch(text, /horse|"mx"/)
})

test('what JSON has no words for is asked about each time', async () => {
  const home = await newHome()
  const numbers: JsonSchema = { type: 'array', items: { type: ['number', 'null'] as unknown as 'number' } }
  assert.equal((await start(home, numbers, [null])).known, false)
  assert.equal((await start(home, numbers, [null])).known, true)
  assert.equal((await start(home, numbers, [Number.NaN])).known, false)
  assert.equal((await start(home, numbers, [Number.NaN])).known, false)
})

test('two who write at the same time lose nothing of each other', async () => {
  const home = await newHome()
  const [one, two] = [keptIn(home), keptIn(home)]
  checkBySchema(DOOR, { name: 'one' }, one)
  checkBySchema(DOOR, { name: 'two' }, two)
  await one.save()
  await two.save()
  const kept = keptIn(home)
  assert.ok(kept.passes(DOOR, { name: 'one' }) && kept.passes(DOOR, { name: 'two' }))
})

test('a file that others may write, a link and a damaged one are not believed', async () => {
  const home = await newHome()
  const place = join(home, 'kept-checks.json')
  const known = async () => keptIn(home).passes(DOOR, { name: 'mx' })
  await start(home, DOOR, { name: 'mx' })
  assert.equal(await known(), true)
  await chmod(place, 0o620)
  assert.equal(await known(), false)
  await chmod(place, 0o600)
  const text = await readFile(place, 'utf8')
  await writeFile(place, text.replace('25', '26'))
  assert.equal(await known(), false)
  await writeFile(join(home, 'elsewhere'), text, { mode: 0o600 })
  await rm(place)
  await symlink(join(home, 'elsewhere'), place)
  assert.equal(await known(), false)
})

test('it does not grow for ever', async () => {
  const home = await newHome()
  const kept = keptIn(home)
  for (let n = 0; n < 300; n++) checkBySchema(DOOR, { name: `door ${n}` }, kept)
  await kept.save()
  const again = keptIn(home)
  assert.equal(again.passes(DOOR, { name: 'door 0' }), false)
  assert.equal(again.passes(DOOR, { name: 'door 299' }), true)
})
