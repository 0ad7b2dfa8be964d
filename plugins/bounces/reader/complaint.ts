/** Feedback reports (RFC 5965): somebody's provider tells that they marked a mail as unwanted. */

import type { Outline } from './outline.js'
import { returnedOf } from './outline.js'
import { type ComplaintReading, MAX_RECIPIENTS } from './reading.js'
import { addressesIn, line } from './words.js'

const MAX_LINES = 2000

export function readComplaint({ feedback, returned }: Outline): ComplaintReading {
  const fields = fieldsOf(feedback.join('\n'))
  const one = (name: string) => fields.get(name)?.[0]
  const original = returned === undefined ? undefined : returnedOf(returned)
  // RFC 5965 §3.2: once per recipient; many redact it, and the message below too.
  const named = ['original-rcpt-to', 'removal-recipient', 'redacted-address']
    .map(name => (fields.get(name) ?? []).flatMap(addressesIn))
    .find(found => found.length > 0)
  const recipients = [...new Set(named ?? original?.to ?? [])].slice(0, MAX_RECIPIENTS)
  const mta = one('reporting-mta')
  const [sourceIp, reportedDomain, envelopeId] = ['source-ip', 'reported-domain', 'original-envelope-id'].map(one)
  return {
    kind: 'complaint',
    // RFC 5965 §3.1; §7.3: further types may come.
    feedback: /^[a-z][a-z-]{0,40}/i.exec(one('feedback-type') ?? '')?.[0].toLowerCase() ?? 'abuse',
    recipients,
    ...(original === undefined ? {} : { returned: original }),
    ...(sourceIp === undefined ? {} : { sourceIp: line(sourceIp, 60) }),
    ...(reportedDomain === undefined ? {} : { reportedDomain: line(reportedDomain, 255) }),
    ...(envelopeId === undefined ? {} : { envelopeId: line(envelopeId, 300) }),
    ...(mta === undefined ? {} : { reportingMta: line(mta.replace(/^\s*\w+\s*;/, ''), 255) }),
  }
}

function fieldsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>()
  for (const one of text.split('\n', MAX_LINES)) {
    const found = /^([A-Za-z][A-Za-z0-9-]{1,60})\s{0,5}:(.*)$/.exec(one.slice(0, 2000))
    if (found === null) continue
    const name = found[1]!.toLowerCase()
    const values = fields.get(name)
    if (values === undefined) fields.set(name, [found[2]!.trim()])
    else if (values.length < MAX_RECIPIENTS) values.push(found[2]!.trim())
  }
  return fields
}
