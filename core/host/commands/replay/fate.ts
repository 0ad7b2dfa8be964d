/**
 * What is called for, for one recipient: by the hooks now, or by the record of what they did. Pure. Whether somebody has already come again after
 * being greylisted is no matter of the configuration: it counts as greylisted whenever the sum calls for no more than that.
 */
import type { Ruling, TrailDecided } from '../../../api/index.js'
import type { Opinion } from '../../../pipeline/judging.js'

export const FATES = ['none', 'greylist', 'header', 'held', 'junk', 'defer', 'discard', 'reject'] as const
export type Fate = (typeof FATES)[number]

export function fateOf({ wish, rulings }: Opinion): Fate {
  const ruling = lastOf(rulings)
  if (wish === undefined) return mildest(ruling)
  switch (wish.kind) {
    case 'reject':
    case 'discard':
      return wish.kind
    case 'hold':
      return 'held'
    case 'quarantine':
      return 'junk'
    case 'defer':
      if (wish.otherwise === undefined) return 'defer'
      return wish.otherwise === 'keep' ? mildest(ruling) : 'junk'
  }
}

/** As the trail has it. */
export function recordedFate({ kind, rulings = [] }: Pick<TrailDecided, 'kind' | 'rulings'>): Fate {
  const ruling = lastOf(rulings)
  switch (kind) {
    case 'refused':
      return 'reject'
    case 'deferred':
      return ruling === undefined ? 'defer' : ruling.action === 'junk' ? 'junk' : mildest(ruling)
    case 'discarded':
      return 'discard'
    case 'held':
      return 'held'
    case 'quarantined':
      // what was only kept because others wanted it had called for more
      return ruling?.action === 'reject' ? 'reject' : 'junk'
    case 'accepted':
    case 'undeliverable':
      return mildest(ruling)
  }
}

function mildest(ruling: Ruling | undefined): Fate {
  return ruling?.action === 'greylist' || ruling?.action === 'header' ? ruling.action : 'none'
}

function lastOf(rulings: readonly Ruling[]): Ruling | undefined {
  return rulings.findLast(({ observed }) => observed !== true)
}
