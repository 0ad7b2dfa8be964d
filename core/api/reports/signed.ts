/**
 * Whether a reporter has signed the mail of its report: names in a report are whatever somebody writes. Signatures are judged here as they are of any mail;
 * how many there may be is bounded.
 */
import type { DkimService } from '../../text/dkim-record.js'
import { scanHeader } from '../../text/header.js'
import { digestMessage } from '../../text/message-digest.js'
import { organisationOf } from '../../text/organisation.js'
import { checkSignatures } from '../dkim.js'
import type { Resolver } from '../plugin.js'

export type Signature =
  | { readonly kind: 'good'; readonly by: string }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }

/** Of one mail: more is no honest sender's. */
const MAX_SIGNATURES = 8

/** Who must have signed. */
export interface ReportSigner {
  /** For words. */
  readonly name: string
  readonly is: (domain: string) => boolean
  /** What its key may be for; left out: mail. */
  readonly services?: readonly DkimService[]
}

export interface SignedParts {
  readonly dns: Resolver
  readonly now: number
  readonly signal: AbortSignal
}

export async function signatureOf(
  mail: Buffer,
  wanted: ReportSigner,
  { dns, now, signal }: SignedParts,
): Promise<Signature> {
  const count = scanHeader(mail).fields.filter(({ name }) => name.toLowerCase() === 'dkim-signature').length
  if (count === 0) return { kind: 'missing', why: 'it is not signed (DKIM)' }
  if (count > MAX_SIGNATURES) return { kind: 'missing', why: 'it has too many signatures' }
  if (!dns.configured) return { kind: 'unknown', why: 'its signature cannot be checked, as there is no name service' }
  const first = organisationOf(wanted.name)
  const services = wanted.services ?? ['email']
  const parts = { dns, signal, now, most: MAX_SIGNATURES, first, services }
  const signatures = await checkSignatures(wishes => digestMessage(whole(mail), wishes), parts)
  // RFC 8460 §3: `l=` must not be used. One that leaves nothing of the body open does no harm; others do not pass.
  const ofThem = signatures.filter(({ domain }) => wanted.is(domain))
  const good = ofThem.find(({ result }) => result === 'pass')
  if (good !== undefined) return { kind: 'good', by: good.domain }
  if (ofThem.some(({ result }) => result === 'temperror'))
    return { kind: 'unknown', why: 'its signature cannot be checked now' }
  const [closest] = ofThem
  return {
    kind: 'missing',
    why: `it has no valid signature of ${wanted.name}${closest === undefined ? '' : `: ${closest.why}`}`,
  }
}

async function* whole(mail: Buffer): AsyncGenerator<Buffer> {
  yield mail
}
