/** The contract of what a mailbox tells of its changes: MODSEQ, tombstones, watching. */
import assert from 'node:assert/strict'
import { type MailEntry, MOST_TOMBSTONES, type RollLine } from '../../core/api/index.js'
import { acceptance, contract, filing, mail, openByName, type StoreBackend, until } from './backend.js'

export function changesContract(backend: StoreBackend): void {
  history(backend)
  forgetting(backend)
  watching(backend)
}

function history(backend: StoreBackend): void {
  contract(backend, 'MODSEQs only grow, with every kind of change', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    let last = (await inbox.info()).highestModseq
    const steps: readonly (() => Promise<unknown>)[] = [
      () => inbox.append([mail(), mail(), mail(), mail()]),
      () => store.accept(acceptance('q1', { filings: [filing('ann')] })),
      () => inbox.flag([1], { kind: 'add', flags: ['x'] }),
      () => inbox.expunge([1]),
      () => inbox.move([2], trash.id),
      () => trash.copy([1], inbox.id),
      () => inbox.replace(3, mail(), inbox.id),
    ]
    for (const step of steps) {
      await step()
      const { highestModseq } = await inbox.info()
      assert.ok(highestModseq > last, String(step))
      assert.ok((await inbox.list()).every(({ modseq }) => modseq <= highestModseq))
      last = highestModseq
    }
  })

  contract(
    backend,
    'changes since a MODSEQ are what is new or changed by uid, and what vanished',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      const start = await inbox.info()
      await inbox.append([mail('1'), mail('2'), mail('3'), mail('4')])
      const middle = await inbox.info()
      await inbox.flag([3], { kind: 'add', flags: ['x'] })
      await inbox.append([mail('5')])
      await inbox.flag([1], { kind: 'add', flags: ['y'] })
      await inbox.expunge([4, 2])
      const { highestModseq, uidNext } = await inbox.info()
      const since = await inbox.changes(middle.highestModseq)
      assert.deepEqual([since.modseq, since.uidNext, since.gone], [highestModseq, uidNext, false])
      assert.deepEqual(since.changed, linesOf(await inbox.get([1, 3, 5])))
      assert.deepEqual([since.vanished, since.complete], [[2, 4], true])
      assert.deepEqual(await inbox.vanished(middle.highestModseq), { vanished: [2, 4], complete: true })
      assert.deepEqual(await inbox.vanished(highestModseq), { vanished: [], complete: true })
      assert.deepEqual((await inbox.changes(start.highestModseq)).changed, linesOf(await inbox.list()))
      assert.deepEqual(await inbox.changes(highestModseq), {
        modseq: highestModseq,
        uidNext,
        changed: [],
        vanished: [],
        complete: true,
        gone: false,
      })
    },
  )
}

function forgetting(backend: StoreBackend): void {
  contract(
    backend,
    'the last expunged messages are remembered, and what is forgotten is owned up to',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      const start = (await inbox.info()).highestModseq
      // More than a bound and what a store may keep on top of it.
      const steps = Math.ceil((MOST_TOMBSTONES * 1.2) / 1000)
      const after: number[] = []
      for (let step = 0; step < steps; step++) {
        await inbox.expunge(await inbox.append(Array.from({ length: 1000 }, () => mail('x'))))
        after.push((await inbox.info()).highestModseq)
      }
      const kept = MOST_TOMBSTONES / 1000
      const known = await inbox.vanished(after[steps - kept]!)
      assert.deepEqual(
        [known.vanished.length, known.vanished.at(-1), known.complete],
        [(kept - 1) * 1000, steps * 1000, true],
      )
      assert.equal((await inbox.vanished(start)).complete, false)
      const changes = await inbox.changes(start)
      assert.deepEqual([changes.complete, changes.changed], [false, []])
      assert.ok(changes.vanished.length < MOST_TOMBSTONES * 1.2)
      assert.ok(changes.vanished.length >= MOST_TOMBSTONES - 1000)
    },
  )
}

function watching(backend: StoreBackend): void {
  contract(
    backend,
    'watchers hear of every kind of change in their mailbox, and only theirs, until they stop',
    async ({ store }) => {
      const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
      let heard = 0
      const stop = inbox.watch(() => heard++)
      const quiet = async () => {
        const before = heard
        await new Promise(done => setTimeout(done, 30))
        return heard === before
      }
      const hears = async (what: () => Promise<unknown>) => {
        await until(quiet)
        const before = heard
        await what()
        await until(() => heard > before)
      }
      await hears(() => inbox.append([mail(), mail(), mail()]))
      await hears(() => store.accept(acceptance('q1', { filings: [filing('ann')] })))
      await hears(() => inbox.flag([1], { kind: 'add', flags: ['x'] }))
      await hears(() => inbox.move([1], trash.id))
      await hears(() => trash.copy([1], inbox.id))
      await hears(() => inbox.expunge([2]))
      await until(quiet)
      const before = heard
      await trash.append([mail()])
      await inbox.flag([3], { kind: 'remove', flags: ['never'] })
      await new Promise(done => setTimeout(done, 50))
      assert.equal(heard, before)
      stop()
      await inbox.expunge([3])
      await new Promise(done => setTimeout(done, 50))
      assert.equal(heard, before)
    },
  )

  contract(backend, 'watchers hear that their mailbox is gone', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    const work = await openByName(store, 'ann', 'Work')
    let heard = 0
    work.watch(() => heard++)
    await store.mail.delete('ann', 'Work')
    await until(() => heard > 0)
    assert.equal((await work.changes(1)).gone, true)
  })
}

function linesOf(entries: readonly MailEntry[]): RollLine[] {
  return entries.map(({ uid, flags, modseq }) => ({ uid, flags, modseq }))
}
