/**
 * What the hooks make of a message: evidence first (`score`, then `weigh`, which sees all of that), then what is to be done for each recipient
 * (`message`). Nothing is done here, so a message can be judged again, with other rules, long after it came.
 */
import {
  type Asked,
  type Decided,
  type Finding,
  type Log,
  MailError,
  type Recipient,
  type Ruling,
  type Verdict,
} from '../api/index.js'
import type { Wish } from './decision.js'
import { MAX_FINDINGS, verdictOf } from './findings.js'
import type { AskScope, Received } from './intake-types.js'
import type { IntakeParts } from './parts.js'
import type { Pipeline } from './pipeline.js'

/** RFC 5321 §4.5.3.2.6: clients wait ten minutes for the answer; one who has gone away would send it all again. */
const JUDGE_MS = 300_000

/** A message with what was heard before it. */
export type Heard = Pick<Received, 'session' | 'envelope' | 'message'>

/** What the hooks wish for one recipient, and how those who measured the sum did so. */
export interface Opinion {
  readonly wish: Wish
  readonly rulings: readonly Ruling[]
}

/** A message with all that was decided of it, for the trail and for those who are told. */
export interface Judged {
  readonly received: Received
  readonly verdict: Verdict
  /** In the order of the envelope. */
  readonly results: readonly Decided[]
}

export async function findVerdict(pipeline: Pipeline, heard: Heard, scope: AskScope): Promise<Verdict> {
  const { session, envelope, message } = heard
  const asked = { session, envelope, message }
  const verdict = verdictOf(await askForEvidence(pipeline, 'score', asked, scope))
  // Most configurations have nobody who weighs: they pay for no turn of the loop.
  if (pipeline.order('weigh').length === 0) return verdict
  const more = await askForEvidence(pipeline, 'weigh', { ...asked, verdict }, scope)
  return more.length === 0 ? verdict : verdictOf([...verdict.findings, ...more])
}

export async function askForEvidence<M extends 'score' | 'weigh'>(
  pipeline: Pipeline,
  moment: M,
  asked: Asked[M],
  scope: AskScope,
): Promise<readonly Finding[]> {
  const answers = pipeline.gather<'score' | 'weigh'>(moment, asked, asked.session.labels, scope, (plugin, why) => ({
    name: `${plugin}-failed`,
    points: 0,
    says: `The ${plugin} plugin ${why}; its part of the judgement is missing.`,
    plugin,
  }))
  const gathered = answers instanceof Promise ? await answers : answers
  return gathered.length > MAX_FINDINGS ? gathered.slice(0, MAX_FINDINGS) : gathered
}

/** In the order of the envelope. */
export async function askOpinions(
  { pipeline, clock }: Pick<IntakeParts, 'pipeline' | 'clock'>,
  { session, envelope, message, routed }: Heard & { readonly routed: readonly { readonly recipient: Recipient }[] },
  verdict: Verdict,
  scope: AskScope,
): Promise<readonly Opinion[]> {
  const opinions: Opinion[] = []
  const labels = new Set(session.labels)
  const until = clock.now() + JUDGE_MS
  for (const { recipient } of routed) {
    const own = new RulingScope(scope)
    const answer = pipeline.ask('message', { session, envelope, message, verdict, recipient }, labels, own)
    opinions.push({ wish: answer instanceof Promise ? await answer : answer, rulings: own.rulings })
    if (clock.now() > until) throw new MailError('internal', `judging took over ${JUDGE_MS} ms`)
  }
  return opinions
}

/** The same scope, whose signal stays lazy, with a place for rulings. */
class RulingScope implements AskScope {
  readonly rulings: Ruling[] = []
  readonly log: Log
  readonly #scope: AskScope

  constructor(scope: AskScope) {
    this.#scope = scope
    this.log = scope.log
  }

  get signal(): AbortSignal {
    return this.#scope.signal
  }

  get concerned(): Set<object> | undefined {
    return this.#scope.concerned
  }

  ruled(ruling: Ruling): void {
    this.rulings.push(ruling)
  }
}
