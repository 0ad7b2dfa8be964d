/**
 * Which thresholds a sum is held against, and whose they are: the user's go before those of the recipient domain, these before those of the
 * listener, these before the general ones, each threshold for itself. Pure.
 */
import { ACTIONS, type Action, type Ruling, type Thresholds } from 'posthouse/api'

export type Line = Exclude<Action, 'none'>
export const LINES = ACTIONS.filter(action => action !== 'none')

/** As somebody has set them. */
export type Own = { readonly [L in Line]?: number | 'off' }

export interface Source {
  /** `general`, `domain example.org` */
  readonly name: string
  readonly own: Own
}

export type Measure = Pick<Ruling, 'thresholds' | 'whose'>

/** The first that has something to say of a threshold counts. */
export function measureOf(sources: readonly Source[]): Measure {
  const thresholds: { [L in Line]?: number } = {}
  const whose: { [L in Line]?: string } = {}
  for (const line of LINES) {
    const found = sources.find(({ own }) => own[line] !== undefined)
    const at = found?.own[line]
    if (at === undefined || at === 'off') continue
    thresholds[line] = at
    whose[line] = found!.name
  }
  // Where nobody has said when to mark a message, it is marked from Junk on.
  if (thresholds.junk !== undefined && sources.every(({ own }) => own.header === undefined)) {
    thresholds.header = thresholds.junk
    whose.header = whose.junk!
  }
  return { thresholds, whose }
}

/** The strongest whose threshold is reached. */
export function actionFor(sum: number, thresholds: Thresholds): Action {
  return LINES.findLast(line => reaches(sum, thresholds[line])) ?? 'none'
}

export function reaches(sum: number, threshold: number | undefined): boolean {
  return threshold !== undefined && sum >= threshold
}
