/** A rule in words, as `posthouse address` and `posthouse filing` print it. Pure. */
import { type FilingAction, unreachable } from 'posthouse/api'
import { formatAddress, printable } from 'posthouse/text'
import type { Given, Rule } from './rule.js'

const MOST = 300

/** `"lists": if list *.example.org: into Lists/dev with \Seen; rules below are not asked` */
export function ruleInWords({ name, actions, stop, given }: Rule): string {
  const { file, flag, forward, keep, discard, answer } = actions
  const done = [
    ...(file.length === 0 ? [] : [`into ${file.join(', ')}`]),
    ...(flag.length === 0 ? [] : [`flagged ${flag.join(', ')}`]),
    ...(forward.length === 0 ? [] : [`sent on to ${forward.map(to => formatAddress(to)).join(', ')}`]),
    ...(keep ? ['kept'] : []),
    ...(discard ? ['discarded'] : []),
    ...(answer ? [] : ['not answered']),
    ...(stop ? ['rules below are not asked'] : []),
  ].join('; ')
  const when = given.if === undefined || given.if === null ? 'all mail' : `if ${conditionInWords(given.if)}`
  return printable(`rule "${name}": ${when}: ${done}`, MOST)
}

function conditionInWords(given: unknown): string {
  return Object.entries(given as Given)
    .map(([key, value]) => {
      if (key === 'any') return `(${(value as unknown[]).map(conditionInWords).join(' or ')})`
      if (key === 'all') return `(${(value as unknown[]).map(conditionInWords).join(' and ')})`
      if (key === 'not') return `not (${conditionInWords(value)})`
      return `${key} ${valueInWords(value)}`
    })
    .join(' and ')
}

function valueInWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueInWords).join(' or ')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key} ${valueInWords(inner)}`)
    .join(' and ')
}

export function actionInWords(action: FilingAction): string {
  switch (action.kind) {
    case 'keep':
      return `kept${withFlags(action.flags)} (${action.because})`
    case 'file':
      return `filed into ${action.mailbox}${withFlags(action.flags)} (${action.because})`
    case 'forward':
      return `sent on to ${formatAddress(action.to)} (${action.because})`
    case 'discard':
      return `discarded (${action.because})`
    case 'answer':
    case 'quiet':
      return `not answered (${action.because})`
    default:
      return unreachable(action)
  }
}

function withFlags(flags: readonly string[]): string {
  return flags.length === 0 ? '' : ` with ${flags.join(', ')}`
}
