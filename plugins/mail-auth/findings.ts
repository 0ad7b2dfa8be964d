/** What of the results is evidence. SPF and DKIM say little alone: where DMARC passes, what else failed is the way of forwarded mail. Pure. */
import type { AuthFacts, Finding } from 'posthouse/api'
import type { PointName, Terms } from './config.js'

export function findingsFrom(facts: AuthFacts, points: Terms['points']): readonly Finding[] {
  return rules(facts).flatMap(([name, says]) =>
    points[name] === 0 ? [] : [{ name: name.replace('_', '-'), points: points[name], says }],
  )
}

function rules({ helo, mailFrom, dkim, dmarc }: AuthFacts): readonly (readonly [PointName, string])[] {
  const found: (readonly [PointName, string])[] = []
  if (dmarc.result === 'permerror' && dmarc.domain === '')
    found.push(['from_unclear', `Who wrote it is not clear: ${dmarc.why}`])
  if (dmarc.result === 'pass') return found
  if (dmarc.result === 'fail') {
    const name = dmarc.disposition === 'none' ? 'dmarc_fail' : (`dmarc_${dmarc.disposition}` as const)
    found.push([name, `DMARC fail: ${dmarc.why}`])
  }
  const spf = mailFrom?.result
  if (spf === 'fail' || spf === 'softfail' || spf === 'permerror')
    found.push([`spf_${spf}`, `SPF ${spf}: ${mailFrom!.why}`])
  if (helo?.result === 'fail') found.push(['helo_fail', `SPF fail for the name it gave (HELO): ${helo.why}`])
  // RFC 6376 §6.1: one that is right is enough, and none is as good as a wrong one.
  const wrong = dkim.some(({ result }) => result === 'pass') ? undefined : dkim.find(({ result }) => result === 'fail')
  if (wrong !== undefined) found.push(['dkim_fail', `DKIM fail: ${wrong.why}`])
  return found
}
