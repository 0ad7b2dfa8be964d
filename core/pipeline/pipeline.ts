/**
 * Asks the hooks. One instance per worker, made from plugins.yaml; the order of entries is the order of asking.
 * Three rules live here: a deciding hook that fails refuses for now (never accepts, never hangs); deadlines cost nothing until a hook
 * returns a promise; and what comes after the deadline is thrown away.
 */
import {
  type Answered,
  type Asked,
  type Defer,
  type Finding,
  type Hook,
  type Hooks,
  type Label,
  type Metrics,
  MOMENTS,
  type MomentName,
  type NewField,
  type Removal,
  type Ruled,
} from '../api/index.js'
import { answerFault, failedAnswer } from './answers.js'
import { LazyCall } from './call.js'
import { endedWithin } from './deadline.js'
import { soundFinding } from './findings.js'
import type { AskScope } from './intake-types.js'
import { isObjection, signed, tellObjection } from './objection.js'

/** One entry of plugins.yaml, set up. */
export interface PipelineEntry {
  readonly plugin: string
  readonly hooks: Hooks
  /** Skipped when the session has any of these labels. */
  readonly unless: readonly string[]
  /** If not empty: asked only when the session has one of these labels. */
  readonly on: readonly string[]
  readonly timeoutMs: number
  readonly onError: 'defer' | 'ignore'
  /** `observe`: what it would do is logged and not done. Left out: `enforce`. */
  readonly mode?: 'enforce' | 'observe'
}

/** Where an entry in `observe` mode only watches. What it checks or routes stands: there nobody could go on without its answer. */
export const OBSERVABLE: ReadonlySet<MomentName> = new Set([
  'connect',
  'helo',
  'login',
  'mail',
  'rcpt',
  'score',
  'weigh',
  'message',
  'headers',
])

type Asking<Manner> = { [M in MomentName]: (typeof MOMENTS)[M] extends Manner ? M : never }[MomentName]
type FirstName = Asking<'first'>
type GatherName = Asking<'gather'>
/** A label is an answer, but not a final one; nor is a ruling. */
export type Final<M extends FirstName> = Exclude<NonNullable<Answered[M]>, Label | Ruled | void> | Defer
type Item<M extends GatherName> = M extends 'score' | 'weigh'
  ? Finding
  : M extends 'headers'
    ? NewField | Removal
    : NewField
type Awaitable<T> = T | Promise<T>

interface Step<M extends MomentName> {
  readonly entry: PipelineEntry
  readonly hook: Hook<M>
  // What its entry says, read once: entries are of many shapes, steps are of one.
  readonly plugin: string
  readonly observes: boolean
  /** Of some sessions only. */
  readonly chooses: boolean
  /** Hears of the end of what it was asked in. */
  readonly hearsEnd: boolean
}

/** What one hook call came to. */
type Settled<M extends MomentName> =
  | { readonly kind: 'answer'; readonly answer: Exclude<NonNullable<Answered[M]>, void> | undefined }
  | { readonly kind: 'failed'; readonly why: string }

/** What most hooks say of most mail. */
const NOTHING = { kind: 'answer', answer: undefined } as const

export class Pipeline {
  readonly #steps = new Map<MomentName, Step<MomentName>[]>()
  readonly #metrics: Metrics

  constructor(entries: readonly PipelineEntry[], metrics: Metrics) {
    this.#metrics = metrics
    for (const moment of Object.keys(MOMENTS) as MomentName[]) {
      const steps: Step<MomentName>[] = []
      for (const entry of entries) {
        const hook = entry.hooks[moment]
        if (hook !== undefined) steps.push(stepOf(entry, hook as Hook<MomentName>))
      }
      this.#steps.set(moment, steps)
    }
  }

  /** Who is asked at this moment, in order. */
  order(moment: MomentName): readonly PipelineEntry[] {
    return this.#of(moment).map(step => step.entry)
  }

  /** The first final answer; labels are added to `labels` on the way. Answers at once when no hook returns a promise. */
  ask<M extends FirstName>(
    moment: M,
    asked: Asked[M],
    labels: Set<string>,
    scope: AskScope,
  ): Awaitable<Final<M> | undefined> {
    return this.#askFrom(moment, this.#of(moment), 0, asked, labels, scope)
  }

  /** All answers. A hook that fails adds what `onFailure` makes of it. */
  gather<M extends GatherName>(
    moment: M,
    asked: Asked[M],
    labels: ReadonlySet<string>,
    scope: AskScope,
    onFailure: (plugin: string, why: string) => Item<M> | undefined,
  ): Awaitable<Item<M>[]> {
    const steps = this.#of(moment)
    if (steps.length === 0) return []
    const waiting: Awaitable<Settled<M>>[] = []
    const entries: PipelineEntry[] = []
    let asynchronous = false
    for (const step of steps) {
      if (step.chooses && isSkipped(step.entry, labels)) continue
      const settled = this.#call(moment, step, asked, scope)
      if (settled === NOTHING) continue
      if (settled instanceof Promise) asynchronous = true
      waiting.push(settled)
      entries.push(step.entry)
    }
    if (waiting.length === 0) return []
    const join = (all: readonly Settled<M>[]) => {
      for (let i = 0; i < all.length; i++) {
        const settled = all[i]!
        if (settled.kind !== 'answer' || settled.answer === undefined) continue
        scope.log.debug({ plugin: entries[i]!.plugin, hook: moment, answer: settled.answer }, 'hook answered')
      }
      return collect<M>(moment, all, entries, onFailure)
    }
    return asynchronous ? Promise.all(waiting).then(join) : join(waiting as Settled<M>[])
  }

  /**
   * Tells everyone; failures are logged, nobody waits. Of the end of a session hears also who was asked in it and would be skipped now:
   * a label that came later must not keep anybody from giving back what they hold.
   */
  tell<M extends Asking<'tell'>>(moment: M, asked: Asked[M], labels: ReadonlySet<string>, scope: AskScope): void {
    for (const step of this.#of(moment)) {
      const owed = moment === 'disconnect' && scope.concerned?.has(step.entry) === true
      if (owed || !step.chooses || !isSkipped(step.entry, labels)) void this.#call(moment, step, asked, scope)
    }
  }

  #of<M extends MomentName>(moment: M): readonly Step<M>[] {
    return (this.#steps.get(moment) ?? []) as unknown as Step<M>[]
  }

  #askFrom<M extends FirstName>(
    moment: M,
    steps: readonly Step<M>[],
    from: number,
    asked: Asked[M],
    labels: Set<string>,
    scope: AskScope,
  ): Awaitable<Final<M> | undefined> {
    for (let i = from; i < steps.length; i++) {
      const step = steps[i]!
      if (step.chooses && isSkipped(step.entry, labels)) continue
      const settled = this.#call(moment, step, asked, scope)
      if (settled === NOTHING) continue
      if (settled instanceof Promise) {
        return settled.then(late => {
          const final = this.#judge(moment, step.entry, late, asked, labels, scope)
          return final === undefined ? this.#askFrom(moment, steps, i + 1, asked, labels, scope) : final
        })
      }
      const final = this.#judge(moment, step.entry, settled, asked, labels, scope)
      if (final !== undefined) return final
    }
    return undefined
  }

  /** Turns one result into a final answer, a label, or "go on". */
  #judge<M extends FirstName>(
    moment: M,
    entry: PipelineEntry,
    settled: Settled<M>,
    asked: Asked[M],
    labels: Set<string>,
    scope: AskScope,
  ): Final<M> | undefined {
    const observed = entry.mode === 'observe' && OBSERVABLE.has(moment)
    const forgiving = entry.onError === 'ignore' || observed
    if (settled.kind === 'failed') return forgiving ? undefined : (failedAnswer(moment) as Final<M>)
    const { answer } = settled
    if (answer === undefined) return undefined
    const fault = answerFault(moment, answer)
    if (fault !== undefined) {
      scope.log.error({ plugin: entry.plugin, hook: moment, fault }, 'hook gave an answer that is not possible')
      this.#metrics.count(`hooks.${entry.plugin}.${moment}.failed`)
      return forgiving ? undefined : (failedAnswer(moment) as Final<M>)
    }
    scope.log.debug({ plugin: entry.plugin, hook: moment, answer }, 'hook answered')
    if ((answer as { kind?: string }).kind === 'label') {
      for (const name of (answer as Label).names) labels.add(name)
      return undefined
    }
    tellRuling(answer, entry.plugin, observed, scope)
    if ((answer as { kind?: string }).kind === 'ruled') return undefined
    if (!isObjection(answer)) return answer as Final<M>
    tellObjection(scope.log, { plugin: entry.plugin, hook: moment, observed }, asked, answer)
    this.#metrics.count(`hooks.${entry.plugin}.${moment}.${observed ? 'observed' : answer.kind}`)
    if (observed) return undefined
    return signed(moment, asked, answer, entry.plugin) as Final<M>
  }

  /** Calls one hook; never throws. The deadline is armed only when the hook returned a promise. */
  #call<M extends MomentName>(
    moment: M,
    { entry, hook, plugin, observes, hearsEnd }: Step<M>,
    asked: Asked[M],
    scope: AskScope,
  ): Awaitable<Settled<M>> {
    const call = new LazyCall(scope, plugin, observes)
    if (hearsEnd) scope.concerned?.add(entry)
    try {
      const result = hook(asked, call)
      if (result === undefined || result === null) return NOTHING
      if (!isThenable(result)) return { kind: 'answer', answer: result as never }
      return this.#within(moment, entry, result as PromiseLike<Answered[M]>, call, scope)
    } catch (error) {
      return this.#failed(moment, entry, scope, 'threw', error)
    }
  }

  #within<M extends MomentName>(
    moment: M,
    entry: PipelineEntry,
    result: PromiseLike<Answered[M]>,
    call: LazyCall,
    scope: AskScope,
  ): Promise<Settled<M>> {
    return endedWithin<Answered[M], Settled<M>>(result, entry.timeoutMs, {
      done: answer => (answer == null ? NOTHING : { kind: 'answer', answer: answer as never }),
      failed: error => this.#failed(moment, entry, scope, 'rejected', error),
      late: () => {
        call.end(new Error('deadline'))
        return this.#failed(moment, entry, scope, `gave no answer within ${entry.timeoutMs} ms`)
      },
    })
  }

  #failed(moment: MomentName, entry: PipelineEntry, scope: AskScope, why: string, error?: unknown) {
    scope.log.error({ plugin: entry.plugin, hook: moment, why, err: error }, 'hook failed')
    this.#metrics.count(`hooks.${entry.plugin}.${moment}.failed`)
    return { kind: 'failed', why } as const
  }
}

function stepOf(entry: PipelineEntry, hook: Hook<MomentName>): Step<MomentName> {
  return {
    entry,
    hook,
    plugin: entry.plugin,
    observes: entry.mode === 'observe',
    chooses: entry.unless.length > 0 || entry.on.length > 0,
    hearsEnd: entry.hooks.disconnect !== undefined,
  }
}

function isSkipped(entry: PipelineEntry, labels: ReadonlySet<string>): boolean {
  for (const name of entry.unless) if (labels.has(name)) return true
  if (entry.on.length === 0) return false
  for (const name of entry.on) if (labels.has(name)) return false
  return true
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function tellRuling(answer: unknown, plugin: string, observed: boolean, scope: AskScope): void {
  const { ruling } = answer as Partial<Ruled>
  if (ruling !== undefined) scope.ruled?.({ ...ruling, plugin, ...(observed && { observed }) })
}

function collect<M extends GatherName>(
  moment: M,
  all: readonly Settled<M>[],
  entries: readonly PipelineEntry[],
  onFailure: (plugin: string, why: string) => Item<M> | undefined,
): Item<M>[] {
  const items: Item<M>[] = []
  for (let i = 0; i < all.length; i++) {
    const settled = all[i]!
    const { plugin, mode } = entries[i]!
    if (settled.kind === 'failed') {
      const item = onFailure(plugin, settled.why)
      if (item !== undefined) items.push(item)
    } else if (settled.answer !== undefined) {
      const answer = settled.answer as unknown as Item<M> | readonly Item<M>[]
      const given = Array.isArray(answer) ? (answer as readonly Item<M>[]) : [answer as Item<M>]
      items.push(...(isEvidence(moment) ? findingsAmong(given, entries[i]!, moment) : mode === 'observe' ? [] : given))
    }
  }
  return items
}

function isEvidence(moment: MomentName): boolean {
  return moment === 'score' || moment === 'weigh'
}

/** Of an entry that only watches they count for nothing. */
function findingsAmong<I>(given: readonly I[], { plugin, mode }: PipelineEntry, moment: MomentName): readonly I[] {
  const how = { observed: mode === 'observe', weighed: moment === 'weigh' }
  const findings: Finding[] = []
  for (const one of given) {
    const finding = soundFinding(one, plugin, how)
    if (finding !== undefined) findings.push(finding)
  }
  return findings as unknown as readonly I[]
}
