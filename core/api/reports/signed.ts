/**
 * Whether a reporter has signed the mail of its report: names in a report are whatever somebody writes. mailauth checks signatures, loaded when the
 * first report comes, with our own resolver; how many it is given is bounded.
 */
import { scanHeader } from '../../text/index.js'
import type { Resolver } from '../plugin.js'

export type Signature =
  | { readonly kind: 'good'; readonly by: string }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }

/** Of one mail: more is no honest sender's. */
const MAX_SIGNATURES = 8

interface Result {
  readonly signingDomain?: string
  readonly canonBodyLengthLimited?: boolean
  readonly status: { readonly result: string; readonly comment?: string | false }
}

/** Who must have signed. */
export interface ReportSigner {
  /** For words. */
  readonly name: string
  readonly is: (domain: string) => boolean
}

export async function signatureOf(mail: Buffer, wanted: ReportSigner, dns: Resolver): Promise<Signature> {
  const count = scanHeader(mail).fields.filter(({ name }) => name.toLowerCase() === 'dkim-signature').length
  if (count === 0) return { kind: 'missing', why: 'it is not signed (DKIM)' }
  if (count > MAX_SIGNATURES) return { kind: 'missing', why: 'it has too many signatures' }
  if (!dns.configured) return { kind: 'unknown', why: 'its signature cannot be checked, as there is no name service' }
  const { dkimVerify } = await import('mailauth/lib/dkim/verify.js')
  const { results } = (await dkimVerify(mail, { resolver: resolverBy(dns) as never })) as unknown as {
    readonly results: readonly Result[]
  }
  // RFC 8460 §3: `l=` must not be used; others could add to what was signed. A domain of one label is nobody's.
  const good = results.find(
    ({ status, signingDomain = '', canonBodyLengthLimited }) =>
      status.result === 'pass' &&
      canonBodyLengthLimited !== true &&
      /[^.][.]/.test(signingDomain) &&
      wanted.is(signingDomain.toLowerCase()),
  )
  if (good?.signingDomain !== undefined) return { kind: 'good', by: good.signingDomain.toLowerCase() }
  if (results.some(({ status }) => status.result === 'temperror'))
    return { kind: 'unknown', why: 'its signature cannot be checked now' }
  return { kind: 'missing', why: `it has no valid signature of ${wanted.name}` }
}

/** As node:dns answers. */
function resolverBy(dns: Resolver) {
  return async (name: string, type: string): Promise<readonly (readonly string[])[]> => {
    const texts = type === 'TXT' ? await dns.txt(name).catch(() => undefined) : []
    if (texts === undefined) throw Object.assign(new Error(`no answer for ${name}`), { code: 'ESERVFAIL' })
    if (texts.length === 0) throw Object.assign(new Error(`no ${type} ${name}`), { code: 'ENOTFOUND' })
    return texts.map(text => [text])
  }
}
