/**
 * Turns sums of points into actions: reject, Junk, or nothing; and writes what was found into the header. The only place where
 * evidence becomes a decision. Thresholds may differ by recipient domain, so one message can be refused for one and filed for another.
 */
import {
  type Answered,
  definePlugin,
  type Finding,
  type NewField,
  quarantine,
  reject,
  type Verdict,
} from 'posthouse/api'
import { printable } from 'posthouse/text'

const THRESHOLDS = {
  junk: { type: 'number', minimum: 0, description: 'from this sum on: quarantine (Junk for local mail)' },
  reject: { type: 'number', minimum: 0, description: 'from this sum on: refuse with 550' },
} as const

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    junk: { ...THRESHOLDS.junk, default: 5 },
    reject: { ...THRESHOLDS.reject, default: 15 },
    domains: {
      type: 'object',
      description: 'other thresholds for recipients of a domain',
      default: {},
      additionalProperties: { type: 'object', additionalProperties: false, properties: THRESHOLDS },
    },
    text: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      default: 'Message refused as spam',
      description: 'what a refused sender is told',
    },
    headers: { type: 'boolean', default: true, description: 'write X-Spam-Score, X-Spam-Status and X-Spam-Report' },
  },
} as const

export interface Thresholds {
  readonly junk: number
  readonly reject: number
}

const REPORTED = 15

export default definePlugin({
  name: 'spam-action',
  summary: 'refuses or files as Junk what has too many points, and writes the findings into the header',
  config: CONFIG,
  setup({ config }) {
    const domains = new Map(Object.entries(config.domains).map(([domain, own]) => [domain.toLowerCase(), own]))
    const general: Thresholds = { junk: config.junk, reject: config.reject }
    return {
      hooks: {
        message: ({ verdict, recipient }) =>
          decide(verdict.sum, { ...general, ...domains.get(recipient.address.domain.toLowerCase()) }, config.text),
        ...(config.headers && { headers: ({ verdict }: { verdict: Verdict }) => fieldsFor(verdict, general.junk) }),
      },
    }
  },
})

export function decide(sum: number, { junk, reject: refuse }: Thresholds, text: string): Answered['message'] {
  if (sum >= refuse) return reject(text, { code: 550, status: '5.7.1' })
  return sum >= junk ? quarantine(`spam score ${shown(sum)}, threshold ${shown(junk)}`) : undefined
}

/** The shape other filters have made usual, so that people's own rules and mail programs understand it. */
export function fieldsFor({ sum, findings }: Verdict, threshold: number): readonly NewField[] {
  const spam = sum >= threshold
  const fields: NewField[] = [
    { name: 'X-Spam-Score', value: shown(sum) },
    { name: 'X-Spam-Status', value: `${spam ? 'Yes' : 'No'}, score=${shown(sum)} threshold=${shown(threshold)}` },
  ]
  if (spam) fields.unshift({ name: 'X-Spam-Flag', value: 'YES' })
  if (findings.length > 0) fields.push({ name: 'X-Spam-Report', value: report(findings) })
  return fields
}

function report(findings: readonly Finding[]): string {
  const told = [...findings].sort((a, b) => b.points - a.points).slice(0, REPORTED)
  const rest = findings.length - told.length
  // What a rule found was written by the sender: nothing but plain text may reach the header.
  const lines = told.map(({ name, points, says }) => `${name} ${shown(points)} (${short(says)})`)
  return lines.join('; ') + (rest > 0 ? `; and ${rest} more` : '')
}

/** In ASCII if the sentence is: one odd character makes an encoded word of its surroundings. */
function short(says: string): string {
  return printable(says, 120).replace(/;/g, ',').replace(/…$/, '...')
}

/** One decimal, without `-0.0`. */
function shown(points: number): string {
  const text = points.toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
