/** The table of IMAP beside Dovecot: a line for each server in each case, medians of the turns, and what ours is of the other's. Pure. */
import { type Latency, median } from '../../lib/figures.js'
import { OURS, type ServerRow } from '../../lib/results.js'
import { figure, rate } from '../../lib/table.js'

/** One turn of one server. */
export interface Turn {
  readonly perSecond: number
  readonly count: number
  /** Milliseconds for each, so seconds for 1,000: of the server's processes. */
  readonly cpu?: number
  readonly latency?: Latency
  /** Anonymous memory of the server's processes at the end. */
  readonly bytes?: number
  /** For each connection. */
  readonly bytesEach?: number
  readonly flushes?: number
  readonly commands?: Readonly<Record<string, number>>
  readonly errors: readonly string[]
}

export interface CaseResult {
  readonly scenario: string
  readonly case: string
  readonly unit: string
  /** By server, ours first. */
  readonly turns: ReadonlyMap<string, readonly Turn[]>
}

const COLUMNS: readonly (readonly [head: string, width: number])[] = [
  ['scenario', 14],
  ['case', 22],
  ['server', 15],
  ['per second', 19],
  ['(turns)', 15],
  ['p50 ms', 7],
  ['p95', 7],
  ['p99', 7],
  ['CPU s/1,000', 11],
  ['memory', 13],
  ['flushes each', 12],
  ['ours × rate', 11],
  ['× CPU', 6],
]

export const HEAD = `${lineOf(COLUMNS.map(([head]) => head))}${lineOf(COLUMNS.map(([, width]) => '-'.repeat(width)))}`

function lineOf(cells: readonly string[]): string {
  return `| ${cells.map((cell, at) => cell.padEnd(COLUMNS[at]![1])).join(' | ')} |\n`
}

export function linesOf(result: CaseResult): string {
  const [ours, ...others] = [...result.turns].map(([name, turns]) => ({ name, turns, ...medianOf(turns) }))
  if (ours === undefined) return ''
  return [ours, ...others]
    .map(one => {
      const rates = one.turns.map(turn => turn.perSecond)
      const ratio = (of: 'perSecond' | 'cpu') => (one === ours ? '' : figure(ours[of] / one[of]))
      const memory = one.bytesEach > 0 ? `${figure(one.bytesEach / 1024)} KB each` : `${figure(one.bytes / 2 ** 20)} MB`
      return lineOf([
        result.scenario,
        result.case,
        one.name,
        `${rate(one.perSecond)} ${result.unit}`,
        rates.length === 1 ? '' : `(${rate(Math.min(...rates))}–${rate(Math.max(...rates))})`,
        figure(one.p50),
        figure(one.p95),
        figure(one.p99),
        figure(one.cpu),
        memory,
        figure(one.flushes),
        ratio('perSecond'),
        ratio('cpu'),
      ])
    })
    .join('')
}

function medianOf(turns: readonly Turn[]) {
  const of = (pick: (turn: Turn) => number | undefined) => median(turns.map(turn => pick(turn) ?? Number.NaN))
  return {
    perSecond: of(one => one.perSecond),
    p50: of(one => one.latency?.p50),
    p95: of(one => one.latency?.p95),
    p99: of(one => one.latency?.p99),
    cpu: of(one => one.cpu),
    bytes: of(one => one.bytes),
    bytesEach: of(one => one.bytesEach),
    flushes: of(one => one.flushes),
  }
}

/** For `--json`: a row for each server. */
export function rowsOf({ scenario, case: variant, turns }: CaseResult): readonly ServerRow[] {
  return [...turns].map(([name, list]) => {
    const { perSecond, cpu, p50, p95, p99, bytes, bytesEach, flushes } = medianOf(list)
    const latencyMs = { p50, p95, p99, max: Math.max(...list.map(one => one.latency?.max ?? Number.NaN)) }
    const messages = list.reduce((sum, one) => sum + one.count, 0)
    return {
      scenario: scenario.startsWith('imap-') ? scenario : `imap-${scenario}`,
      variant,
      sessions: 1,
      size: 0,
      ...(name !== OURS && { server: name }),
      ours: {
        messages,
        elapsedMs: (messages * 1000) / perSecond,
        messagesPerSecond: perSecond,
        bytesPerSecond: 0,
        ...(Number.isFinite(p50) && { latencyMs }),
        ...(Number.isFinite(cpu) && { cpuMsPerMessage: cpu }),
        ...(Number.isFinite(bytes) && { anonymousBytes: bytes }),
        ...(Number.isFinite(bytesEach) && { bytesEach }),
        ...(Number.isFinite(flushes) && { flushesPerMessage: flushes }),
        errors: list.flatMap(one => one.errors).slice(0, 5),
      },
      durable: { kind: 'not checked', why: 'how each was set up stands in about' },
    }
  })
}
