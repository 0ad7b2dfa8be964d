/** The queue id in the Received field that we put in front of a message (RFC 5321 §4.4: `id` within the `by` clause). */
import { scanHeader } from './header.js'

const BY =
  /\bby\s{1,9}[^\s()]{1,255}\s{1,9}(?:with\s{1,9}[A-Z0-9]{1,20}\s{1,9})?id\s{1,9}([0-9a-z]{16}(?:\.\d{1,9}){0,3})(?=[\s;]|$)/

/** `fields`: those in front of a message as it was delivered here; the sender had no part in them. */
export function queueIdIn(fields: string): string | undefined {
  for (const { name, raw } of scanHeader(Buffer.from(fields, 'latin1')).fields) {
    const id = name.toLowerCase() === 'received' ? BY.exec(raw)?.[1] : undefined
    if (id !== undefined) return id
  }
  return undefined
}

/** Ids of all hosts of that name on the way of a message, the last hop first. What a sender writes may be among them. */
export function queueIdsBy(host: string, received: readonly string[]): readonly string[] {
  const ids = received.flatMap(field => {
    const found = /\bby\s{1,9}([^\s()]{1,255})/.exec(field)
    return found?.[1]?.toLowerCase() === host.toLowerCase() ? (BY.exec(field)?.[1] ?? []) : []
  })
  return [...new Set(ids)]
}
