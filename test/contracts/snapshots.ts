/** The contract of snapshots: what opening a mailbox takes is the list of its messages at one moment, however it is come by. */
import assert from 'node:assert/strict'
import type { Mailbox } from '../../core/api/index.js'
import { acceptance, coded, contract, filing, mail, openByName, type StoreBackend } from './backend.js'

export function snapshotsContract(backend: StoreBackend): void {
  contract(backend, 'a snapshot is the list of messages and the mailbox at the same moment', async ({ store }) => {
    const [inbox, trash] = [await openByName(store, 'ann'), await openByName(store, 'ann', 'Trash')]
    await agree(inbox)
    const steps: readonly (() => Promise<unknown>)[] = [
      () => inbox.append(Array.from({ length: 1500 }, (_, at) => mail(String(at)))),
      () => store.accept(acceptance('q1', { filings: [filing('ann')] })),
      () => inbox.flag(span(1, 1200), { kind: 'add', flags: ['x'] }),
      () => inbox.flag([3], { kind: 'replace', flags: ['\\Seen', 'y'] }),
      () => inbox.expunge(span(1000, 1100)),
      () => inbox.move([2, 4, 1400], trash.id),
      () => trash.copy([1], inbox.id),
      () => inbox.replace(5, mail('new'), inbox.id),
      () => inbox.expunge(span(1, 900)),
      () => inbox.append(Array.from({ length: 2000 }, (_, at) => mail(String(at)))),
      () => inbox.expunge(span(1, 5000)),
    ]
    for (const step of steps) {
      await step()
      await agree(inbox)
      await agree(trash)
    }
  })

  contract(backend, 'what becomes of a snapshot is no matter of the next one', async ({ store }) => {
    const inbox = await openByName(store, 'ann')
    await inbox.append(Array.from({ length: 1200 }, (_, at) => mail(String(at))))
    const { roll } = await inbox.snapshot()
    roll.remove(span(1, 700))
    roll.put({ uid: 800, flags: ['never'], modseq: 99 })
    await inbox.flag([900], { kind: 'add', flags: ['x'] })
    const before = roll.flagsAt(roll.indexOf(900))
    await agree(inbox)
    assert.deepEqual([before, roll.count], [[], 500])
  })

  contract(
    backend,
    'snapshots that are asked for while the mailbox changes are of one moment each',
    async ({ store }) => {
      const inbox = await openByName(store, 'ann')
      await inbox.append(Array.from({ length: 1500 }, (_, at) => mail(String(at))))
      const changing = (async () => {
        for (let at = 1; at <= 20; at++) {
          await inbox.append([mail('more')])
          await inbox.expunge([at * 3])
          await inbox.flag(span(at, at + 100), { kind: at % 2 === 0 ? 'add' : 'remove', flags: ['x'] })
        }
      })()
      for (let at = 0; at < 30; at++) {
        const snapshots = await Promise.all([inbox.snapshot(), inbox.snapshot()])
        for (const { info, roll } of snapshots)
          assert.deepEqual([roll.count, roll.modseq], [info.messages, info.highestModseq])
      }
      await changing
      await agree(inbox)
    },
  )

  contract(backend, 'there is no snapshot of a mailbox that is gone', async ({ store }) => {
    await store.mail.create('ann', 'Work')
    const work = await openByName(store, 'ann', 'Work')
    await work.append(Array.from({ length: 1200 }, (_, at) => mail(String(at))))
    await work.snapshot()
    await store.mail.delete('ann', 'Work')
    await assert.rejects(work.snapshot(), coded('mailbox-gone'))
  })
}

/** Compares it with the list, when nobody changes anything. */
export async function agree(mailbox: Mailbox): Promise<void> {
  const { info, roll } = await mailbox.snapshot()
  assert.deepEqual(info, await mailbox.info())
  assert.equal(roll.modseq, info.highestModseq)
  const lines = roll.uids().map((uid, at) => ({ uid, flags: roll.flagsAt(at), modseq: roll.modseqAt(at) }))
  assert.deepEqual(
    lines,
    (await mailbox.list()).map(({ uid, flags, modseq }) => ({ uid, flags, modseq })),
  )
}

export function span(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}
