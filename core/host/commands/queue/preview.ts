/** What a change would touch, shown before it is done. */
import type { QueuedMessage, QueueRow } from '../../../api/index.js'
import { printable } from '../../../text/index.js'
import { many, messageLine, senderText, spanOf } from './words.js'

const FIRST = 10
const TOP = 3
/** Different senders and domains counted at most. */
const MOST = 50_000

export class Preview {
  messages = 0
  recipients = 0
  underWay = 0
  readonly #first: QueuedMessage[] = []
  readonly #senders = new Map<string, number>()
  readonly #domains = new Map<string, number>()
  #oldest = Number.POSITIVE_INFINITY

  add(message: QueuedMessage, fits: (row: QueueRow) => boolean): void {
    const rows = message.rows.filter(fits)
    const free = rows.filter(({ leased }) => !leased)
    this.underWay += rows.length - free.length
    if (free.length === 0) return
    this.messages += 1
    this.recipients += free.length
    this.#oldest = Math.min(this.#oldest, message.received)
    if (this.#first.length < FIRST) this.#first.push(message)
    count(this.#senders, senderText(message), 1)
    for (const { to } of free) count(this.#domains, to.domain, 1)
  }

  lines(verb: string, now: number): readonly string[] {
    const rest = this.messages - this.#first.length
    return [
      `${verb} would touch ${many(this.recipients, 'recipient')} of ${many(this.messages, 'message')}, the oldest ${spanOf(now - this.#oldest)} old`,
      `  most from  ${top(this.#senders)}`,
      `  most to    ${top(this.#domains)}`,
      ...this.#first.map(message => `  ${messageLine(message, now)}`),
      ...(rest > 0 ? [`  and ${many(rest, 'message')} more`] : []),
      ...(this.underWay > 0 ? [`  ${many(this.underWay, 'recipient')} under way would be left alone`] : []),
    ]
  }

  json(): object {
    const { messages, recipients, underWay } = this
    return { messages, recipients, underWay, oldest: this.#oldest, first: this.#first.map(({ id }) => id) }
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  if (counts.size < MOST || counts.has(key)) counts.set(key, (counts.get(key) ?? 0) + by)
}

function top(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TOP)
    .map(([name, times]) => `${printable(name, 100)} (${times})`)
    .join(', ')
}
