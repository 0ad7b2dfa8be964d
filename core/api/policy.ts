/**
 * What policies of the door have in common: what follows from a rule that is broken, and from what cannot be known now. A policy finds
 * out first (a `Judgement`, which is data) and answers later, at the moment its admin chose; so people who log in afterwards, and mail
 * for postmaster, are not stopped by what was seen of a connection. A policy that cannot know does not punish, unless it is told to.
 */
import { parseDuration } from '../text/units.js'
import type { Address } from './address.js'
import { type Because, type Defer, defer, type Reject, reject } from './answers.js'
import { MailError } from './errors.js'
import type { Log } from './plugin.js'
import type { Infer } from './schema.js'
import type { Finding } from './session.js'

/** What an admin wants to follow when a rule is broken. */
export const CONSEQUENCES = ['off', 'score', 'defer', 'reject'] as const
export type Consequence = (typeof CONSEQUENCES)[number]

/** Of a rule that scores, in `with:`. */
export function pointsOf<N extends number>(normal: N) {
  return { type: 'number', default: normal } as const
}

/** Keys of `with:` that all policies have which ask the name service. */
export const POLICY_KEYS = {
  when_unknown: {
    enum: ['pass', 'defer'],
    default: 'pass',
    description: 'what follows when the name service has trouble',
  },
  within: { type: 'string', format: 'duration', default: '5s', description: 'longest wait for the name service' },
  spare: {
    type: 'array',
    items: { type: 'string', minLength: 1, maxLength: 64 },
    maxItems: 100,
    default: ['postmaster', 'abuse'],
    description: 'local parts that can always be written to, where the answer is given at rcpt',
  },
} as const

/** `POLICY_KEYS` made ready for use. */
export interface PolicyTerms {
  readonly whenUnknown: WhenUnknown['answer']
  readonly withinMs: number
  readonly spares: ReturnType<typeof sparing>
}

type PolicyConfig = Infer<{
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: typeof POLICY_KEYS
}>

export function policyTerms({ when_unknown, within, spare }: PolicyConfig): PolicyTerms {
  return { whenUnknown: when_unknown, withinMs: parseDuration(within)!, spares: sparing(spare) }
}

/** A rule that is broken, with all that may be said of it. */
export interface Breach {
  readonly kind: 'breach'
  readonly answer: Exclude<Consequence, 'off'>
  /** For `score`. */
  readonly points: number
  /** What the peer hears. */
  readonly text: string
  /** Subject and detail of the enhanced status (RFC 3463): `7.25`. */
  readonly detail: string
  readonly because: Because
}

/** What could not be found out, and why. */
export interface NotKnown {
  readonly kind: 'unknown'
  readonly rule: string
  readonly why: string
}

export type Judgement = readonly (Breach | NotKnown)[]

/** What follows when something could not be found out. */
export interface WhenUnknown {
  readonly answer: 'pass' | 'defer'
  readonly text: string
  readonly detail: string
}

/** The gravest objection: what is broken for good, then what may mend, then what is not known. */
export function objectionTo(judgement: Judgement, whenUnknown: WhenUnknown): Reject | Defer | undefined {
  const breaches = judgement.filter(one => one.kind === 'breach')
  const fatal = breaches.find(({ answer }) => answer === 'reject')
  if (fatal !== undefined) return reject(fatal.text, { code: 550, status: `5.${fatal.detail}`, because: fatal.because })
  const passing = breaches.find(({ answer }) => answer === 'defer')
  if (passing !== undefined)
    return defer(passing.text, { code: 450, status: `4.${passing.detail}`, because: passing.because })
  const unknown = judgement.find(one => one.kind === 'unknown')
  if (unknown === undefined || whenUnknown.answer === 'pass') return undefined
  return defer(whenUnknown.text, {
    code: 450,
    status: `4.${whenUnknown.detail}`,
    because: { rule: unknown.rule, evidence: `not known: ${unknown.why}`, exception: 'set when_unknown: pass' },
  })
}

/** Evidence for `score`: of the rules whose breach counts as points and nothing else. */
export function findingsOf(judgement: Judgement): readonly Finding[] {
  return judgement.flatMap(one =>
    one.kind === 'breach' && one.answer === 'score'
      ? [{ name: one.because.rule, points: one.points, says: one.because.evidence }]
      : [],
  )
}

/** One line per thing not known, so that an admin sees why nothing was done. */
export function tellUnknown(log: Log, judgement: Judgement): void {
  for (const one of judgement) {
    if (one.kind === 'unknown') log.info({ rule: one.rule, why: one.why }, 'policy could not know')
  }
}

/** What a policy finds out, or nothing when that has trouble (a full state, a name service): said in the log, and nobody is held up. */
export async function asFarAsKnown<T>(log: Log, rule: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    tellUnknown(log, [{ kind: 'unknown', rule, why: troubleOf(error) }])
    return undefined
  }
}

/**
 * The work, or `dns-unavailable` when it takes longer than `ms` or `outer` fires, whatever the work makes of the signal it is given.
 * The timer ends with the work.
 */
export async function within<T>(ms: number, outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const { signal } = controller
  const leave = () => controller.abort(new MailError('dns-unavailable', 'the session ended'))
  const timer = setTimeout(() => controller.abort(new MailError('dns-unavailable', `no answer within ${ms} ms`)), ms)
  outer.addEventListener('abort', leave, { once: true })
  if (outer.aborted) leave()
  try {
    return await Promise.race([aborted(signal), work(signal)])
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', leave)
  }
}

/** Of work begun early: whoever awaits it hears of its failure, and until then, or if the session ends before, it is not unhandled. */
export function awaitedLater<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined)
  return work
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Whether mail for these local parts gets through whatever is thought of its sender (RFC 5321 §4.5.1: postmaster). */
export function sparing(localParts: readonly string[]): (recipient: Address) => boolean {
  const spared = new Set(localParts.map(local => local.toLowerCase()))
  return ({ local }) => spared.has(local.toLowerCase())
}

/** Trouble in a few words, for `NotKnown.why`. Anything but a `MailError` is a bug and thrown on. */
export function troubleOf(error: unknown): string {
  if (error instanceof MailError) return error.message
  throw error
}
