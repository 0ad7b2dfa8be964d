/**
 * The file that `--json` writes, and how others read it: figures of ours in each case, of the reference beside it, and of other servers where they took part.
 * Figures without a rate (a queue of a million) are `measures`. Reading is strict about what is compared, and ignores what it does not know.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Case, Figures, Row } from './figures.js'
import { type Machine, machineText } from './machine.js'
import { sizeName } from './table.js'

export const FORMAT = 1

/** One case of one server. Left out: ours. */
export interface ServerRow extends Row {
  readonly server?: string
}

/** A figure that stands for itself. */
export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

export interface Results {
  readonly format: typeof FORMAT
  readonly at: string
  readonly machine: Machine
  /** What was asked for on the command line. */
  readonly settings: object
  /** How each server was set up, in sentences. */
  readonly about?: readonly string[]
  readonly rows: readonly ServerRow[]
  readonly measures?: readonly Measure[]
}

export const OURS = 'Posthouse'
export const REFERENCE = 'reference'

/** One server in one case. */
export interface Point {
  readonly case: string
  readonly scenario: string
  readonly server: string
  readonly figures: Figures
  /** CPU per message by that of the reference of the same run. */
  readonly cpuByReference?: number
}

export class UnreadableResults extends Error {}

export function writeResults(path: string, results: Omit<Results, 'format'>): void {
  writeFileSync(resolve(path), `${JSON.stringify({ format: FORMAT, ...results }, null, 2)}\n`)
}

export function readResults(path: string): Results {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(resolve(path), 'utf8'))
  } catch (error) {
    throw new UnreadableResults(`${path}: ${(error as Error).message}`)
  }
  return checked(value, path)
}

/** Pure. */
export function checked(value: unknown, path: string): Results {
  const { format, rows, machine } = (value ?? {}) as Partial<Results>
  if (format !== FORMAT || !Array.isArray(rows) || typeof machine !== 'object') {
    throw new UnreadableResults(`${path}: not written by \`npm run bench -- … --json FILE\` of this version`)
  }
  return value as Results
}

export function pointsOf({ rows }: Results): readonly Point[] {
  return rows.flatMap(row => {
    const common = { case: caseName(row), scenario: row.scenario }
    const ours: Point = {
      ...common,
      server: row.server ?? OURS,
      figures: row.ours,
      ...(row.ratio?.cpu !== undefined && { cpuByReference: row.ratio.cpu }),
    }
    return row.reference === undefined ? [ours] : [ours, { ...common, server: REFERENCE, figures: row.reference }]
  })
}

export function caseName({ scenario, variant, sessions, size }: Case): string {
  const what = size === 0 ? '' : `, ${sizeName(size)}`
  return `${scenario} ${variant}, ${sessions} session${sessions === 1 ? '' : 's'}${what}`
}

export function titleOf({ at, machine }: Results): string {
  return `${at.slice(0, 16).replace('T', ' ')}: ${machineText(machine)}`
}
