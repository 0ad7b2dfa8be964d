/** `posthouse queue ls`: what waits in the queue, and why. */
import {
  CommandError,
  QUEUE_FIELDS,
  type QueuedMessage,
  type QueueField,
  type QueueFilter,
} from '../../../api/index.js'
import { closest, formatSize } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { meant, withQueue } from './common.js'
import { fieldLines, readFilter } from './filter.js'
import { many, messageLine, rowLine } from './words.js'

const DEFAULT_LIMIT = 1000

export function queueLsCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue ls',
    summary: 'list what waits in the queue, with the last answer of each recipient',
    usage: '[FILTER…]',
    arity: [0, 100],
    options: {
      sort: {
        type: 'string',
        value: 'FIELD',
        description: 'by this field, -FIELD for the other way round; default: by age',
      },
      limit: { type: 'string', value: 'N', description: `at most so many messages; default ${DEFAULT_LIMIT}` },
      totals: { type: 'boolean', description: 'only how many there are' },
    },
    more: ['A filter is words that must all fit, as: sender=@spam.example age>1h held tries>=3', '', ...fieldLines()],
    run: run => {
      const words = readFilter(run.args)
      const options = { ...sortOf(run), limit: run.options.totals === true ? Number.POSITIVE_INFINITY : limitOf(run) }
      return withQueue(run, parts, async ({ queue }) => {
        const now = Date.now()
        if (run.options.totals === true && run.args.length === 0) return quickTotals(run, await queue.totals())
        const tally = { messages: 0, recipients: 0, held: 0, underWay: 0, bytes: 0 }
        const shown: QueuedMessage[] = []
        for await (const message of meant(queue, words, options)) {
          count(tally, message)
          if (run.options.totals === true) continue
          if (run.json) shown.push(message)
          else show(run, message, now)
        }
        if (run.json) run.print(JSON.stringify(run.options.totals === true ? tally : shown, null, 2))
        else run.print(summary(tally, run.args.length > 0))
        return 0
      })
    },
  }
}

type Tally = Record<'messages' | 'recipients' | 'held' | 'underWay' | 'bytes', number>

function quickTotals(run: OwnRun, totals: { messages: number; rows: number; held: number; nextDue?: number }): number {
  const { messages, rows: recipients, held, nextDue } = totals
  if (run.json) run.print(JSON.stringify({ messages, recipients, held, nextDue }, null, 2))
  else run.print(`${many(messages, 'message')}, ${many(recipients, 'recipient')}, ${held} held`)
  return 0
}

function count(tally: Tally, { rows, bodySize }: QueuedMessage): void {
  tally.messages += 1
  tally.recipients += rows.length
  tally.held += rows.filter(({ hold }) => hold !== undefined).length
  tally.underWay += rows.filter(({ leased }) => leased).length
  tally.bytes += bodySize
}

function summary({ messages, recipients, held, underWay, bytes }: Tally, filtered: boolean): string {
  if (messages === 0) return filtered ? 'nothing in the queue fits' : 'the queue is empty'
  const parts = [many(messages, 'message'), many(recipients, 'recipient'), formatSize(bytes)]
  if (held > 0) parts.push(`${held} held`)
  if (underWay > 0) parts.push(`${underWay} under way`)
  return parts.join(', ')
}

function show(run: OwnRun, message: QueuedMessage, now: number): void {
  run.print(messageLine(message, now))
  for (const row of message.rows) run.print(`  ${rowLine(row, now)}`)
}

function limitOf({ options }: OwnRun): number {
  const limit = Number(options.limit ?? DEFAULT_LIMIT)
  if (!Number.isInteger(limit) || limit < 1)
    throw new CommandError(`expected a number for --limit, got ${String(options.limit)}`, 2)
  return limit
}

function sortOf({ options }: OwnRun): Pick<QueueFilter, 'sort'> {
  if (typeof options.sort !== 'string') return {}
  const descending = options.sort.startsWith('-')
  const name = descending ? options.sort.slice(1) : options.sort
  if (!Object.hasOwn(QUEUE_FIELDS, name)) {
    const near = closest(name, Object.keys(QUEUE_FIELDS))
    throw new CommandError(
      `--sort: there is no field "${name}"${near === undefined ? '' : `, did you mean ${near}?`}`,
      2,
    )
  }
  return { sort: { by: name as QueueField, descending } }
}
