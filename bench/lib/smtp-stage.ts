/** What the scenarios that send mail share: the source, the reference, and the probe for durability. */
import { join } from 'node:path'
import type { Load } from './figures.js'
import { type Evidence, FlushCounter, fileSystemOf, judge, PROBE_DELAY_MS } from './flush.js'
import { Part } from './part.js'
import type { ReferenceOrder, ReferenceQuestions } from './reference.js'
import type { Setting } from './scenario.js'
import type { SinkOrder, SinkQuestions } from './sink.js'
import type { SourceOrder, SourceQuestions } from './source.js'

export type Source = Part<SourceQuestions>

export function startSource(setting: Setting): Source {
  return setting.keep(new Part<SourceQuestions>('source'), part => part.end())
}

export async function startSink(setting: Setting, order: Omit<SinkOrder, 'kind'>): Promise<SinkQuestions['answer']> {
  const part = setting.keep(new Part<SinkQuestions>('sink'), one => one.end())
  return part.ask({ kind: 'open', ...order })
}

export interface Reference {
  readonly group: number
  readonly ports: readonly number[]
  readonly flushes: FlushCounter | undefined
}

export async function startReference(setting: Setting, order: ReferenceOrder): Promise<Reference> {
  const library = setting.flushLibrary
  const flushes =
    library === undefined ? undefined : new FlushCounter(library, join(setting.folder, 'flushes-of-reference'))
  const part = setting.keep(new Part<ReferenceQuestions>('reference', flushes?.env), one => one.end())
  const { ports } = await part.ask(order)
  return { group: part.group, ports, flushes }
}

/** Single messages, first as usual, then while every flush is held back. */
export async function probeDurability(
  setting: Setting,
  source: Source,
  flushes: FlushCounter | undefined,
  order: Pick<SourceOrder, 'port' | 'recipients'>,
): Promise<Evidence> {
  const place = fileSystemOf(setting.folder)
  if (place.inMemory) return { kind: 'not durable', why: `data on ${place.name}` }
  if (flushes === undefined) {
    return { kind: 'not checked', why: 'why' in setting.flushCounter ? setting.flushCounter.why : 'no flush counter' }
  }
  const some = (maxMessages: number): Promise<Load> =>
    source.ask({ ...order, sessions: 1, size: 4096, seconds: 20, maxMessages })
  const usual = await some(5)
  const before = flushes.read()
  flushes.delay(PROBE_DELAY_MS)
  try {
    const held = await some(3)
    if (held.errors.length > 0) return { kind: 'not checked', why: held.errors[0]! }
    const calls = flushes.read().calls - before.calls
    return judge([...held.latencies], Math.min(...usual.latencies), PROBE_DELAY_MS, calls)
  } finally {
    flushes.delay(0)
  }
}
