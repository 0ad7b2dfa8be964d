/**
 * The store alone, without a server around it: N callers that append one message after the other, each answered when it is on disk. A process of its own
 * (see part.ts). `mailbox` appends to a mailbox for each caller, `accept` queues a message with one recipient, and `file` is the yardstick: each message in
 * a file of its own, file and folder flushed.
 */
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mailbox } from 'posthouse/api'
import { createLmdbStore } from '../../plugins/store-lmdb/store.js'
import type { Load } from './figures.js'
import { Messages } from './message.js'
import { servePart } from './part.js'

export interface AppenderOrder {
  readonly folder: string
  readonly kind: 'mailbox' | 'accept' | 'file'
  readonly callers: number
  readonly size: number
  readonly seconds: number
  readonly maxMessages: number
}

export interface AppenderQuestions {
  readonly ask: AppenderOrder
  readonly answer: Load
}

type Append = (caller: number, bytes: Buffer) => Promise<unknown>

const DAY_MS = 86_400_000
let next = 1
let standing: Promise<Append> | undefined

async function appendTo({ folder, kind }: AppenderOrder): Promise<Append> {
  mkdirSync(folder, { recursive: true })
  if (kind === 'file') return (_caller, bytes) => keep(folder, bytes)
  const store = createLmdbStore({ path: join(folder, 'mail.lmdb') })
  if (kind === 'accept') return (_caller, bytes) => store.accept(acceptanceOf(bytes))
  const boxes = new Map<number, Promise<Mailbox>>()
  const boxOf = async (caller: number): Promise<Mailbox> => {
    const account = `account${caller}`
    await store.mail.create(account, 'Bench')
    const info = await store.mail.find(account, 'Bench')
    return store.mail.open(account, info!.id)
  }
  return async (caller, bytes) => {
    const box = boxes.get(caller) ?? boxOf(caller)
    boxes.set(caller, box)
    await (await box).append([{ body: { kind: 'memory', bytes }, flags: [], date: Date.now() }])
  }
}

async function keep(folder: string, bytes: Buffer): Promise<void> {
  const file = await open(join(folder, `${next++}.eml`), 'wx')
  await file.writeFile(bytes)
  await file.sync()
  await file.close()
  const place = await open(folder, 'r')
  await place.sync()
  await place.close()
}

function acceptanceOf(bytes: Buffer): Parameters<ReturnType<typeof createLmdbStore>['accept']>[0] {
  const to = { local: 'reader', domain: `d${next % 100}.test` }
  const now = Date.now()
  return {
    message: {
      id: `b${String(next++).padStart(12, '0')}`,
      body: { kind: 'memory', bytes },
      received: now,
      cuts: [],
      sender: { local: 'sender', domain: 'source.test' },
      utf8: false,
      bodyType: '8BITMIME',
      origin: { helo: 'source.test' },
    },
    rows: [
      {
        row: 0,
        to,
        original: to,
        dsn: { notify: [] },
        priority: 0,
        target: 'mx',
        lane: to.domain,
        detail: {},
        prefix: '',
        due: now + DAY_MS,
        expires: now + 5 * DAY_MS,
      },
    ],
    filings: [],
    trail: [],
  }
}

servePart<AppenderQuestions>(async order => {
  standing ??= appendTo(order)
  const append = await standing
  const messages = new Messages(order.size, 'append')
  const bytes = Array.from({ length: 16 }, (_, n) =>
    Buffer.concat([Buffer.from(messages.head(n), 'latin1'), messages.tail(n).subarray(0, -3)]),
  )
  const latencies: number[] = []
  const errors: string[] = []
  let sent = 0
  const startMs = performance.now()
  const endMs = startMs + order.seconds * 1000
  let lastMs = startMs
  const work = async (caller: number): Promise<void> => {
    while (performance.now() < endMs && sent < order.maxMessages) {
      const beganMs = performance.now()
      await append(caller, bytes[sent++ % bytes.length]!)
      lastMs = performance.now()
      latencies.push(lastMs - beganMs)
    }
  }
  const all = Array.from({ length: order.callers }, (_, caller) =>
    work(caller).catch((error: Error) => void errors.push(error.message)),
  )
  await Promise.all(all)
  return {
    messages: latencies.length,
    bytes: latencies.length * order.size,
    elapsedMs: lastMs - startMs,
    latencies: Float64Array.from(latencies),
    errors: errors.slice(0, 5),
  }
})
