/** The table for people: one line per case, figures rounded to what they are worth, ratios to the reference beside them. Pure. */
import type { Figures, Row } from './figures.js'

const HEAD = [
  'scenario',
  'sessions',
  'size',
  'msg/s',
  '× ref',
  '(turns)',
  'p50 ms',
  'p95',
  'p99',
  'max',
  'CPU ms/msg',
  '× ref',
  'look-ups/msg',
  'KB each',
  'peak MB',
  'KB written/msg',
  'msg/flush',
  'durable',
]
/** Columns of words stand left, figures right. */
const LEFT = new Set(['scenario', 'size', '(turns)', 'durable'])
/** Left out where no line has them. */
const OPTIONAL = new Set(['look-ups/msg', 'KB each'])

export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(cellsOf)
  const shown = HEAD.map((name, at) => (OPTIONAL.has(name) && cells.every(line => line[at] === '-') ? -1 : at)).filter(
    at => at >= 0,
  )
  const lines = [HEAD, ...cells].map(line => shown.map(at => line[at]!))
  const [head = []] = lines
  const widths = head.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  const text = (line: readonly string[]): string =>
    line
      .map((cell, column) => (LEFT.has(head[column]!) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  const remarks = rows.flatMap(({ scenario, variant, sessions, remark }) =>
    remark === undefined ? [] : [`${scenario} ${variant}, ${sessions} sessions: ${remark}`],
  )
  const rule = widths.map(width => '─'.repeat(width)).join('  ')
  return `${[text(head), rule, ...lines.slice(1).map(text), ...(remarks.length > 0 ? ['', ...remarks] : [])].join('\n')}\n`
}

export function cellsOf(row: Row): string[] {
  const { ours, ratio } = row
  const latency = ours.latencyMs
  const writes = row.durable.kind !== 'no writes'
  return [
    `${row.scenario} ${row.variant}`,
    String(row.sessions),
    sizeName(row.size),
    ours.errors.length === 0 ? rate(ours.messagesPerSecond) : 'failed',
    figure(ratio?.rate),
    ratio?.spread === undefined ? '' : `(${ratio.spread.map(figure).join('–')})`,
    figure(latency?.p50),
    figure(latency?.p95),
    figure(latency?.p99),
    figure(latency?.max),
    figure(ours.cpuMsPerMessage),
    figure(ratio?.cpu),
    figure(ours.questionsPerMessage),
    figure(ours.bytesEach === undefined ? undefined : ours.bytesEach / 1024),
    ours.peakBytes === undefined ? '-' : (ours.peakBytes / 1048576).toFixed(0),
    writes ? written(ours) : '-',
    writes ? figure(ours.messagesPerFlush) : '-',
    { durable: 'yes', 'not durable': 'NO', 'not checked': '?', 'no writes': '-' }[row.durable.kind],
  ]
}

/** Known exactly with the flush counter, else only as an upper bound. */
function written({ writtenBytesPerMessage: exact, dirtiedBytesPerMessage: most }: Figures): string {
  if (exact !== undefined) return figure(exact / 1024)
  return most === undefined ? '-' : `≤${figure(most / 1024)}`
}

/** Two to three figures that count. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-'
  if (value === 0) return '0'
  if (value >= 100) return value.toFixed(0)
  if (value >= 10) return value.toFixed(1)
  return value >= 0.1 ? value.toFixed(2) : value.toPrecision(2)
}

/** Thousands with a thin mark: `12'345`. */
export function rate(perSecond: number): string {
  const whole = perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1)
  return whole.replace(/\B(?=(\d{3})+$)/g, "'")
}

export function sizeName(bytes: number): string {
  if (bytes >= 1048576) return `${figure(bytes / 1048576)} MB`.replace('.00', '')
  return bytes >= 1024 ? `${figure(bytes / 1024)} KB`.replace(/\.0+ /, ' ') : `${bytes} B`
}
