/** Runs that are killed at any write, begun anew, and taken back in any order leave what was there before them, and no rows that nobody needs. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Table } from 'posthouse/api'
import { readEntry } from '../../../plugins/learning/entry.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand } from '../../harness/context.js'
import { processOf } from './process.js'
import { mailOf } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'taking-back-'))
after(() => rmSync(folder, { recursive: true, force: true }))

type Label = 'spam' | 'ham'

interface Lessons {
  readonly name: string
  readonly label: Label
}

const FIRST = lessons('first', 'spam', 0, 19)
const ONE = lessons('one', 'ham', 0, 1)
const REST_OF_HAM = lessons('rest-of-ham', 'ham', 101, 140)
const RUNS = [
  lessons('ham', 'ham', 100, 140),
  lessons('spam', 'spam', 200, 225),
  // Of more than one piece.
  lessons('many', 'ham', 300, 420),
]

function lessons(name: string, label: Label, from: number, to: number): Lessons {
  mkdirSync(join(folder, name))
  for (let n = from; n < to; n++) writeFileSync(join(folder, name, `${n}.eml`), mailOf(label, n).replace(/\n/g, '\r\n'))
  return { name, label }
}

let now = Date.UTC(2026, 0, 1)
const clock = { now: () => (now += 1000) }

/** A process of its own. */
function run(table: Table, { name, label }: Lessons, options: Record<string, boolean> = {}) {
  const { commands } = processOf(table, clock)
  return runCommand(commands, `learn ${label}`, [join(folder, name)], { options })
}

const UNDO = { undo: true }
const aTable = () => createMemoryTables().table('learning')

/** Lessons that count, and what they count. */
async function livingIn(table: Table): Promise<readonly string[]> {
  const rows = await table.list('m/')
  return rows.filter(({ value }) => readEntry(value)?.goneAt === undefined).map(({ value }) => value)
}

/** After so many writes it is dead. */
function dyingAfter(table: Table, writes: number): Table {
  let left = writes
  const write: Table['write'] = async changes => {
    if (left-- <= 0) throw new Error('killed')
    return table.write(changes)
  }
  return { ...table, write }
}

/** `false`: it was over before. */
async function killed(
  table: Table,
  writes: number,
  what: Lessons,
  options?: Record<string, boolean>,
): Promise<boolean> {
  try {
    await run(dyingAfter(table, writes), what, options)
    return false
  } catch (error) {
    assert.match(String(error), /killed/)
    return true
  }
}

async function orphansIn(table: Table): Promise<readonly string[]> {
  const heads = (await table.list('r/')).map(({ key }) => key.slice(2))
  return (await table.list('b/')).map(({ key }) => key).filter(key => !heads.some(head => key.startsWith(`b/${head}/`)))
}

const [HAM, SPAM] = RUNS as [Lessons, Lessons, Lessons]

test('a run that is killed after any of its writes, and begun anew, is taken back as if it had not been killed', async () => {
  for (let writes = 0; ; writes++) {
    const table = aTable()
    await run(table, FIRST)
    const before = await livingIn(table)
    const wasKilled = await killed(table, writes, HAM)
    await run(table, HAM)
    await run(table, HAM, UNDO)
    assert.deepEqual(await livingIn(table), before, `killed after ${writes} writes`)
    if (!wasKilled) return
  }
})

test('a run that is killed after any write of its taking back, which is begun anew, is taken back as if it had not been', async () => {
  for (let writes = 0; ; writes++) {
    const table = aTable()
    await run(table, FIRST)
    await run(table, HAM)
    const before = await livingIn(table)
    await run(table, SPAM)
    const wasKilled = await killed(table, writes, SPAM, UNDO)
    await run(table, SPAM, UNDO)
    assert.deepEqual(await livingIn(table), before, `killed after ${writes} writes`)
    assert.deepEqual(await table.list('o/'), [])
    if (!wasKilled) return
  }
})

test('the last of a run is taken back alone, and killed meanwhile: what was before the run comes with the next', async () => {
  for (let writes = 0; ; writes++) {
    const table = aTable()
    await run(table, FIRST)
    const before = await livingIn(table)
    await run(table, HAM)
    await run(table, REST_OF_HAM, UNDO)
    const last = { ...HAM, name: join('ham', '100.eml') }
    const wasKilled = await killed(table, writes, last, UNDO)
    await run(table, last, UNDO)
    assert.deepEqual(await livingIn(table), before, `killed after ${writes} writes`)
    if (!wasKilled) return
  }
})

test('taking back one mail leaves what another run has made of the lessons of one that was broken off', async () => {
  const table = aTable()
  await run(table, FIRST)
  // What is owed and all lessons are there.
  assert.ok(await killed(table, 2, HAM))
  const disagreeing = await livingIn(table)
  await run(table, HAM)
  const agreed = await livingIn(table)
  assert.notDeepEqual(agreed, disagreeing)
  await run(table, ONE)
  await run(table, ONE, UNDO)
  assert.deepEqual(await livingIn(table), agreed)
})

test('rows of a run that was killed while it was forgotten go with the next one', async () => {
  for (let writes = 0; ; writes++) {
    const table = aTable()
    await run(table, FIRST)
    await run(table, HAM)
    await run(table, SPAM)
    const wasKilled = await killed(table, writes, SPAM, UNDO)
    await run(table, RUNS[2]!)
    assert.deepEqual(await orphansIn(table), [], `killed after ${writes} writes`)
    if (!wasKilled) return
  }
})

/** Reproducible: a linear congruence of Knuth's. */
function dice(seed: number): (sides: number) => number {
  let state = BigInt(seed)
  return sides => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n
    return Number((state >> 33n) % BigInt(sides))
  }
}

async function withKills(
  table: Table,
  roll: (sides: number) => number,
  what: Lessons,
  options?: Record<string, boolean>,
) {
  for (let kills = roll(3); kills > 0; kills--) if (!(await killed(table, roll(8), what, options))) return
  await run(table, what, options)
}

for (let seed = 1; seed <= 6; seed++)
  test(`runs with kills, taken back in some order with kills, seed ${seed}`, async () => {
    const roll = dice(seed)
    const table = aTable()
    await run(table, FIRST)
    const before = await livingIn(table)
    const inSomeOrder = () =>
      RUNS.map(one => ({ one, at: roll(1000) }))
        .sort((a, b) => a.at - b.at)
        .map(({ one }) => one)
    for (const one of inSomeOrder()) {
      await withKills(table, roll, one)
      if (roll(2) === 0) {
        await run(table, ONE)
        await withKills(table, roll, ONE, UNDO)
      }
    }
    for (const one of inSomeOrder()) await withKills(table, roll, one, UNDO)
    assert.deepEqual(await livingIn(table), before)
    assert.deepEqual(await table.list('o/'), [])
    await run(table, HAM)
    assert.deepEqual(await orphansIn(table), [])
  })

/** Each call takes some turns of the event loop, so that processes come between each other. */
function slow(table: Table, roll: (sides: number) => number): Table {
  const later = async <T>(call: () => Promise<T>): Promise<T> => {
    for (let turns = roll(4); turns > 0; turns--) await new Promise(setImmediate)
    return call()
  }
  return {
    ...table,
    get: keys => later(() => table.get(keys)),
    list: (...args) => later(() => table.list(...args)),
    write: changes => later(() => table.write(changes)),
  }
}

for (let seed = 1; seed <= 4; seed++)
  test(`runs at once are taken back, one after the other in some order, seed ${seed}`, async () => {
    const roll = dice(seed)
    const table = aTable()
    await run(table, FIRST)
    const before = await livingIn(table)
    const both = roll(2) === 0 ? [HAM, SPAM] : [SPAM, RUNS[2]!]
    await Promise.all(both.map(one => run(slow(table, roll), one)))
    for (const one of roll(2) === 0 ? both : both.reverse()) await run(table, one, UNDO)
    assert.deepEqual(await livingIn(table), before)
    assert.deepEqual(await table.list('o/'), [])
  })
