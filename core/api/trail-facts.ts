/**
 * What stands as JSON in the facts of `accepted` and `refused` entries, and how it is read. Records of other versions are read as far as
 * they go: what is not as it should be counts as not there.
 */
import type { Decided } from './learning.js'
import type { Ruling } from './ruling.js'
import type { Finding } from './session.js'
import type { TrailEntry } from './trail.js'

/** What was decided for recipients that were decided alike. */
export interface TrailDecided {
  readonly to: readonly string[]
  /** So many more, not named. */
  readonly more?: number
  readonly kind: Decided['kind']
  readonly rulings?: readonly Ruling[]
}

/** In the order they were found; their points add up to the fact `sum`. */
export function trailFindings({ facts }: Pick<TrailEntry, 'facts'>): readonly Finding[] {
  return listIn(facts.findings).flatMap((one): Finding[] => {
    const { name, points, says } = one as Partial<Finding>
    return typeof name === 'string' && typeof points === 'number' && typeof says === 'string' ? [one as Finding] : []
  })
}

export function trailDecided({ facts }: Pick<TrailEntry, 'facts'>): readonly TrailDecided[] {
  return listIn(facts.decided).flatMap((one): TrailDecided[] => {
    const { to, kind, rulings, more } = one as { readonly [K in keyof TrailDecided]?: unknown }
    if (typeof kind !== 'string') return []
    const names = (Array.isArray(to) ? to : [to]).filter(name => typeof name === 'string')
    return [
      {
        to: names,
        kind: kind as Decided['kind'],
        ...(typeof more === 'number' && { more }),
        ...(Array.isArray(rulings) && { rulings: rulings.filter(isRuling) }),
      },
    ]
  })
}

function isRuling(value: unknown): value is Ruling {
  const { action, thresholds, whose } = (value ?? {}) as { readonly [K in keyof Ruling]?: unknown }
  return typeof action === 'string' && typeof thresholds === 'object' && typeof whose === 'object'
}

function listIn(text: unknown): readonly object[] {
  if (typeof text !== 'string') return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.filter(one => typeof one === 'object' && one !== null) : []
  } catch {
    return []
  }
}
