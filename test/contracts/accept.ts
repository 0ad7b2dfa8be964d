/** The contract of one step for everything: accepting, and settling with all that follows from it. */
import assert from 'node:assert/strict'
import type { Cut, NewRow } from '../../core/api/index.js'
import {
  acceptance,
  claim,
  coded,
  contract,
  enqueue,
  filing,
  memory,
  message,
  only,
  openByName,
  row,
  rowsOf,
  type StoreBackend,
  TEXT,
} from './backend.js'
import { sumContract } from './sums.js'
import { entry } from './trail.js'

export function acceptContract(backend: StoreBackend): void {
  accepting(backend)
  lending(backend)
  settling(backend)
  sumContract(backend)
}

function accepting(backend: StoreBackend): void {
  contract(backend, 'body, rows, filings and trail are there when accept resolves', async ({ store }) => {
    const trail = [entry('q1', 'accepted'), entry('q1', 'filed')]
    await store.accept(acceptance('q1', { rows: [row(0)], filings: [filing('ann')], trail }))
    assert.equal((await store.queue.get('q1'))!.rows.length, 1)
    assert.equal((await openByName(store, 'ann').then(only)).size, TEXT.length)
    assert.deepEqual(await store.trail.of('q1'), trail)
  })

  contract(backend, 'a discarded message leaves its trail and nothing else', async ({ store }) => {
    await store.accept(acceptance('q1', { trail: [entry('q1', 'discarded')] }))
    assert.equal(await store.queue.get('q1'), undefined)
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
    assert.equal((await store.trail.of('q1')).length, 1)
  })

  contract(backend, 'a filed message that nobody waits for is not in the queue', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann')] }))
    assert.equal(await store.queue.get('q1'), undefined)
  })

  contract(
    backend,
    'filings make what is missing: account, mailbox, parents, and Junk that was deleted',
    async ({ store }) => {
      await store.accept(acceptance('q1', { filings: [filing('ann', 'Lists/dev/patches'), filing('ann', 'inbox')] }))
      const names = (await store.mail.list('ann')).map(({ name }) => name)
      for (const name of ['INBOX', 'Junk', 'Lists', 'Lists/dev', 'Lists/dev/patches'])
        assert.ok(names.includes(name), name)
      assert.equal((await store.mail.find('ann', 'Lists/dev/patches'))!.subscribed, true, 'what is made is seen')
      await store.mail.subscribe('ann', 'Lists/dev/patches', false)
      await store.accept(acceptance('q0', { filings: [filing('ann', 'Lists/dev/patches')] }))
      assert.equal(
        (await store.mail.find('ann', 'Lists/dev/patches'))!.subscribed,
        false,
        'what was there is left alone',
      )
      await store.mail.delete('ann', 'Junk')
      await store.accept(acceptance('q2', { filings: [filing('ann', 'Junk')] }))
      const junk = (await store.mail.find('ann', 'Junk'))!
      assert.deepEqual([junk.messages, junk.specialUse], [1, 'Junk'])
    },
  )

  contract(
    backend,
    'a filed message has the flags, date and prefix of its filing, and a saved date and email id',
    async ({ store, clock }) => {
      const more = { flags: ['$Junk', '\\seen'], prefix: 'Return-Path: <a@b>\r\n', date: 1234 }
      await store.accept(acceptance('q1', { filings: [filing('ann', 'INBOX', more), filing('bob')] }))
      const found = await only(await openByName(store, 'ann'))
      assert.deepEqual(
        [found.flags, found.date, found.prefix, found.saved],
        [['$Junk', '\\Seen'], 1234, more.prefix, clock.time],
      )
      assert.match(found.emailId, /^[A-Za-z0-9_-]{1,255}$/)
      assert.notEqual(found.emailId, (await only(await openByName(store, 'bob'))).emailId)
    },
  )

  contract(backend, 'two filings into one mailbox make two messages', async ({ store }) => {
    await store.accept(acceptance('q1', { filings: [filing('ann'), filing('ann')] }))
    assert.deepEqual(
      (await (await openByName(store, 'ann')).list()).map(({ uid }) => uid),
      [1, 2],
    )
  })

  contract(backend, 'when one filing is impossible nothing happens at all', async ({ store }) => {
    const filings = [filing('ann'), filing('ann', 'a//b')]
    await assert.rejects(
      store.accept(acceptance('q1', { rows: [row(0)], filings, trail: [entry('q1', 'accepted')] })),
      coded('mailbox-forbidden'),
    )
    assert.equal(await store.queue.get('q1'), undefined)
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 0, messages: 0 })
    assert.deepEqual(await store.trail.of('q1'), [])
  })

  contract(backend, 'a queue id in use is refused and nothing is changed', async ({ store }) => {
    await enqueue(store, 'q1', {})
    await assert.rejects(store.accept(acceptance('q1', { rows: [row(5)], filings: [filing('ann')] })))
    assert.deepEqual(
      (await store.queue.get('q1'))!.rows.map(({ row }) => row),
      [0],
    )
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 0, messages: 0 })
  })

  contract(backend, 'what follows an acceptance is there with it, or neither is', async bench => {
    const { store } = bench
    const answer = acceptance('q2', {
      message: message('q2', { sender: null, body: memory('answer') }),
      rows: [row(0)],
    })
    const note = acceptance('q3', { message: message('q3', { body: memory('note') }), filings: [filing('bob')] })
    await store.accept(acceptance('q1', { filings: [filing('ann')], follow: [answer, note] }))
    const { bodyId } = (await store.queue.get('q2'))!
    assert.equal((await store.blobs.read(bodyId)).toString(), 'answer')
    assert.equal((await openByName(store, 'bob').then(only)).size, 'note'.length)
    assert.deepEqual(rowsOf(await claim(bench)), ['q2:0'])
    const broken = acceptance('q5', { filings: [filing('bob', 'a//b')] })
    await assert.rejects(store.accept(acceptance('q4', { filings: [filing('ann')], follow: [broken] })))
    assert.equal((await store.mail.usage('ann')).messages, 1)
  })

  contract(backend, 'a failing acceptance does not disturb those made at the same time', async ({ store }) => {
    await enqueue(store, 'q5', {})
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        store.accept(acceptance(`q${at}`, { rows: [row(0)], filings: [filing('ann')] })),
      ),
    )
    assert.deepEqual(
      results.flatMap(({ status }, at) => (status === 'rejected' ? at : [])),
      [5],
    )
    assert.equal((await store.queue.totals()).messages, 20)
    assert.equal((await store.mail.usage('ann')).messages, 19)
  })
}

function lending(backend: StoreBackend): void {
  const lend = (bench: { readonly clock: { readonly time: number } }, max = 1) => ({
    now: bench.clock.time,
    leaseMs: 60_000,
    max,
  })

  contract(backend, 'what is lent out with its acceptance is under a lease like any other', async bench => {
    const { store, clock } = bench
    const [job, ...others] = await store.accept(acceptance('q1', { rows: [row(0), row(1)] }), lend(bench))
    assert.equal(others.length, 0)
    assert.deepEqual(
      job!.rows.map(one => [one.row, one.leased, one.tries]),
      [
        [0, true, 0],
        [1, true, 0],
      ],
    )
    assert.equal(job!.leaseUntil, clock.time + 60_000)
    const { rows: _, ...seen } = (await store.queue.get('q1'))!
    assert.deepEqual(job!.message, seen)
    assert.deepEqual(await claim(bench), [])
    assert.equal((await store.queue.totals()).nextDue, undefined)
    assert.equal((await store.queue.audit(clock.time)).adrift, 0)
    await store.queue.settle(job!.token, [
      { kind: 'done', row: 0 },
      { kind: 'done', row: 1 },
    ])
    assert.equal(await store.queue.get('q1'), undefined)
    assert.deepEqual(await store.queue.totals(), { messages: 0, rows: 0, held: 0 })
    assert.deepEqual((await store.queue.shape({ now: clock.time, edges: [], most: 9 })).lanes, [])
    await assert.rejects(store.blobs.read(job!.message.bodyId), coded('message-gone'))
  })

  contract(backend, 'a lease given with an acceptance runs out, and can be settled in part', async bench => {
    const { store, clock } = bench
    await store.accept(acceptance('q1', { rows: [row(0), row(1)] }), lend(bench))
    clock.time += 60_001
    const [job] = await claim(bench)
    assert.deepEqual(rowsOf([job!]), ['q1:0,1'])
    await store.queue.settle(job!.token, [{ kind: 'done', row: 0 }])
    assert.deepEqual(rowsOf(await claim(bench)), ['q1:1'])
  })

  for (const renewed of [false, true]) {
    const what = `what was lent out with its acceptance${renewed ? ' for longer' : ''} and put off comes back with all it had`
    contract(backend, what, async bench => {
      const { store, clock } = bench
      const common = { detail: { route: 'far' }, prefix: 'X: 1\r\n', quarantine: 'odd' }
      const given = acceptance('q1', { rows: [row(0, common), row(1, common), row(2, common)] })
      const message = { ...given.message, envid: 'e1', ret: 'HDRS' as const, priority: 3 }
      const [job] = await store.accept({ ...given, message }, lend(bench))
      if (renewed) assert.equal(await store.queue.renew(job!.token, clock.time + 90_000), true)
      const due = clock.time + 1000
      const again = { kind: 'again', due, status: '4.0.0', text: 'later', warned: false } as const
      const said = { at: clock.time, status: '4.0.0', text: 'later' }
      await store.queue.settle(job!.token, [
        { ...again, row: 0 },
        { ...again, row: 1, untried: true },
      ])
      clock.time = due
      const [late] = await claim(bench)
      assert.deepEqual(late!.message, job!.message)
      const inOrder = late!.rows.toSorted((a, b) => a.row - b.row)
      assert.deepEqual(inOrder, [
        { ...job!.rows[0], due, tries: 1, last: said },
        { ...job!.rows[1], due, wait: { ...said, since: said.at } },
        job!.rows[2],
      ])
    })
  }

  contract(backend, 'only what is due, free and wanted is lent out; the rest waits', async bench => {
    const { store, clock } = bench
    const rows = [
      row(0, { lane: 'a.example' }),
      row(1, { lane: 'b.example' }),
      row(2, { lane: 'a.example', due: clock.time + 1 }),
      row(3, { lane: 'a.example', hold: 'why' }),
      row(4, { lane: 'a.example' }),
    ]
    const jobs = await store.accept(acceptance('q1', { rows }), lend(bench))
    assert.deepEqual(rowsOf(jobs), ['q1:0,4'])
    assert.deepEqual(rowsOf(await claim(bench)), ['q1:1'])
    assert.deepEqual(rowsOf(await store.accept(acceptance('q2', { rows }), lend(bench, 9))), ['q2:0,4', 'q2:1'])
    assert.equal((await store.queue.totals()).held, 2)
  })

  contract(backend, 'nothing is lent of a message that is only filed, or when nobody asks', async bench => {
    const { store } = bench
    assert.deepEqual(await store.accept(acceptance('q1', { filings: [filing('ann')] }), lend(bench)), [])
    assert.deepEqual(await store.accept(acceptance('q2', { rows: [row(0)] })), [])
    assert.deepEqual(rowsOf(await claim(bench)), ['q2:0'])
  })
}

function settling(backend: StoreBackend): void {
  contract(backend, 'settling files, follows up, notes the trail and ends the message in one step', async bench => {
    const { store } = bench
    const cuts: readonly Cut[] = [[0, 13]]
    await store.accept(acceptance('q1', { message: message('q1', { cuts }), rows: [row(0), row(1)] }))
    const [claimed] = await claim(bench)
    const bounce = acceptance('q2', {
      message: message('q2', { sender: null, body: memory('bounce') }),
      rows: [row(0)],
    })
    const filed = acceptance('q3', { message: message('q3', { body: memory('warning') }), filings: [filing('bob')] })
    await store.queue.settle(
      claimed!.token,
      [
        { kind: 'done', row: 0 },
        { kind: 'done', row: 1 },
      ],
      {
        filings: [filing('ann', 'New', { prefix: 'P: 1\r\n' })],
        follow: [bounce, filed],
        trail: [entry('q1', 'filed')],
      },
    )
    assert.equal(await store.queue.get('q1'), undefined)
    const mailbox = await openByName(store, 'ann', 'New')
    assert.equal((await mailbox.read(await only(mailbox))).toString(), `P: 1\r\n${TEXT.slice(13)}`)
    const { bodyId } = (await store.queue.get('q2'))!
    assert.equal((await store.blobs.read(bodyId)).toString(), 'bounce')
    assert.equal((await openByName(store, 'bob').then(only)).size, 'warning'.length)
    assert.equal((await store.trail.of('q1')).length, 1)
    assert.deepEqual(rowsOfAll(await claim(bench)), ['q2'])
  })

  const onward = { to: { local: 'far', domain: 'far.example' }, lane: 'far.example', prefix: 'D: 1\r\n' }
  const unnumbered = (more: Partial<NewRow> = {}): Omit<NewRow, 'row'> => {
    const { row: _, ...rest } = row(0, { ...onward, ...more })
    return rest
  }

  contract(backend, 'new recipients wait like any others, also when all there were are done', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {}, { lane: 'other.example' })
    const [first, second] = await claim(bench)
    const held = unnumbered({ hold: 'looked at first', sender: null })
    await store.queue.settle(first!.token, [{ kind: 'done', row: 0 }], { rows: [unnumbered(), held] })
    await store.queue.settle(second!.token, [{ kind: 'done', row: 1 }], {
      rows: [unnumbered({ onward: 'O: 1\r\n', onwardHold: 'h' })],
    })
    const { rows, bodyId } = (await store.queue.get('q1'))!
    assert.equal(new Set([0, 1, ...rows.map(({ row }) => row)]).size, 5, 'no number is given twice')
    const common = { tries: 0, leased: false }
    assert.deepEqual(
      rows.map(({ row: _, ...rest }) => rest),
      [
        { ...unnumbered(), ...common },
        { ...held, ...common },
        { ...unnumbered({ onward: 'O: 1\r\n', onwardHold: 'h' }), ...common },
      ],
    )
    assert.equal((await store.queue.audit(clock.time)).adrift, 0)
    assert.deepEqual((await store.queue.totals()).held, 1)
    const shape = await store.queue.shape({ now: clock.time, edges: [], most: 9 })
    assert.deepEqual(
      shape.lanes.map(one => [one.lane, one.rows, one.held]),
      [['far.example', 3, 1]],
    )
    const [job, ...others] = await claim(bench)
    assert.equal(others.length, 0)
    assert.equal((await store.blobs.read(bodyId)).toString(), TEXT)
    await store.queue.settle(
      job!.token,
      job!.rows.map(({ row }) => ({ kind: 'done', row }) as const),
    )
    assert.equal((await store.queue.totals()).rows, 1)
  })

  contract(backend, 'new recipients of a message that was lent out as it came keep it and its body', async bench => {
    const { store, clock } = bench
    const lend = { now: clock.time, leaseMs: 60_000, max: 1 }
    const [lent] = await store.accept(acceptance('q1', { rows: [row(0)] }), lend)
    await store.queue.settle(lent!.token, [{ kind: 'done', row: 0 }], {
      rows: [unnumbered()],
      filings: [filing('ann')],
    })
    const [job] = await claim(bench)
    assert.deepEqual([job!.message.id, job!.rows[0]!.to.local], ['q1', 'far'])
    assert.equal((await store.blobs.read(job!.message.bodyId)).toString(), TEXT)
    await store.queue.settle(job!.token, [{ kind: 'done', row: job!.rows[0]!.row }])
    assert.equal(await store.queue.get('q1'), undefined)
  })

  contract(backend, 'a stale token settles nothing: no filing, no follow-up, no trail', async bench => {
    const { store, clock } = bench
    await enqueue(store, 'q1', {})
    const [claimed] = await claim(bench, { leaseMs: 10 })
    clock.time += 10
    await claim(bench)
    const also = {
      filings: [filing('ann')],
      follow: [acceptance('q2', { rows: [row(0)] })],
      trail: [entry('q1', 'filed')],
    }
    await assert.rejects(store.queue.settle(claimed!.token, [{ kind: 'done', row: 0 }], also), coded('lease-lost'))
    assert.deepEqual((await store.queue.totals()).messages, 1)
    assert.deepEqual(await store.mail.usage('ann'), { bytes: 0, messages: 0 })
    assert.deepEqual(await store.trail.of('q1'), [])
    assert.equal(await store.queue.get('q2'), undefined)
  })

  const impossible = [
    ['a filing that cannot be', { filings: [filing('ann', '')] }],
    ['a follow-up whose id is in use', { follow: [acceptance('q1', { rows: [row(0)] })] }],
    [
      'a follow-up without its body',
      { follow: [acceptance('q2', { message: message('q2', { body: { kind: 'stored', id: 'x', size: 1 } }) })] },
    ],
  ] as const
  for (const [what, also] of impossible) {
    contract(backend, `${what} fails the settling and leaves the lease as it was`, async bench => {
      const { store } = bench
      await enqueue(store, 'q1', {})
      const [claimed] = await claim(bench)
      const more = { trail: [entry('q1', 'filed')], ...also }
      await assert.rejects(store.queue.settle(claimed!.token, [{ kind: 'done', row: 0 }], more))
      assert.deepEqual(await store.trail.of('q1'), [])
      await store.queue.settle(claimed!.token, [{ kind: 'done', row: 0 }])
      assert.equal(await store.queue.get('q1'), undefined)
    })
  }

  contract(backend, 'a filing made while rows remain leaves the body to both', async bench => {
    const { store } = bench
    await enqueue(store, 'q1', {}, { lane: 'other.example' })
    const [claimed] = await claim(bench, { max: 1 })
    await store.queue.settle(claimed!.token, [{ kind: 'done', row: 0 }], { filings: [filing('ann')] })
    const inbox = await openByName(store, 'ann')
    await inbox.expunge([1])
    const { bodyId, rows } = (await store.queue.get('q1'))!
    assert.deepEqual(
      rows.map(({ row }) => row),
      [1],
    )
    assert.equal((await store.blobs.read(bodyId)).toString(), TEXT)
  })
}

function rowsOfAll(claimed: readonly { readonly message: { readonly id: string } }[]): string[] {
  return claimed.map(({ message }) => message.id)
}
