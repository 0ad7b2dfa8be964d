/**
 * Outcomes as targets gave them, made sound. Targets may be plain JavaScript: what is no outcome counts as missing, which is a deferral.
 * Otherwise a row could never be settled, and would come back and be delivered for ever.
 */
import { type Claim, type Outcome, unreachable } from '../api/index.js'
import { claimFault, isAddress } from './answers.js'

const NO_REASON = 'the target gave no reason'

export function soundOutcomes(answer: unknown): readonly Outcome[] {
  return Array.isArray(answer) ? answer.filter(isOutcome).map(completed) : []
}

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null) return false
  const { kind, filings, forwards, answers } = value as Readonly<Record<string, unknown>>
  if (kind === 'filed') return Array.isArray(filings) && isList(forwards, isForward) && isList(answers, isAnswer)
  return kind === 'delivered' || kind === 'deferred' || kind === 'failed'
}

function isList(value: unknown, fits: (one: Readonly<Record<string, unknown>>) => boolean): boolean {
  if (value === undefined) return true
  return Array.isArray(value) && value.every(one => typeof one === 'object' && one !== null && fits(one))
}

/** What it says becomes rows of the queue, as claims of hooks do. */
function isForward({ to, claims }: Readonly<Record<string, unknown>>): boolean {
  const isClaim = (one: unknown) => typeof one === 'object' && one !== null && claimFault(one as Claim) === undefined
  return isAddress(to) && Array.isArray(claims) && claims.length > 0 && claims.every(isClaim)
}

function isAnswer({ id, sender, to, bytes }: Readonly<Record<string, unknown>>): boolean {
  return typeof id === 'string' && (sender === null || isAddress(sender)) && isAddress(to) && Buffer.isBuffer(bytes)
}

function completed(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case 'filed':
      return outcome
    case 'delivered':
      // Copied only where there is something to mend.
      return typeof outcome.remote === 'string' && typeof outcome.reply === 'string'
        ? outcome
        : { ...outcome, remote: String(outcome.remote ?? 'unnamed'), reply: String(outcome.reply ?? '') }
    case 'deferred': {
      const { hold, ...plain } = outcome
      const held = typeof hold === 'string' && hold !== '' ? { hold } : {}
      return { ...plain, ...held, status: String(outcome.status), text: String(outcome.text ?? NO_REASON) }
    }
    case 'failed':
      return { ...outcome, status: String(outcome.status), text: String(outcome.text ?? NO_REASON) }
    default:
      return unreachable(outcome)
  }
}
