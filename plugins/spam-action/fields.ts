/**
 * The fields that tell readers of a message what was made of it, in the shape other filters have made usual, so that people's own rules
 * and mail programs understand them. What was found in the message is the sender's: nothing but plain text of ours gets here.
 */
import type { Finding, NewField, Recipient, Verdict } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { Measure } from './thresholds.js'

const REPORTED = 10

export interface Measured {
  readonly recipient: Recipient
  readonly measure: Measure
}

/** Recipients with another threshold have a status of their own. */
export function fieldsFor(
  { sum, findings }: Verdict,
  measured: readonly Measured[],
  within: NewField['within'],
): readonly NewField[] {
  const place = within === undefined ? {} : { within }
  const lines = new Map<number | undefined, Recipient[]>()
  for (const { recipient, measure } of measured) {
    const line = measure.thresholds.header
    lines.set(line, [...(lines.get(line) ?? []), recipient])
  }
  const fields = [...lines].flatMap(([line, recipients]) =>
    statusOf(sum, line).map(field => ({ ...field, ...place, ...(lines.size > 1 && { for: recipients }) })),
  )
  fields.push({ name: 'X-Spam-Score', value: shown(sum), ...place })
  if (findings.length > 0) fields.push({ name: 'X-Spam-Report', value: report(findings), ...place })
  return fields
}

function statusOf(sum: number, line: number | undefined): readonly NewField[] {
  const spam = line !== undefined && sum >= line
  const threshold = line === undefined ? 'none' : shown(line)
  const status = {
    name: 'X-Spam-Status',
    value: `${spam ? 'Yes' : 'No'}, score=${shown(sum)} threshold=${threshold}`,
  }
  return spam ? [{ name: 'X-Spam-Flag', value: 'YES' }, status] : [status]
}

/** The weightiest first, for and against; then what is only tried out. */
function report(findings: readonly Finding[]): string {
  const weight = ({ points, shadow = 0 }: Finding) => Math.abs(points) * 1e6 + Math.abs(shadow)
  const told = [...findings].sort((a, b) => weight(b) - weight(a)).slice(0, REPORTED)
  const rest = findings.length - told.length
  return told.map(sentence).join('; ') + (rest > 0 ? `; and ${rest} more` : '')
}

function sentence({ name, points, shadow, says }: Finding): string {
  const counts = shadow === undefined ? shown(points) : `${shown(points)}, tried out at ${shown(shadow)}`
  return `${printable(name, 60)} ${counts} (${short(says)})`
}

/** In ASCII if the sentence is: one odd character makes an encoded word of its surroundings. */
function short(says: string): string {
  return printable(says, 100).replace(/;/g, ',').replaceAll('×', 'x').replace(/…$/, '...')
}

/** One decimal, without `-0.0`. */
export function shown(points: number): string {
  const text = points.toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
