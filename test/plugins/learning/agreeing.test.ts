/** Going over what was learned: it is taken up again after a run was broken off, hears who teaches at the same time, and gives way to what others say. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Table } from 'posthouse/api'
import { aMessage } from 'posthouse/testing'
import { YamlSource } from '../../../core/config/yaml.js'
import { CONFIG, termsOf } from '../../../plugins/learning/config.js'
import { readEntry, SITE } from '../../../plugins/learning/entry.js'
import { Journal } from '../../../plugins/learning/journal.js'
import { readLesson } from '../../../plugins/learning/lesson.js'
import { KEPT_RUNS } from '../../../plugins/learning/runs.js'
import { sweep } from '../../../plugins/learning/sweeper.js'
import { MOST_SHARED_IN_ALL, type Teacher } from '../../../plugins/learning/teacher.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { runCommand } from '../../harness/context.js'
import { processOf } from './process.js'
import { DAY, mailOf } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'agreeing-'))
after(() => rmSync(folder, { recursive: true, force: true }))
for (const [name, label, from, to] of [
  ['spam', 'spam', 0, 60],
  ['ham', 'ham', 0, 60],
  ['more', 'spam', 100, 140],
] as const) {
  mkdirSync(join(folder, name))
  for (let n = from; n < to; n++)
    writeFileSync(join(folder, name, `${n - from}.eml`), mailOf(label, n).replace(/\n/g, '\r\n'))
}

class Clerk {
  static now = Date.UTC(2026, 0, 1)
  readonly clock = { now: () => (Clerk.now += 1000) }
  readonly journal: Journal
  readonly teacher: Teacher
  readonly commands

  constructor(table: Table) {
    const { journal, teacher, commands } = processOf(table, this.clock)
    this.journal = journal
    this.teacher = teacher
    this.commands = commands
  }

  /** `name`: another folder than the label's, or a file. */
  run(command: string, options: Record<string, boolean> = {}, name = command.split(' ')[1]!) {
    return runCommand(this.commands, command, [join(folder, name)], { options })
  }

  async learn(label: 'spam' | 'ham', n: number, who = SITE) {
    return this.teacher.learn({ who, label, by: 'command', ...(await readLesson(aMessage(mailOf(label, n)))) })
  }

  async sumOf(label: 'spam' | 'ham') {
    const { tokens } = await readLesson(aMessage(mailOf(label, 500)))
    return (await this.teacher.judge(tokens)).sum
  }
}

const aTable = () => createMemoryTables().table('learning')
const lessonsIn = async (table: Table) => (await table.list('m/')).map(({ value }) => value)
/** Without those that were taken back. */
const livingIn = async (table: Table) =>
  (await lessonsIn(table)).filter(value => readEntry(value)?.goneAt === undefined)

/** From the so-manieth write on nothing is written any more. */
function dyingAt(table: Table, writes: number): Table {
  let left = writes
  const write: Table['write'] = async changes => {
    if (left-- <= 0) throw new Error('killed')
    return table.write(changes)
  }
  return { ...table, write }
}

test('a run that was broken off while lessons were gone over is taken up by the next, which has nothing new to learn', async () => {
  const table = aTable()
  await new Clerk(table).run('learn spam')
  // What is owed, lessons of one piece, and the first of the rounds.
  await assert.rejects(new Clerk(dyingAt(table, 2)).run('learn ham'), /killed/)
  const before = await lessonsIn(table)
  const { out, err } = await new Clerk(table).run('learn ham')
  assert.match(out.join(), /60 mails: 0 learned as ham .*, 60 known already/)
  assert.match(err.join(), /broken off/)
  assert.notDeepEqual(await lessonsIn(table), before, 'they are gone over')
  const agreed = await lessonsIn(table)
  assert.deepEqual((await new Clerk(table).run('learn ham')).err, [])
  assert.deepEqual(await lessonsIn(table), agreed, 'and only once')
})

test('a run of a few leaves all others as they are and owes nothing', async () => {
  const table = aTable()
  const clerk = new Clerk(table)
  for (let n = 0; n < 41; n++) await clerk.learn('spam', n)
  const before = await lessonsIn(table)
  await clerk.run('learn spam')
  const after = await lessonsIn(table)
  assert.equal(after.length, 60)
  assert.deepEqual(
    after.filter(one => before.includes(one)),
    before,
  )
  assert.deepEqual(await table.list('o/'), [])
})

test('of two who teach at once the last to end goes over the lessons of both', async () => {
  const table = aTable()
  const [one, other] = [new Clerk(table), new Clerk(table)]
  await Promise.all([one.journal.ready(), other.journal.ready()])
  for (let n = 0; n < 40; n++) {
    await one.teacher.learn(
      { who: SITE, label: 'spam', by: 'command', ...(await readLesson(aMessage(mailOf('spam', n)))) },
      'later',
    )
    await other.teacher.learn(
      { who: SITE, label: 'ham', by: 'command', ...(await readLesson(aMessage(mailOf('ham', n)))) },
      'later',
    )
  }
  await Promise.all([one.journal.flush(), other.journal.flush()])
  await one.teacher.refine(1000)
  let of = 0
  await other.teacher.refine(1000, SITE, (_, all) => (of = all))
  assert.equal(of, 80)
  assert.ok((await other.sumOf('spam')) > 1 && (await other.sumOf('ham')) < -1)
})

test('what an account was granted twice for others, as two taught for it at once, is taken from it when its lessons are gone over', async () => {
  const table = aTable()
  const teach = async ({ teacher }: Clerk, who: string, n: number) => {
    const read = await readLesson(aMessage(`\n${strangeWords(n)}\n`))
    await teacher.learn({ who, label: n % 2 === 0 ? 'spam' : 'ham', by: 'command', ...read }, 'later')
  }
  // So many that a few more change the balance, and with it what each counts, by next to nothing.
  const first = new Clerk(table)
  for (let n = 0; n < 240; n++) await teach(first, SITE, n)
  await first.journal.flush()
  const clerks = [new Clerk(table), new Clerk(table)]
  for (const { journal } of clerks) await journal.ready()
  for (let n = 240; n < 264; n++) await teach(clerks[n < 252 ? 0 : 1]!, 'eve', n)
  for (const { journal } of clerks) await journal.flush()
  const { journal, teacher } = clerks[0]!
  await journal.follow()
  assert.ok(journal.sharedBy('eve') > 1000 * MOST_SHARED_IN_ALL)
  await teacher.refine(100, 'eve')
  assert.ok(journal.sharedBy('eve') <= 1000 * MOST_SHARED_IN_ALL, `${journal.sharedBy('eve')}`)
})

for (const [what, goesOver] of [
  ['gone over', ({ teacher }: Clerk) => teacher.refine(100)],
  ['swept', ({ journal, clock }: Clerk) => sweep(journal, clock, { ...termsOf(defaults()), forgetAfterMs: DAY })],
] as const)
  test(`what is said of a lesson in the moment that it is ${what} stands`, async () => {
    const table = aTable()
    const someone = new Clerk(table)
    for (let n = 0; n < 5; n++) await someone.learn('spam', n)
    for (let n = 0; n < 5; n++) await someone.learn('ham', n)
    Clerk.now += 2 * DAY
    const { print, tokens } = await readLesson(aMessage(mailOf('spam', 1)))
    let isArmed = false
    const get: Table['get'] = async keys => {
      const rows = await table.get(keys)
      if (isArmed && keys.length > 1) {
        isArmed = false
        await someone.teacher.learn({ who: SITE, label: 'ham', by: 'command', print, tokens })
      }
      return rows
    }
    const clerk = new Clerk({ ...table, get })
    await clerk.journal.ready()
    isArmed = true
    await goesOver(clerk)
    assert.equal(isArmed, false)
    const anew = new Journal(table, clerk.clock)
    await anew.ready()
    await clerk.journal.follow()
    for (const journal of [anew, clerk.journal]) {
      const standing = journal.newest(100).map(key => journal.standing(key)!)
      assert.ok(standing.some(({ label, at }) => label === 'ham' && Clerk.now - at < DAY))
      assert.equal(journal.weights.sum(tokens), anew.weights.sum(tokens))
    }
  })

for (const [how, options] of [
  ['the last first', ['more', 'ham']],
  ['the first first', ['ham', 'more']],
] as const)
  test(`taking runs back restores what every lesson counted before them, ${how}`, async () => {
    const table = aTable()
    await new Clerk(table).run('learn spam')
    const few = await lessonsIn(table)
    const runs = await table.list('r/')
    await new Clerk(table).run('learn ham')
    const half = await livingIn(table)
    await new Clerk(table).run('learn spam', {}, 'more')
    assert.notDeepEqual(half, (await livingIn(table)).slice(0, half.length), 'all of it was gone over')
    for (const name of options) await new Clerk(table).run('learn spam', { undo: true }, name)
    assert.deepEqual(await livingIn(table), few)
    assert.deepEqual([...(await table.list('r/')), ...(await table.list('o/'))], runs, 'nothing else is left of them')
  })

test('taken back mail by mail, the last one restores what was before the run', async () => {
  const table = aTable()
  await new Clerk(table).run('learn spam')
  await new Clerk(table).run('learn ham')
  const half = await livingIn(table)
  await new Clerk(table).run('learn spam', {}, 'more')
  const clerk = new Clerk(table)
  for (let n = 0; n < 40; n++) {
    assert.notDeepEqual(await livingIn(table), half)
    await clerk.run('learn spam', { undo: true }, join('more', `${n}.eml`))
  }
  assert.deepEqual(await livingIn(table), half)
})

test('what others have taught since stays, and the rest is gone over', async () => {
  const table = aTable()
  await new Clerk(table).run('learn spam')
  await new Clerk(table).run('learn ham')
  await new Clerk(table).learn('ham', 300)
  const clerk = new Clerk(table)
  await clerk.run('learn spam', { undo: true }, 'ham')
  const left = await livingIn(table)
  assert.equal(left.length, 61)
  assert.ok((await clerk.sumOf('spam')) > 1)
  assert.deepEqual(await table.list('o/'), [])
})

test('a run that is killed while it takes back is ended by the next', async () => {
  const table = aTable()
  await new Clerk(table).run('learn spam')
  await new Clerk(table).run('learn ham')
  const half = await livingIn(table)
  await new Clerk(table).run('learn spam', {}, 'more')
  // What is owed, the lessons that go, and one piece of those that count as before.
  await assert.rejects(new Clerk(dyingAt(table, 3)).run('learn spam', { undo: true }, 'more'), /killed/)
  assert.notDeepEqual(await livingIn(table), half)
  await new Clerk(table).run('learn spam', { undo: true }, 'more')
  assert.deepEqual(await livingIn(table), half)
})

test('only the last runs are remembered', async () => {
  const table = aTable()
  await new Clerk(table).run('learn ham')
  for (let n = 0; n < KEPT_RUNS + 3; n++) {
    await new Clerk(table).run('learn spam')
    await new Clerk(table).learn('ham', 300 + n)
    await new Clerk(table).run('learn spam', { undo: true })
  }
  const runs = (await table.list('r/')).map(({ key }) => key.slice(2))
  assert.equal(runs.length, KEPT_RUNS)
  for (const { key } of await table.list('b/')) assert.ok(runs.some(run => key.startsWith(`b/${run}/`)))
})

test('a dry run of taking back says what it would take back, and takes back nothing', async () => {
  const table = aTable()
  const clerk = new Clerk(table)
  for (let n = 0; n < 30; n++) await clerk.learn('spam', n)
  const before = await lessonsIn(table)
  const { out } = await clerk.run('learn spam', { undo: true, 'dry-run': true })
  assert.deepEqual(out, ['60 mails: 30 would be taken back, 30 not known'])
  assert.deepEqual(await lessonsIn(table), before)
})

/** Of which no other mail has one, so that no lesson changes what another counts. */
function strangeWords(n: number): string {
  const letter = (at: number) => String.fromCodePoint(0x4e00 + 60 * n + at)
  return Array.from({ length: 12 }, (_, at) => `${letter(4 * at)}${letter(4 * at + 1)}${letter(4 * at + 2)}`).join(' ')
}

function defaults() {
  return new YamlSource('with', '{}').check(CONFIG).value!
}

test('of the first lessons spam is given a larger margin than ham, and of later ones hardly', async () => {
  const clerk = new Clerk(aTable())
  const marginOf = async (label: 'spam' | 'ham', n: number) => {
    const learned = await clerk.learn(label, n)
    assert.ok(learned.kind === 'learned')
    return Math.abs(learned.after.full)
  }
  const [ham, spam] = [await marginOf('ham', 0), await marginOf('spam', 0)]
  assert.ok(Math.abs(ham - 4) < 0.2 && Math.abs(spam - 6) < 0.2, `${ham} ${spam}`)
  for (let n = 1; n < 300; n++) for (const label of ['ham', 'spam'] as const) await clerk.learn(label, n)
  // Of words that no lesson has had.
  const other = await readLesson(aMessage('From: a@b.test\nSubject: qqq www\n\nzzz yyy xxx vvv uuu ttt sss rrr\n'))
  const late = await clerk.teacher.learn({ who: SITE, label: 'spam', by: 'command', ...other })
  assert.ok(late.kind === 'learned' && late.after.full < 4.5, JSON.stringify(late))
})
