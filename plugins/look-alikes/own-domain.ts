/**
 * A domain of ours as sender, in From or in the envelope, of mail that comes from outside: proven by SPF or DKIM, forged, or not known. A name below one of
 * ours may be that of some machine or service nobody has told us of: unproven it is odd, and not called forged. Who has logged in or comes from a trusted
 * network never gets here. Pure.
 */
import type { AuthFacts, Envelope, OwnDomain } from 'posthouse/api'
import { organisationOf } from 'posthouse/text'

export interface OwnDomainQuestion {
  /** Domain of From in A-labels; '' when there is none. */
  readonly from: string
  readonly sender: Envelope['sender']
  /** Domains whose mailboxes are ours. */
  readonly own: { has(domain: string): boolean }
  /** Lists and forwarders that may carry our mail back to us. */
  readonly forwarders: ReadonlySet<string>
  /** Left out: nothing could be checked. */
  readonly auth: AuthFacts | undefined
}

export function ownDomain({ from, sender, own, forwarders, auth }: OwnDomainQuestion): OwnDomain {
  const envelope = sender?.domain.toLowerCase() ?? ''
  const domain = own.has(from) ? from : own.has(envelope) ? envelope : undefined
  if (domain === undefined) return nameBelow(from, { own, forwarders, auth })
  const where = domain === from ? 'From' : 'the envelope'
  const say = (kind: 'proven' | 'forged' | 'unknown', why: string): OwnDomain => ({
    ...{ kind, domain },
    says: `The sender in ${where} is of ${domain}, which is ours, and the mail comes from outside: ${why}`,
  })
  if (auth === undefined) return say('unknown', 'whether it is proven is not checked here')
  const ours = organisationOf(domain)
  const proof = proofOf(ours, auth)
  if (proof !== undefined) return say('proven', `${proof} vouches for it`)
  const forwarder = auth.vouching.find(other => isBelow(other, forwarders))
  if (forwarder !== undefined)
    return say('proven', `${forwarder} carries it, which is a forwarder by our configuration`)
  if (unsure(auth, ours)) return say('unknown', 'the name service has trouble')
  return say('forged', 'the client has not logged in, and neither SPF nor DKIM proves it')
}

function proofOf(ours: string, { vouching }: AuthFacts): string | undefined {
  return vouching.find(other => organisationOf(other) === ours)
}

/** ceo@office.example.org, where example.org is ours and that name is nobody's. */
function nameBelow(from: string, { own, forwarders, auth }: Omit<OwnDomainQuestion, 'from' | 'sender'>): OwnDomain {
  const above = aboveOf(from, own)
  if (above === undefined || auth === undefined || proofOf(organisationOf(from), auth) !== undefined)
    return { kind: 'not-ours' }
  if (auth.vouching.some(other => isBelow(other, forwarders))) return { kind: 'not-ours' }
  const says = `The sender in From is of ${from}, a name below ${above}, which is ours, and the mail comes from outside: neither SPF nor DKIM proves it`
  return { kind: 'unknown', domain: from, says }
}

function aboveOf(name: string, own: OwnDomainQuestion['own']): string | undefined {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const above = name.slice(dot + 1)
    if (own.has(above)) return above
  }
  return undefined
}

/** What only those can make fail who have our zone: a name that nobody can ask for is a stranger's. */
const SELECTOR = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,4}$/i

/** Who might have proven it has not failed to. Trouble with the zones of a stranger says nothing: they could make it themselves. */
function unsure({ mailFrom, dkim, dmarc }: AuthFacts, ours: string): boolean {
  if (dmarc.result === 'temperror' && dmarc.published === undefined) return true
  if (mailFrom?.result === 'temperror' && organisationOf(mailFrom.domain) === ours) return true
  return dkim.some(
    ({ result, domain, selector }) =>
      result === 'temperror' && organisationOf(domain) === ours && SELECTOR.test(selector),
  )
}

function isBelow(name: string, domains: ReadonlySet<string>): boolean {
  for (const domain of domains) if (name === domain || name.endsWith(`.${domain}`)) return true
  return false
}
