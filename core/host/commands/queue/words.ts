/** How the queue is told to people: one message, one recipient, a time of day. Pure. */
import { QUEUE_FIELDS, type QueueCondition, type QueuedMessage, type QueueRow } from '../../../api/index.js'
import { addressKey, formatDuration, formatSize, printable } from '../../../text/index.js'

const SECOND = 1000

/** `2026-11-21 15:04:05`, in the zone of this machine. */
export function timeOf(ms: number): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-')
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** Whole seconds, and no more than two units: `3d4h`. */
export function spanOf(ms: number): string {
  const whole = formatDuration(Math.max(0, Math.round(ms / SECOND)) * SECOND)
  return (
    whole
      .match(/\d+[a-z]+/g)
      ?.slice(0, 2)
      .join('') ?? whole
  )
}

export function senderText(message: Pick<QueuedMessage, 'sender'>): string {
  return message.sender === null ? '<>' : printable(addressKey(message.sender))
}

export function messageLine(message: QueuedMessage, now: number): string {
  const size = formatSize(message.bodySize)
  return `${message.id}  ${size}  ${spanOf(now - message.received)} old  from ${senderText(message)}`
}

export function rowLine(row: QueueRow, now: number): string {
  const state = [stateOf(row, now)]
  if (row.tries > 0) state.push(many(row.tries, 'try', 'tries'))
  const said = row.wait ?? row.last
  if (said !== undefined) state.push(printable(`${said.status} ${said.text}`, 300))
  if (said?.class !== undefined) state.push(said.class)
  return `${printable(addressKey(row.to))}  ${printable(`${row.target}/${row.lane}`)}  ${state.join('  ')}`
}

export function stateOf(row: QueueRow, now: number): string {
  if (row.leased) return row.hold === undefined ? 'under way' : `under way, held: ${printable(row.hold)}`
  if (row.verdict !== undefined) return `will be given up: ${printable(row.verdict.text)}`
  if (row.hold !== undefined) return `held: ${printable(row.hold)}`
  return row.due <= now ? 'due now' : `due in ${spanOf(row.due - now)}`
}

export function many(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`
}

/** As it is typed: `age>1h`. */
export function conditionText({ field, is, value }: QueueCondition): string {
  const { kind } = QUEUE_FIELDS[field]
  if (kind === 'flag') return (value === true) === (is === '=') ? field : `!${field}`
  if (kind === 'age') return `${field}${is}${Number(value) < 0 ? '-' : ''}${formatDuration(Math.abs(Number(value)))}`
  if (kind === 'size') return `${field}${is}${formatSize(Number(value))}`
  return `${field}${is}${printable(String(value))}`
}
