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
  'peak MB',
  'KB written/msg',
  'msg/flush',
  'durable',
]
/** Columns of words stand left, figures right. */
const LEFT = new Set([0, 2, 5, 16])

export function tableOf(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  const text = (line: readonly string[]): string =>
    line
      .map((cell, column) => (LEFT.has(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  return `${[text(HEAD), widths.map(width => '─'.repeat(width)).join('  '), ...lines.slice(1).map(text)].join('\n')}\n`
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
