/**
 * What an admin's command has changed in the queue, told to a server that runs: it writes the log line, and `held` is an event like any
 * other. Best effort, as the command may run without a server; the trail has it in any case.
 */
import type { Bus, Clock, Log, QueuedMessage, QueueEvent, Store } from '../api/index.js'
import { formatAddress, printable } from '../text/index.js'
import type { Pipeline } from './pipeline.js'

export interface AdminNews {
  /** As in the trail: `held`, `released`, `removed` … */
  readonly event: string
  readonly id: string
  readonly rows: readonly number[]
  readonly by: string
  readonly why?: string
}

export interface HearParts {
  readonly bus: Bus
  readonly store: Pick<Store, 'queue'>
  readonly pipeline: Pick<Pipeline, 'tell'>
  readonly clock: Clock
  readonly log: Log
}

const TOPIC = 'queue-admin'
const MOST_ROWS = 1000
const NEVER = new AbortController().signal

export function announce(bus: Bus, news: AdminNews): void {
  bus.publish(TOPIC, JSON.stringify({ ...news, rows: news.rows.slice(0, MOST_ROWS) }))
}

/** Until the returned function is called. One worker hears for all. */
export function hear({ bus, store, pipeline, clock, log }: HearParts): () => void {
  return bus.subscribe(TOPIC, payload => {
    const news = read(payload)
    if (news === undefined) return
    const { event, id, rows, by, why } = news
    log.info({ id, change: event, recipients: rows.length, by, ...(why && { why }) }, 'queue changed by an admin')
    if (event !== 'held') return
    store.queue.get(id).then(
      message => {
        for (const held of message === undefined ? [] : eventsOf(message, rows, clock.now()))
          pipeline.tell('event', { event: held }, new Set(), { signal: NEVER, log })
      },
      (error: unknown) => log.warn({ err: error, id }, 'what was held cannot be told'),
    )
  })
}

function eventsOf(message: QueuedMessage, rows: readonly number[], at: number): readonly QueueEvent[] {
  const wanted = new Set(rows)
  return message.rows.flatMap(({ row, original, target, lane, tries, hold }): QueueEvent[] => {
    if (hold === undefined || !wanted.has(row)) return []
    const sender = message.sender === null ? '' : formatAddress(message.sender)
    const common = {
      at,
      message: message.id,
      sender,
      size: message.bodySize,
      ageMs: Math.max(0, at - message.received),
    }
    return [{ ...common, kind: 'held', recipient: formatAddress(original), target, lane, tries, hold }]
  })
}

/** The socket is the owner's alone, yet a line of another version is no reason to fall. */
function read(payload: string): AdminNews | undefined {
  try {
    const { event, id, rows, by, why } = JSON.parse(payload) as Partial<AdminNews>
    if (typeof event !== 'string' || typeof id !== 'string' || typeof by !== 'string' || !Array.isArray(rows))
      return undefined
    const clean = {
      event: printable(event, 40),
      id: printable(id, 100),
      by: printable(by, 200),
      rows: rows.slice(0, MOST_ROWS),
    }
    return typeof why === 'string' ? { ...clean, why: printable(why, 500) } : clean
  } catch {
    return undefined
  }
}
