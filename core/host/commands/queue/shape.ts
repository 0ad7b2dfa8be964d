/** `posthouse queue shape`, `queue top`: where the queue stands still, and who fills it. */
import { CommandError, QUEUE_FIELDS, type QueueField, type QueueShape } from '../../../api/index.js'
import { closest, formatDuration, printable } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { meant, withQueue } from './common.js'
import { readFilter } from './filter.js'
import { many } from './words.js'

const MINUTE = 60_000
const EDGES = [5, 10, 20, 40, 80, 160, 320, 640, 1280].map(minutes => minutes * MINUTE)
const DEFAULT_TOP = 20
/** Different values counted at most: beyond, a message says so. */
const MOST_VALUES = 200_000

export function queueShapeCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue shape',
    summary: 'how many recipients wait for which destination, by age',
    arity: [0, 0],
    options: { top: { type: 'string', value: 'N', description: `the N fullest destinations; default ${DEFAULT_TOP}` } },
    run: run => {
      const most = topOf(run)
      return withQueue(run, parts, async ({ queue }) => {
        const shape = await queue.shape({ now: Date.now(), edges: EDGES, most })
        if (run.json) run.print(JSON.stringify({ edgesMs: EDGES, ...shape }, null, 2))
        else for (const line of table(shape, (await queue.totals()).held)) run.print(line)
        if (!run.json && shape.count > shape.lanes.length)
          run.print(`and ${many(shape.count - shape.lanes.length, 'destination')} more; --top N shows them`)
        return 0
      })
    },
  }
}

function table({ lanes, ages }: QueueShape, held: number): readonly string[] {
  const heads = ['rows', 'held', ...EDGES.map(edge => `<${formatDuration(edge)}`), 'older']
  const all = ages.reduce((sum, rows) => sum + rows, 0)
  const rows = [
    ['', ...heads],
    ['all', String(all), String(held), ...ages.map(String)],
    ...lanes.map(lane => [
      printable(`${lane.target}/${lane.lane}`, 60),
      ...[lane.rows, lane.held, ...lane.ages].map(String),
    ]),
  ]
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map(row => row[at]!.length)))
  return rows.map(row =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ')
      .trimEnd(),
  )
}

export function queueTopCommand(parts: CliParts): OwnCommand {
  return {
    name: 'queue top',
    summary: 'who or what most of the queue belongs to',
    usage: '[FILTER…]',
    arity: [0, 100],
    options: {
      by: { type: 'string', value: 'FIELD', description: 'sender, login, remote, domain, status …; default sender' },
      top: { type: 'string', value: 'N', description: `the first N; default ${DEFAULT_TOP}` },
    },
    run: run => {
      const words = readFilter(run.args)
      const [by, most] = [fieldOf(run), topOf(run)]
      return withQueue(run, parts, async ({ queue }) => {
        const now = Date.now()
        const counts = new Map<string, number>()
        let total = 0
        for await (const message of meant(queue, words))
          for (const row of message.rows) {
            const value = String(QUEUE_FIELDS[by].of(message, row, now) ?? '-')
            if (counts.size < MOST_VALUES || counts.has(value)) counts.set(value, (counts.get(value) ?? 0) + 1)
            total += 1
          }
        const top = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most)
        if (run.json)
          run.print(
            JSON.stringify(
              top.map(([value, recipients]) => ({ [by]: value, recipients })),
              null,
              2,
            ),
          )
        else showTop(run, by, top, total, counts.size)
        return 0
      })
    },
  }
}

function showTop(
  run: OwnRun,
  by: string,
  top: readonly (readonly [string, number])[],
  total: number,
  values: number,
): void {
  const width = Math.max(0, ...top.map(([, count]) => String(count).length))
  for (const [value, count] of top) {
    const share = `${Math.round((100 * count) / total)}%`
    run.print(`${String(count).padStart(width)}  ${share.padStart(4)}  ${printable(value, 200)}`)
  }
  const more = values >= MOST_VALUES ? ` (only the first ${MOST_VALUES} were counted)` : ''
  run.print(`${many(total, 'recipient')}, ${values} different by ${by}${more}`)
}

function fieldOf({ options }: OwnRun): QueueField {
  const name = String(options.by ?? 'sender')
  if (Object.hasOwn(QUEUE_FIELDS, name)) return name as QueueField
  const near = closest(name, Object.keys(QUEUE_FIELDS))
  throw new CommandError(`--by: there is no field "${name}"${near === undefined ? '' : `, did you mean ${near}?`}`, 2)
}

function topOf({ options }: OwnRun): number {
  const top = Number(options.top ?? DEFAULT_TOP)
  if (Number.isInteger(top) && top > 0 && top <= 100_000) return top
  throw new CommandError(`expected a number for --top, got ${String(options.top)}`, 2)
}
