/** Authentication-Results (RFC 8601 §2.2): what was found, as a field that others read. Everything of a stranger's is quoted or cut out. Pure. */
import type { AuthFacts, DkimFacts, DmarcFacts, SpfFacts } from 'posthouse/api'
import { toAsciiDomain } from 'posthouse/text'

interface Sender {
  readonly local: string
  readonly domain: string
}

export function resultsField(server: string, facts: AuthFacts, sender: Sender | null): string {
  const { iprev, helo, mailFrom, dkim, dmarc } = facts
  const results = [
    ...(iprev === undefined
      ? []
      : [`iprev=${iprev.result}${comment(iprev.name)} policy.iprev=${value(iprev.address)}`]),
    ...(helo === undefined ? [] : [`${spf(helo)} smtp.helo=${value(helo.domain)}`]),
    ...(mailFrom === undefined ? [] : [`${spf(mailFrom)} smtp.mailfrom=${mailbox(sender, mailFrom.domain)}`]),
    ...(dkim.length === 0 ? ['dkim=none'] : dkim.map(ofSignature)),
    ofDmarc(dmarc),
  ]
  return [server, ...results].join('; ')
}

function spf({ result, why }: SpfFacts): string {
  return `spf=${result}${result === 'pass' || result === 'none' ? '' : comment(why)}`
}

/** RFC 8601 §2.7.1, RFC 6008: which signature it was. */
function ofSignature({ result, domain, selector, algorithm, tag, why }: DkimFacts): string {
  const properties = [
    ['d', domain],
    ['s', selector],
    ['a', algorithm],
    ['b', tag],
  ].flatMap(([name, text]) => (text === '' ? [] : [`header.${name}=${value(text!)}`]))
  return [`dkim=${result}${result === 'pass' ? '' : comment(why)}`, ...properties].join(' ')
}

/** RFC 7489 §11.1 */
function ofDmarc({ result, domain, policy, disposition, why }: DmarcFacts): string {
  const words = policy === undefined ? (result === 'none' ? undefined : why) : `p=${policy} dis=${disposition}`
  return `dmarc=${result}${comment(words)}${domain === '' ? '' : ` header.from=${value(domain)}`}`
}

function comment(text: string | undefined): string {
  return text === undefined ? '' : ` (${text.replace(/[^A-Za-z0-9 .,:=_@/-]/g, '?').slice(0, 160)})`
}

/** RFC 2045 §5.1: a token stands as it is, anything else in quotes. */
function value(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 255)
  return /^[^\s()<>@,;:\\"/[\]?=]+$/.test(clean) ? clean : `"${clean.replace(/["\\]/g, '\\$&')}"`
}

/** A local part that would have to be quoted is left out. */
function mailbox(sender: Sender | null, domain: string): string {
  const ascii = toAsciiDomain(domain)
  if (ascii === undefined) return value(domain)
  return sender !== null && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/.test(sender.local)
    ? `${sender.local}@${ascii}`
    : ascii
}
