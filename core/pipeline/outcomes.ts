/**
 * Outcomes as targets gave them, made sound. Targets may be plain JavaScript: what is no outcome counts as missing, which is a deferral.
 * Otherwise a row could never be settled, and would come back and be delivered for ever.
 */
import { type Outcome, unreachable } from '../api/index.js'

const NO_REASON = 'the target gave no reason'

export function soundOutcomes(answer: unknown): readonly Outcome[] {
  return Array.isArray(answer) ? answer.filter(isOutcome).map(completed) : []
}

function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== 'object' || value === null) return false
  const { kind, filings } = value as { readonly kind?: unknown; readonly filings?: unknown }
  return kind === 'filed' ? Array.isArray(filings) : kind === 'delivered' || kind === 'deferred' || kind === 'failed'
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
