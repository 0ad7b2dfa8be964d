/** What an account has taught counts once for it, in every worker, whenever its weights happen to be read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Table } from 'posthouse/api'
import { aMessage } from 'posthouse/testing'
import { Journal } from '../../../plugins/learning/journal.js'
import { readLesson } from '../../../plugins/learning/lesson.js'
import { NO_MODEL } from '../../../plugins/learning/model.js'
import { Teacher } from '../../../plugins/learning/teacher.js'
import { createMemoryTables } from '../../../plugins/store-memory/tables.js'
import { mailOf } from './scene.js'

const ANN = 'ann'

class Worker {
  static now = Date.UTC(2026, 0, 1)
  readonly journal: Journal
  readonly teacher: Teacher

  constructor(table: Table) {
    const clock = { now: () => (Worker.now += 1000) }
    this.journal = new Journal(table, clock)
    this.teacher = new Teacher({ journal: this.journal, model: NO_MODEL, clock })
  }

  async learn(label: 'spam' | 'ham', n: number) {
    await this.teacher.learn({ who: ANN, label, by: 'move', ...(await readLesson(aMessage(mailOf(label, n)))) })
  }

  async forget(label: 'spam' | 'ham', n: number) {
    await this.teacher.forget(ANN, (await readLesson(aMessage(mailOf(label, n)))).print)
  }
}

/** What two mails come to by what Ann has taught: as this worker keeps it, and as one that has just started reads it. */
async function kept(worker: Worker, table: Table) {
  const fresh = new Worker(table)
  await fresh.journal.ready()
  const lessons = [await readLesson(aMessage(mailOf('spam', 40))), await readLesson(aMessage(mailOf('ham', 40)))]
  const sums = async ({ journal }: Worker) => {
    const own = await journal.own(ANN)
    return lessons.map(({ tokens }) => own.sum(tokens))
  }
  return { here: await sums(worker), anew: await sums(fresh) }
}

test('what another worker has written and nobody has heard of yet is not counted twice', async () => {
  const table = createMemoryTables().table('learning')
  const [one, other] = [new Worker(table), new Worker(table)]
  await one.learn('spam', 1)
  await one.learn('ham', 1)
  await other.journal.ready()
  await one.learn('spam', 2)
  await one.forget('ham', 1)
  await other.journal.own(ANN)
  await other.journal.follow()
  const { here, anew } = await kept(other, table)
  assert.deepEqual(here, anew)
})

test('what is on its way to the disk counts where weights are read in that moment', async () => {
  const table = createMemoryTables().table('learning')
  let goOn: () => void = () => undefined
  const written = new Promise<void>(resolve => {
    goOn = resolve
  })
  const worker = new Worker({ ...table, write: changes => written.then(() => table.write(changes)) })
  const learning = worker.learn('spam', 1)
  while (worker.journal.taughtBy(ANN).spam === 0) await new Promise(setImmediate)
  const own = await worker.journal.own(ANN)
  goOn()
  await learning
  assert.equal(await worker.journal.own(ANN), own)
  const { here, anew } = await kept(worker, table)
  assert.deepEqual(here, anew)
})
