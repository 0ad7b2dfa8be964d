/** From the part `queue` of server.yaml as it is written to what is meant, and what a schema cannot say of it. */
import type { Fault, Infer, YamlPath } from '../api/index.js'
import { domainKey } from '../text/domain.js'
import { readRate } from '../text/rate.js'
import { ReadError } from '../text/reader.js'
import { parseDuration } from '../text/units.js'
import type { QUEUE } from './queue-schema.js'
import type { LaneConfig, PatienceConfig, QueueConfig, RatesConfig } from './types.js'
import type { YamlSource } from './yaml.js'

type Raw = Infer<typeof QUEUE>
type RawLane = Raw['lanes'][number]
type RawRates = RawLane['rates']
type RawPatience = Pick<RawLane, 'expire' | 'expire_for' | 'warn_after' | 'warn_after_for'>

const LEAST_LEASE_MS = 10_000
const LEAST_WAIT_MS = 1000

export function toQueue(raw: Raw, timerMs: (duration: string) => number): QueueConfig {
  return {
    ...toPatience(raw),
    retryMs: raw.retry.map(ms),
    expireMs: ms(raw.expire),
    warnAfterMs: raw.warn_after.map(ms),
    jitter: raw.jitter / 100,
    ...(raw.held_expire === undefined ? {} : { heldExpireMs: ms(raw.held_expire) }),
    greylisted: {
      retryMs: raw.greylisted.retry.map(ms),
      longestMs: ms(raw.greylisted.longest),
      words: raw.greylisted.words.map(word => word.toLowerCase()),
    },
    lanes: raw.lanes.map(toLane),
    sources: raw.sources.map(({ match, rates }) => ({ match: match.map(lower), rates: toRates(rates) ?? {} })),
    longestPauseMs: ms(raw.longest_pause),
    concurrency: raw.concurrency,
    perLane: raw.per_lane,
    leaseMs: timerMs(raw.lease),
  }
}

function toLane(raw: RawLane): LaneConfig {
  const rates = toRates(raw.rates)
  return {
    ...toPatience(raw),
    match: raw.match.map(lanePattern),
    ...(raw.target === undefined ? {} : { target: raw.target }),
    ...(raw.retry === undefined ? {} : { retryMs: raw.retry.map(ms) }),
    ...(raw.concurrency === undefined ? {} : { perLane: raw.concurrency }),
    ...(raw.least === undefined ? {} : { leastPerLane: raw.least }),
    ...(rates === undefined ? {} : { rates }),
  }
}

/** Lanes of domains are named by A-labels. */
function lanePattern(text: string): string {
  return text.startsWith('*.') ? `*.${domainKey(text.slice(2))}` : domainKey(text)
}

function lower(text: string): string {
  return text.toLowerCase()
}

/** What is unlimited is left out, and so is all of it when nothing is limited. */
function toRates(raw: RawRates): RatesConfig | undefined {
  const found = Object.entries(raw).flatMap(([kind, text]) => {
    const of = kind === 'bytes' ? 'size' : 'count'
    if (rateFault(text, of) !== undefined) return []
    const rate = readRate(text, of)
    return rate === 'unlimited' ? [] : [[kind, rate] as const]
  })
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

function toPatience(raw: RawPatience): PatienceConfig {
  const { expire, warn_after: warnAfter } = raw
  return {
    ...(expire === undefined ? {} : { expireMs: ms(expire) }),
    ...(warnAfter === undefined ? {} : { warnAfterMs: warnAfter.map(ms) }),
    expireForMs: mapped(raw.expire_for, ms),
    warnAfterForMs: mapped(raw.warn_after_for, ages => ages.map(ms)),
  }
}

function mapped<K extends string, V, W>(by: { readonly [key in K]?: V }, of: (value: V) => W): { [key in K]?: W } {
  const entries = Object.entries(by).map(([name, value]) => [name, of(value as V)])
  return Object.fromEntries(entries) as { [key in K]?: W }
}

/** All that contradicts itself. */
export function queueFaults(source: YamlSource, raw: Raw): readonly Fault[] {
  const faults = [
    ...lateWarnings(source, raw),
    ...shortWaits(source, raw),
    ...neverReached(source, raw),
    ...wrongRates(source, raw),
  ]
  if (ms(raw.lease) < LEAST_LEASE_MS) faults.push(source.fault(['queue', 'lease'], 'expected at least 10s'))
  return faults
}

/** A warning must come before the end. What only inherits a shorter life just goes without it. */
function lateWarnings(source: YamlSource, raw: Raw): readonly Fault[] {
  const rules: readonly (readonly [YamlPath, RawPatience])[] = [
    [['queue'], raw],
    ...raw.lanes.map((lane, i) => [['queue', 'lanes', i], lane] as const),
  ]
  return rules.flatMap(([at, own]) => [
    ...tooLate(source, [...at, 'warn_after'], own.warn_after, own.expire ?? raw.expire),
    ...Object.entries(own.warn_after_for).flatMap(([name, ages]) => {
      const from = name as keyof typeof own.expire_for
      const life = own.expire_for[from] ?? own.expire ?? raw.expire_for[from] ?? raw.expire
      return tooLate(source, [...at, 'warn_after_for', name], ages, life)
    }),
  ])
}

function tooLate(
  source: YamlSource,
  path: YamlPath,
  ages: readonly string[] | undefined,
  life: string,
): readonly Fault[] {
  return (ages ?? []).flatMap((age, i) =>
    ms(age) < ms(life) ? [] : [source.fault([...path, i], `a warning after ${age} comes too late: expire is ${life}`)],
  )
}

/** A wait of nothing would try for ever without a pause. */
function shortWaits(source: YamlSource, raw: Raw): readonly Fault[] {
  const ladders: readonly (readonly [YamlPath, readonly string[]])[] = [
    [['queue', 'retry'], raw.retry],
    [['queue', 'greylisted', 'retry'], raw.greylisted.retry],
    ...raw.lanes.map((lane, i) => [['queue', 'lanes', i, 'retry'], lane.retry ?? []] as const),
  ]
  return ladders.flatMap(([path, waits]) =>
    waits.flatMap((wait, i) =>
      ms(wait) < LEAST_WAIT_MS ? [source.fault([...path, i], `a wait of ${wait} is too short: at least 1s`)] : [],
    ),
  )
}

function wrongRates(source: YamlSource, raw: Raw): readonly Fault[] {
  const places: readonly (readonly [YamlPath, RawRates])[] = [
    ...raw.lanes.map((lane, i) => [['queue', 'lanes', i, 'rates'], lane.rates] as const),
    ...raw.sources.map((one, i) => [['queue', 'sources', i, 'rates'], one.rates] as const),
  ]
  return places.flatMap(([path, rates]) =>
    Object.entries(rates).flatMap(([kind, text]) => {
      const wrong = rateFault(text, kind === 'bytes' ? 'size' : 'count')
      return wrong === undefined ? [] : [source.fault([...path, kind], wrong)]
    }),
  )
}

function rateFault(text: string, of: 'size' | 'count'): string | undefined {
  try {
    const rate = readRate(text, of)
    return rate !== 'unlimited' && rate.limit < 1
      ? 'expected at least 1; to stop a destination: posthouse delivery suspend'
      : undefined
  } catch (error) {
    if (error instanceof ReadError) return error.message
    throw error
  }
}

/** A pattern that a rule above has taken already. */
function neverReached(source: YamlSource, { lanes }: Raw): readonly Fault[] {
  return lanes.flatMap((lane, i) =>
    lane.match.flatMap((pattern, j) => {
      const above = lanes.findIndex(
        (other, k) =>
          k < i && (other.target ?? lane.target) === lane.target && other.match.some(o => covers(o, pattern)),
      )
      if (above < 0) return []
      const { line } = source.at(['queue', 'lanes', above, 'match'])
      const message = `"${pattern}" never comes to this rule: the one in line ${line} takes it; put what is special above`
      return [source.fault(['queue', 'lanes', i, 'match', j], message)]
    }),
  )
}

function covers(one: string, other: string): boolean {
  const [wide, narrow] = [lanePattern(one), lanePattern(other)]
  return wide === '*' || wide === narrow || (wide.startsWith('*.') && narrow.endsWith(wide.slice(1)))
}

/** The schema's format has let it pass. */
function ms(duration: string): number {
  return parseDuration(duration) ?? 0
}
