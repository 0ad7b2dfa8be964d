/** `posthouse queue ls`: what waits in the queue, and why. */
import {
  CommandError,
  fieldIs,
  type QueuedMessage,
  type QueueField,
  type QueueFilter,
  type QueueRow,
} from '../../api/index.js'
import { addressKey, formatDuration, formatSize, printable } from '../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { withPlugins } from '../open.js'

const DEFAULT_LIMIT = 1000

export function queueLsCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue ls',
    summary: 'list what waits in the queue, with the last answer of each recipient',
    arity: [0, 0],
    options: {
      id: { type: 'string', value: 'ID', description: 'this message' },
      sender: { type: 'string', value: 'ADDRESS', description: 'from this sender' },
      recipient: { type: 'string', value: 'ADDRESS', description: 'to this recipient' },
      target: { type: 'string', value: 'NAME', description: 'for this target, as mx' },
      lane: { type: 'string', value: 'LANE', description: 'for this destination' },
      held: { type: 'boolean', description: 'only what is held' },
      limit: { type: 'string', value: 'N', description: `at most so many messages; default ${DEFAULT_LIMIT}` },
    },
    run: run =>
      withPlugins(run.configDir, parts, 'command', async ({ services }) => {
        const queue = services.find('store')?.queue
        if (queue === undefined) throw new CommandError('no store is configured')
        const messages: QueuedMessage[] = []
        for await (const message of queue.list(filterOf(run))) messages.push(message)
        if (run.json) run.print(JSON.stringify(messages, null, 2))
        else show(run, messages, Date.now())
        return 0
      }),
  }
}

function filterOf({ options }: OwnRun): QueueFilter {
  const text = (name: QueueField) => {
    const value = options[name]
    return typeof value === 'string' ? [fieldIs(name, value)] : []
  }
  const limit = Number(options.limit ?? DEFAULT_LIMIT)
  if (!Number.isInteger(limit) || limit < 1)
    throw new CommandError(`expected a number for --limit, got ${options.limit}`, 2)
  const fields = ['id', 'sender', 'recipient', 'target', 'lane'] as const
  return { where: [...fields.flatMap(text), ...(options.held === true ? [fieldIs('held', true)] : [])], limit }
}

function show(run: OwnRun, messages: readonly QueuedMessage[], now: number): void {
  for (const message of messages) {
    const sender = message.sender === null ? '<>' : addressKey(message.sender)
    const age = formatDuration(Math.max(0, Math.round((now - message.received) / 1000) * 1000))
    run.print(`${message.id}  ${formatSize(message.bodySize)}  ${age} old  from ${printable(sender)}`)
    for (const row of message.rows)
      run.print(`  ${printable(addressKey(row.to))}  ${row.target}/${row.lane}  ${stateOf(row, now)}`)
  }
  const rows = messages.reduce((sum, message) => sum + message.rows.length, 0)
  run.print(
    messages.length === 0 ? 'the queue is empty' : `${many(messages.length, 'message')}, ${many(rows, 'recipient')}`,
  )
}

function stateOf(row: QueueRow, now: number): string {
  const parts = [whenOf(row, now)]
  if (row.tries > 0) parts.push(`${row.tries} ${row.tries === 1 ? 'try' : 'tries'}`)
  if (row.last !== undefined) parts.push(printable(`${row.last.status} ${row.last.text}`))
  return parts.join('  ')
}

function whenOf(row: QueueRow, now: number): string {
  if (row.hold !== undefined) return `held: ${printable(row.hold)}`
  if (row.leased) return 'under way'
  return row.due <= now ? 'due now' : `due in ${formatDuration(Math.ceil((row.due - now) / 1000) * 1000)}`
}

function many(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}
