/**
 * A process of its own on an LMDB store, driven by its arguments: `worker.js VERB PATH [ARGUMENT]`. It prints one line per fact and is
 * killed or ends by itself. LMDB allows one opening per process and no closing, so everything that reopens needs this.
 */
import { createLmdbState, type LmdbState } from '../../../plugins/store-lmdb/state.js'
import { createLmdbStore, type LmdbStore } from '../../../plugins/store-lmdb/store.js'
import {
  acceptance,
  enqueue,
  filing,
  mail,
  memory,
  message,
  openByName,
  pattern,
  row,
} from '../../contracts/backend.js'

const [verb = '', path = '', argument = ''] = process.argv.slice(2)

const VERBS: Readonly<Record<string, (store: LmdbStore) => Promise<void>>> = {
  /** Accepts for ever, eight at a time, and names each id once it is acknowledged. */
  async write(store) {
    let next = 0
    const one = async (): Promise<void> => {
      for (;;) {
        const id = `${argument}${String(next++).padStart(6, '0')}`
        const more = { rows: [row(0), row(1)], filings: [filing('ann')] }
        await store.accept(
          acceptance(id, { ...more, message: message(id, { body: memory(`Subject: ${id}\r\n\r\n`) }) }),
        )
        process.stdout.write(`${id}\n`)
      }
    }
    await Promise.all(Array.from({ length: 8 }, one))
  },

  /** Exits while eight writes are under way, after a few that are done. */
  async exit(store) {
    let done = 0
    const one = async (at: number): Promise<void> => {
      for (let n = 0; ; n++) {
        await store.accept(acceptance(`${argument}.${at}.${n}`, { filings: [filing('ann')] }))
        if (++done === 20) setTimeout(() => process.exit(0), Number(argument))
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, at) => one(at)))
  },

  /** Claims until nothing is left, settles each, and names the rows. */
  async claim(store) {
    for (;;) {
      const claimed = await store.queue.claim({ now: Date.now(), leaseMs: 60_000, max: 3, maxRows: 2 })
      if (claimed.length === 0) return
      for (const { token, message, rows } of claimed) {
        for (const { row } of rows) process.stdout.write(`${message.id}:${row}\n`)
        await store.queue.settle(
          token,
          rows.map(({ row }) => ({ kind: 'done', row })),
        )
      }
    }
  },

  /** Queue ids and subjects of filed messages, as JSON. */
  async dump(store) {
    const queued: string[] = []
    for await (const { id, rows } of store.queue.list()) if (rows.length === 2) queued.push(id)
    const inbox = await openByName(store, 'ann')
    const filed: string[] = []
    for (const entry of await inbox.list()) filed.push((await inbox.read(entry)).toString())
    const { messages, ...totals } = await store.queue.totals()
    const { nextDue: _, ...counts } = totals
    const info = await inbox.info()
    process.stdout.write(`${JSON.stringify({ queued, filed, messages, ...counts, info, list: await inbox.list() })}\n`)
  },

  async fill(store) {
    for (let at = 0; at < Number(argument); at++) await enqueue(store, `q${at}`, {}, {}, {})
  },

  async rule(store) {
    await store.queue.addHoldRule({ id: argument, where: [], reason: 'from elsewhere', created: 1 })
  },

  /** What the queue looks like to a process that has just begun. */
  async look(store) {
    const now = Date.UTC(2030, 0, 3)
    const shape = await store.queue.shape({ now, edges: [3_600_000], most: 10 })
    const audit = await store.queue.audit(now)
    process.stdout.write(`${JSON.stringify({ shape, audit, rules: await store.queue.holdRules() })}\n`)
  },

  async append(store) {
    await (await openByName(store, 'ann')).append([mail(argument)])
  },

  /** Leaves a finished draft behind. */
  async orphan(store) {
    const draft = store.blobs.draft()
    await draft.write(pattern(300_000))
    const body = await draft.finish()
    process.stdout.write(`${body.kind === 'stored' ? body.id : ''}\n`)
  },

  /** Accepts until the file may grow no more, then names the error, tries a small one and goes on. */
  async overfill(store) {
    const put = (id: string, bytes: number) => {
      const more = { message: message(id, { body: memory(pattern(bytes)) }), rows: [row(0)] }
      return store.accept(acceptance(id, more)).then(
        () => 'accepted',
        error => String(error.errorCode),
      )
    }
    let said = 'accepted'
    let count = 0
    for (; said === 'accepted' && count < 100; count++) said = await put(`q${count}`, 600_000)
    process.stdout.write(`${said}\n${await put('small', 100)}\n${(await store.queue.totals()).messages - count}\n`)
  },

  /** How long an accept takes, in milliseconds. */
  async time(store) {
    await store.accept(acceptance('warm', { filings: [filing('ann')] }))
    const before = performance.now()
    await store.accept(acceptance('q1', { filings: [filing('ann')] }))
    process.stdout.write(`${Math.round(performance.now() - before)}\n`)
  },
}

/** Verbs on a state. */
const STATE_VERBS: Readonly<Record<string, (state: LmdbState) => Promise<void>>> = {
  async count(state) {
    for (let at = 0; at < Number(argument); at++) process.stdout.write(`${await state.add('n', 1, 1, 100)}\n`)
  },

  /** Spends of one budget, ten at a time, as often as told, and says how much was granted. */
  async spend(state) {
    let left = Number(argument)
    let granted = 0
    const one = async (): Promise<void> => {
      while (left-- > 0) if ((await state.spend('n', 1, { limit: 500, windowMs: 1e6 }, 1e12)).granted) granted++
    }
    await Promise.all(Array.from({ length: 10 }, one))
    process.stdout.write(`${granted}\n`)
  },

  /** Takes as many places as told, says how many there were, and waits to be killed. */
  async enter(state) {
    let entered = 0
    for (let at = 0; at < Number(argument); at++) if ((await state.enter('n', 5, 1)) !== undefined) entered++
    process.stdout.write(`${entered}\n`)
    await new Promise(resolve => setTimeout(resolve, 60_000))
  },

  async remember(state) {
    await state.put('kept', argument, 1e15)
    await state.spend('budget', 3, { limit: 5, windowMs: 1e6 }, 1e12)
  },

  async recall(state) {
    const { used } = await state.spend('budget', 0, { limit: 5, windowMs: 1e6 }, 1e12)
    process.stdout.write(`${await state.get('kept', 1e12)}\n${used}\n`)
  },
}

const run = VERBS[verb]
if (run === undefined) {
  const state = createLmdbState({ path, mapBytes: 1024 ** 2 })
  await STATE_VERBS[verb]!(state)
  await state.close()
} else {
  const store = createLmdbStore({ path, mapBytes: 1024 ** 2 })
  await run(store)
  await store.close()
}
process.exit(0)
