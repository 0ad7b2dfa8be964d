/** What became of a held figure: the least of the turns, and whether it is within its limit. Pure. */

import { aligned } from '../lib/comparison.js'
import { type Round, share } from '../lib/figures.js'
import { caseName } from '../lib/results.js'
import { figure } from '../lib/table.js'
import type { Held } from './set.js'

export interface Outcome {
  readonly held: Held
  /** Left out: it could not be measured here. */
  readonly value?: number
  readonly errors: readonly string[]
}

/** The least of a side's turns is what it costs; the rest is what others on the machine did to it. */
export function outcomeOf(held: Held, ours: readonly Round[], reference: readonly Round[]): Outcome {
  const errors = [...ours, ...reference].flatMap(({ load }) => load.errors)
  const own = least(ours.map(round => figureOf(held.what, round)))
  const value = held.what === 'cpu' ? share(own, least(reference.map(round => figureOf('cpu', round)))) : own
  return value === undefined ? { held, errors } : { held, value, errors }
}

export function isWithin({ held, value, errors }: Outcome): boolean {
  return errors.length === 0 && (value === undefined || value <= held.limit)
}

function figureOf(what: Held['what'], { load, usage }: Round): number | undefined {
  switch (what) {
    case 'cpu':
      return share(usage.cpuMs, load.messages)
    case 'flushes':
      return share(usage.flushes, load.messages)
    case 'writtenKb':
      return share(usage.fileBytes === undefined ? undefined : usage.fileBytes / 1024, load.messages)
    case 'eachKb':
      return load.bytesEach === undefined ? undefined : load.bytesEach / 1024
  }
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

const WORDS: Readonly<Record<Held['what'], string>> = {
  cpu: 'CPU of a message by the reference’s',
  flushes: 'flushes of a message',
  writtenKb: 'KB written for a message',
  eachKb: 'KB of memory for a connection',
}

export function tableOfOutcomes(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(one => [
    caseName(one.held.case),
    WORDS[one.held.what],
    figure(one.value),
    figure(one.held.limit),
    one.errors.length > 0
      ? `FAILED: ${one.errors[0]}`
      : one.value === undefined
        ? 'not measured'
        : isWithin(one)
          ? 'yes'
          : 'NO',
  ])
  return aligned([['case', 'what', 'is', 'at most', 'within'], ...lines])
}
