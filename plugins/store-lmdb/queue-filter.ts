/** Which queued messages an admin's filter means. Pure. */
import type { Address, QueuedMessage, QueueFilter } from 'posthouse/api'

export function fits(message: QueuedMessage, filter: QueueFilter): boolean {
  if (filter.id !== undefined && message.id !== filter.id) return false
  if (filter.sender !== undefined && !matches(message.sender, filter.sender)) return false
  return message.rows.some(
    row =>
      (filter.recipient === undefined || matches(row.to, filter.recipient)) &&
      (filter.target === undefined || row.target === filter.target) &&
      (filter.lane === undefined || row.lane === filter.lane) &&
      (filter.held === undefined || (row.hold !== undefined) === filter.held),
  )
}

/** For comparing and matching only: quoting does not matter here. */
export function addressOf(address: Address | null): string {
  return address === null ? '<>' : `${address.local}@${address.domain}`
}

/** `local@domain`, `@domain` or `<>`. */
function matches(address: Address | null, wish: string): boolean {
  const full = addressOf(address).toLowerCase()
  const wanted = wish.toLowerCase()
  return wanted.startsWith('@') ? full.endsWith(wanted) : full === wanted
}
