/** Two runs side by side: each figure of the second divided by that of the first. Pure. */
import { share } from './figures.js'
import { type Measure, type Point, pointsOf, REFERENCE, type Results } from './results.js'
import { figure } from './table.js'

export interface Change {
  readonly case: string
  readonly server: string
  readonly rate?: number | undefined
  readonly cpu?: number | undefined
  /** CPU by that of the reference of its own run: what a busier machine does to both is not in it. */
  readonly cpuByReference?: number | undefined
  readonly p50?: number | undefined
  readonly p99?: number | undefined
  readonly flushes?: number | undefined
  readonly written?: number | undefined
  readonly peak?: number | undefined
}

export interface Comparison {
  readonly changes: readonly Change[]
  readonly measures: readonly (Measure & { readonly before: number; readonly by: number | undefined })[]
  readonly onlyBefore: readonly string[]
  readonly onlyAfter: readonly string[]
}

export function compared(before: Results, after: Results): Comparison {
  const [first, second] = [byName(before), byName(after)]
  const changes = [...second].flatMap(([name, point]) => {
    const old = first.get(name)
    return old === undefined ? [] : [changeOf(old, point)]
  })
  const old = new Map((before.measures ?? []).map(one => [one.name, one.value]))
  return {
    changes,
    measures: (after.measures ?? []).flatMap(one => {
      const was = old.get(one.name)
      return was === undefined ? [] : [{ ...one, before: was, by: share(one.value, was) }]
    }),
    onlyBefore: [...first.keys()].filter(name => !second.has(name)),
    onlyAfter: [...second.keys()].filter(name => !first.has(name)),
  }
}

function byName(results: Results): ReadonlyMap<string, Point> {
  const points = pointsOf(results).filter(({ server }) => server !== REFERENCE)
  return new Map(points.map(point => [`${point.server}, ${point.case}`, point]))
}

function changeOf(before: Point, after: Point): Change {
  const [a, b] = [before.figures, after.figures]
  return {
    case: after.case,
    server: after.server,
    rate: share(b.messagesPerSecond, a.messagesPerSecond),
    cpu: share(b.cpuMsPerMessage, a.cpuMsPerMessage),
    cpuByReference: share(after.cpuByReference, before.cpuByReference),
    p50: share(b.latencyMs?.p50, a.latencyMs?.p50),
    p99: share(b.latencyMs?.p99, a.latencyMs?.p99),
    flushes: share(b.flushesPerMessage, a.flushesPerMessage),
    written: share(b.writtenBytesPerMessage, a.writtenBytesPerMessage),
    peak: share(b.peakBytes, a.peakBytes),
  }
}

export interface Beyond {
  readonly case: string
  readonly server: string
  readonly by: number
}

/** Where a message costs more than so much of what it cost. */
export function worst({ changes }: Comparison, limit: number): readonly Beyond[] {
  return changes
    .map(one => ({ case: one.case, server: one.server, by: one.cpuByReference ?? one.cpu ?? 1 }))
    .filter(({ by }) => by > limit)
}

const HEAD = ['case', 'server', 'msg/s', 'CPU/msg', 'CPU × ref', 'p50', 'p99', 'flushes/msg', 'written/msg', 'peak']

export function tableOfComparison({ changes, measures, onlyBefore, onlyAfter }: Comparison): string {
  const lines = changes.map(one => [
    one.case,
    one.server,
    ...[one.rate, one.cpu, one.cpuByReference, one.p50, one.p99, one.flushes, one.written, one.peak].map(figure),
  ])
  const own = measures.map(({ name, value, unit, before, by }) => [
    name,
    `${figure(before)} → ${figure(value)} ${unit}`,
    figure(by),
  ])
  return [
    changes.length === 0 ? 'No case is in both.\n' : `B divided by A\n\n${aligned([HEAD, ...lines])}`,
    own.length === 0 ? '' : `\n${aligned([['figure', 'A → B', 'B / A'], ...own])}`,
    ...onlyBefore.map(name => `only in A: ${name}\n`),
    ...onlyAfter.map(name => `only in B: ${name}\n`),
  ].join('')
}

/** The first two columns hold words. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0)))
  return lines
    .map(
      line =>
        `${line.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join('  ')}\n`,
    )
    .join('')
}
