/**
 * Makes what waits for a node due now. Rows that are held, under way, or wait for a time their sender has set (RFC 4865) are left alone.
 * A long queue is walked for as long as the client waits; what was started stays started.
 */
import { fieldIs, type Queue, type QueuedMessage } from 'posthouse/api'
import { toAsciiDomain } from 'posthouse/text'
import type { DomainSet } from './clients.js'
import type { Node } from './node.js'

export interface KickParts {
  readonly target: string
  readonly node: Node
  readonly allowed: DomainSet
  readonly now: number
  readonly signal: AbortSignal
}

export interface Started {
  readonly messages: number
  /** All of the queue was looked at. */
  readonly complete: boolean
}

/** Destinations of what was started, at most. */
const MOST_LANES = 100

/** `lanes` gets the destinations (`target/lane`) of what was started. */
export async function kick(queue: Queue, parts: KickParts, lanes = new Set<string>()): Promise<Started> {
  let messages = 0
  for await (const message of queue.list({ where: [fieldIs('target', parts.target), fieldIs('held', false)] })) {
    if (parts.signal.aborted) return { messages, complete: false }
    const rows = waitingRows(message, parts)
    if (rows.length === 0) continue
    if ((await queue.change(message.id, { kind: 'retry', due: parts.now }, rows)) === 0) continue
    messages += 1
    for (const { row, target, lane } of message.rows)
      if (rows.includes(row) && lanes.size < MOST_LANES) lanes.add(`${target}/${lane}`)
  }
  return { messages, complete: true }
}

/** Pure: the rows of a message that are meant. */
export function waitingRows(message: QueuedMessage, { target, node, allowed, now }: KickParts): readonly number[] {
  if ((message.holdUntil ?? 0) > now) return []
  return message.rows
    .filter(
      row => row.target === target && row.hold === undefined && !row.leased && isFor(node, row.to.domain, allowed),
    )
    .map(({ row }) => row)
}

function isFor({ domain, withSubdomains }: Node, to: string, allowed: DomainSet): boolean {
  const name = toAsciiDomain(to) ?? to
  if (name === domain) return true
  return withSubdomains && name.endsWith(`.${domain}`) && allowed.covers(name)
}
