/** The table of mail into mailboxes: a line for each server in each case, medians of the turns, and what ours is of the others'. Pure. */
import { type Figures, median, share } from '../../lib/figures.js'
import { OURS, type ServerRow } from '../../lib/results.js'
import { figure, rate, sizeName } from '../../lib/table.js'
import type { MailTurn } from './turn.js'

export interface CaseTurns {
  readonly filter: boolean
  readonly boxes: number
  readonly sessions: number
  readonly size: number
  /** By server, ours first. */
  readonly turns: ReadonlyMap<string, readonly MailTurn[]>
}

const COLUMNS: readonly (readonly [head: string, width: number])[] = [
  ['mailboxes', 9],
  ['sessions', 8],
  ['size', 6],
  ['server', 26],
  ['accepted/s', 10],
  ['(turns)', 13],
  ['readable/s', 10],
  ['(turns)', 13],
  ['CPU s/1,000', 11],
  ['with load', 9],
  ['flushes/msg', 11],
  ['ours × accepted', 15],
  ['× readable', 10],
  ['× CPU', 6],
]

export const HEAD = `${lineOf(COLUMNS.map(([head]) => head))}${lineOf(COLUMNS.map(([, width]) => '-'.repeat(width)))}`

function lineOf(cells: readonly string[]): string {
  return `| ${cells.map((cell, at) => cell.padEnd(COLUMNS[at]![1])).join(' | ')} |\n`
}

interface Medians {
  readonly accepted: number
  /** Left out: it has no mailboxes. */
  readonly readable?: number
  readonly cpu: number
  readonly others: number
  readonly flushes: number
}

export function linesOf({ boxes, sessions, size, turns }: CaseTurns): string {
  const all = [...turns].map(([name, list]) => ({ name, list, ...mediansOf(list) }))
  const ours = all[0]
  if (ours === undefined) return ''
  return all
    .map(one => {
      const by = (mine: number | undefined, theirs: number | undefined): string =>
        one === ours ? '' : figure(share(mine, theirs))
      return lineOf([
        String(boxes),
        String(sessions),
        sizeName(size),
        one.name,
        rate(one.accepted),
        range(one.list.map(acceptedOf)),
        one.readable === undefined ? '-' : rate(one.readable),
        one.readable === undefined ? '' : range(one.list.map(turn => readableOf(turn) ?? Number.NaN)),
        figure(one.cpu),
        figure(one.cpu + one.others),
        figure(one.flushes),
        by(ours.accepted, one.accepted),
        by(ours.readable, one.readable),
        by(ours.cpu, one.cpu),
      ])
    })
    .join('')
}

function range(rates: readonly number[]): string {
  return `(${rate(Math.min(...rates))}–${rate(Math.max(...rates))})`
}

function acceptedOf({ messages, acceptedMs }: MailTurn): number {
  return (messages * 1000) / acceptedMs
}

function readableOf({ messages, readableMs }: MailTurn): number | undefined {
  return readableMs === undefined ? undefined : (messages * 1000) / readableMs
}

function mediansOf(turns: readonly MailTurn[]): Medians {
  const readable = turns.map(readableOf).filter(one => one !== undefined)
  return {
    accepted: median(turns.map(acceptedOf)),
    ...(readable.length > 0 && { readable: median(readable) }),
    cpu: median(turns.map(one => one.cpu)),
    others: median(turns.map(one => one.others)),
    flushes: median(turns.map(one => one.flushes ?? Number.NaN)),
  }
}

/** For `--json`: until the last 250, and until the last message was readable. */
export function rowsOf({ filter, boxes, sessions, size, turns }: CaseTurns): readonly ServerRow[] {
  const variant = `${filter ? 'filtered, ' : ''}${boxes} mailbox${boxes === 1 ? '' : 'es'}`
  return [...turns].flatMap(([name, list]) => {
    const { accepted, readable, cpu, flushes } = mediansOf(list)
    const row = (scenario: string, perSecond: number): ServerRow => ({
      scenario,
      variant,
      sessions,
      size,
      ...(name !== OURS && { server: name }),
      ours: figuresOf(list, perSecond, { cpu, flushes }, size),
      durable: { kind: 'not checked', why: 'how each was set up stands in about; ours is probed by smtp-in' },
    })
    return [row('accepted', accepted), ...(readable === undefined ? [] : [row('readable', readable)])]
  })
}

function figuresOf(
  turns: readonly MailTurn[],
  perSecond: number,
  { cpu, flushes }: Pick<Medians, 'cpu' | 'flushes'>,
  size: number,
): Figures {
  const messages = turns.reduce((sum, one) => sum + one.messages, 0)
  return {
    messages,
    elapsedMs: turns.reduce((sum, one) => sum + (one.readableMs ?? one.acceptedMs), 0),
    messagesPerSecond: perSecond,
    bytesPerSecond: perSecond * size,
    cpuMsPerMessage: cpu,
    ...(Number.isFinite(flushes) && { flushesPerMessage: flushes }),
    errors: [],
  }
}
