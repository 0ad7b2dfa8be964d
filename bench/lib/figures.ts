/**
 * From samples to the figures people read: percentiles, rates, shares per message, ratios. Pure.
 * Percentiles are nearest-rank over every single sample of all rounds, never an average of averages.
 */
import type { Evidence } from './flush.js'
import type { Usage } from './usage.js'

/** What a load client saw in one round. Latencies in milliseconds, one per message (or per command). */
export interface Load {
  /** Messages done. */
  readonly messages: number
  /** Octets of content moved. */
  readonly bytes: number
  /** From the first start to the last end. */
  readonly elapsedMs: number
  readonly latencies: Float64Array
  /** To the name service, where that is what is measured. */
  readonly questions?: number
  /** Octets of memory for each connection, where connections are what is measured. */
  readonly bytesEach?: number
  /** The highest that was seen of the memory that belongs to no file. */
  readonly peakAnonymousBytes?: number
  /** Where the server's processes come and go within the round, so that nobody else can read what they used. */
  readonly usage?: Usage
  /** What went wrong, first ones only; a round with errors counts for nothing. */
  readonly errors: readonly string[]
}

/** One round on one side: what the client saw and what the server's processes used meanwhile. */
export interface Round {
  readonly load: Load
  readonly usage: Usage
}

export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** All rounds of one side of a case. What could not be measured is left out. */
export interface Figures {
  readonly messages: number
  readonly elapsedMs: number
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
  readonly latencyMs?: Latency
  /** So also seconds per 1,000. */
  readonly cpuMsPerMessage?: number
  readonly questionsPerMessage?: number
  /** VmHWM of all processes, and the anonymous part of the resident set at the end (the rest are mapped files). */
  readonly peakBytes?: number
  readonly anonymousBytes?: number
  readonly peakAnonymousBytes?: number
  readonly bytesEach?: number
  /** Octets handed to files; and pages made dirty as /proc counts them, an upper bound. */
  readonly writtenBytesPerMessage?: number
  readonly dirtiedBytesPerMessage?: number
  readonly flushes?: number
  readonly messagesPerFlush?: number
  /** The other way round: how far commits are shared. */
  readonly flushesPerMessage?: number
  readonly flushMs?: number
  readonly errors: readonly string[]
}

/** Ours divided by the reference. */
export interface Ratio {
  readonly rate: number
  /** Least and greatest of the single turns: far apart, the machine was too busy for the ratio to mean much. */
  readonly spread?: readonly [least: number, most: number]
  readonly p50?: number
  readonly p99?: number
  readonly cpu?: number
}

export interface Case {
  readonly scenario: string
  readonly variant: string
  readonly sessions: number
  readonly size: number
}

export interface Row extends Case {
  readonly ours: Figures
  readonly reference?: Figures
  readonly ratio?: Ratio
  readonly durable: Evidence
  readonly remark?: string
}

/** Nearest rank: the smallest sample that at least `share` of all samples do not exceed. `sorted` ascends and is not empty. */
export function percentile(sorted: Float64Array, share: number): number {
  const rank = Math.ceil(share * sorted.length)
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1]!
}

export function latencyOf(samples: Float64Array): Latency | undefined {
  if (samples.length === 0) return undefined
  const sorted = samples.slice().sort()
  return {
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    max: sorted[sorted.length - 1]!,
  }
}

export function figuresOf(rounds: readonly Round[]): Figures {
  const messages = sum(rounds.map(({ load }) => load.messages))
  const elapsedMs = sum(rounds.map(({ load }) => load.elapsedMs))
  const flushes = sumKnown(rounds.map(({ usage }) => usage.flushes))
  const flushMs = sumKnown(rounds.map(({ usage }) => usage.flushMs))
  return defined({
    messages,
    elapsedMs,
    messagesPerSecond: share(messages, elapsedMs / 1000) ?? 0,
    bytesPerSecond: share(sum(rounds.map(({ load }) => load.bytes)), elapsedMs / 1000) ?? 0,
    latencyMs: latencyOf(concat(rounds.map(({ load }) => load.latencies))),
    cpuMsPerMessage: share(sumKnown(rounds.map(({ usage }) => usage.cpuMs)), messages),
    questionsPerMessage: share(sumKnown(rounds.map(({ load }) => load.questions)), messages),
    peakBytes: greatest(rounds.map(({ usage }) => usage.peakBytes)),
    anonymousBytes: greatest(rounds.map(({ usage }) => usage.anonymousBytes)),
    peakAnonymousBytes: greatest(rounds.map(({ load }) => load.peakAnonymousBytes)),
    bytesEach: greatest(rounds.map(({ load }) => load.bytesEach)),
    writtenBytesPerMessage: share(sumKnown(rounds.map(({ usage }) => usage.fileBytes)), messages),
    dirtiedBytesPerMessage: share(sumKnown(rounds.map(({ usage }) => usage.dirtiedBytes)), messages),
    flushes,
    messagesPerFlush: flushes === undefined ? undefined : share(messages, flushes),
    flushesPerMessage: share(flushes, messages),
    flushMs: share(flushMs, flushes ?? 0),
    errors: rounds.flatMap(({ load }) => load.errors).slice(0, 5),
  })
}

/** The rate ratio of each turn of ours with the reference's turn after it. */
export function spreadOf(ours: readonly Round[], theirs: readonly Round[]): readonly [number, number] | undefined {
  const rates = ours.map((one, i) => share(rateOf(one), theirs[i] && rateOf(theirs[i])))
  const known = rates.filter(value => value !== undefined)
  return known.length === 0 ? undefined : [Math.min(...known), Math.max(...known)]
}

function rateOf({ load }: Round): number | undefined {
  return share(load.messages, load.elapsedMs)
}

export function ratioOf(ours: Figures, reference: Figures, spread?: Ratio['spread']): Ratio | undefined {
  const rate = share(ours.messagesPerSecond, reference.messagesPerSecond)
  if (rate === undefined) return undefined
  return defined({
    rate,
    spread,
    p50: share(ours.latencyMs?.p50, reference.latencyMs?.p50),
    p99: share(ours.latencyMs?.p99, reference.latencyMs?.p99),
    cpu: share(ours.cpuMsPerMessage, reference.cpuMsPerMessage),
  })
}

/** A division that has an answer, or none. */
export function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole <= 0 ? undefined : part / whole
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Leaves undefined fields out, so that JSON and tables see only what is known. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function sumKnown(values: readonly (number | undefined)[]): number | undefined {
  return values.some(value => value === undefined) ? undefined : sum(values as readonly number[])
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function concat(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(sum(parts.map(part => part.length)))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Of an even number of them: the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2
}
