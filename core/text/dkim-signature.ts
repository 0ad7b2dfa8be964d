/** A DKIM-Signature field (RFC 6376 §3.5): what it says, or what is wrong with it before anything is looked up (§6.1.1). Pure. */
import type { CanonicalForm } from './canonical.js'
import { toAsciiDomain } from './domain.js'
import type { Field } from './header.js'
import { readTagList, withoutSpace } from './tag-list.js'

export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256'

export interface DkimSignature {
  readonly kind: 'signature'
  /** The field as octets in Latin-1, with its line end. */
  readonly text: string
  readonly label: DkimLabel
  readonly algorithm: DkimAlgorithm
  readonly header: CanonicalForm
  readonly body: CanonicalForm
  readonly names: readonly string[]
  readonly bodyHash: string
  readonly signature: Buffer
  /** It says that it covers only so many octets of the body. */
  readonly partial: boolean
  /** Domain of `i=`; without one that of `d=`. */
  readonly identity: string
  /** Seconds. */
  readonly expires?: number
}

/** How a signature is told from others, as far as it can be read. */
export interface DkimLabel {
  readonly domain: string
  readonly selector: string
  readonly algorithm: string
  readonly tag: string
}

export type ReadDkimSignature =
  | DkimSignature
  | { readonly kind: 'broken'; readonly label: DkimLabel; readonly why: string }

const MAX_FIELD = 64 * 1024
const FORMS = new Set(['simple', 'relaxed'])
const SELECTOR = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

export function readDkimSignature({ raw, start, end }: Field, octets: Buffer): ReadDkimSignature {
  const tags = end - start > MAX_FIELD ? undefined : readTagList(raw)
  const label = labelOf(tags ?? new Map())
  const broken = (why: string): ReadDkimSignature => ({ kind: 'broken', label, why })
  if (tags === undefined) return broken('it is no list of tag=value')
  const why = faultOf(tags, label)
  if (why !== undefined) return broken(why)
  const [header = 'simple', body = 'simple'] = (tags.get('c') ?? '').toLowerCase().split('/').filter(Boolean)
  const identity = identityOf(tags.get('i'), label.domain)
  if (identity === undefined) return broken('its i= is not of its d=')
  const expires = tags.get('x')
  return {
    ...{ kind: 'signature', label, identity, partial: tags.has('l') },
    text: octets.toString('latin1', start, end),
    algorithm: label.algorithm as DkimAlgorithm,
    header: header as CanonicalForm,
    body: body as CanonicalForm,
    names: withoutSpace(tags.get('h')!).split(':'),
    bodyHash: withoutSpace(tags.get('bh')!),
    signature: Buffer.from(withoutSpace(tags.get('b')!), 'base64'),
    ...(expires === undefined ? {} : { expires: Number(expires) }),
  }
}

function labelOf(tags: ReadonlyMap<string, string>): DkimLabel {
  const domain = tags.get('d') ?? ''
  return {
    domain: toAsciiDomain(domain) ?? '',
    selector: (tags.get('s') ?? '').slice(0, 253),
    algorithm: (tags.get('a') ?? '').slice(0, 40).toLowerCase(),
    tag: withoutSpace(tags.get('b') ?? '').slice(0, 8),
  }
}

/** What breaks §6.1.1, in words. */
function faultOf(tags: ReadonlyMap<string, string>, { domain, selector, algorithm }: DkimLabel): string | undefined {
  if (tags.get('v') !== '1') return 'its v= is not 1'
  const missing = ['a', 'b', 'bh', 'd', 'h', 's'].find(name => (tags.get(name) ?? '') === '')
  if (missing !== undefined) return `it has no ${missing}=`
  if (domain === '' || !domain.includes('.')) return 'its d= is no domain name'
  if (selector.length > 200 || !SELECTOR.test(selector)) return 'its s= is no selector'
  // RFC 8301 §3.1: SHA-1 proves nothing any more.
  if (algorithm === 'rsa-sha1') return 'rsa-sha1 proves nothing any more'
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256') return 'its a= is an algorithm nobody knows'
  const forms = (tags.get('c') ?? 'simple').toLowerCase().split('/')
  if (forms.length > 2 || !forms.every(form => FORMS.has(form))) return 'its c= is a form nobody knows'
  const methods = withoutSpace(tags.get('q') ?? 'dns/txt')
    .toLowerCase()
    .split(':')
  if (!methods.includes('dns/txt')) return 'its key is not in the name service'
  if (!BASE64.test(withoutSpace(tags.get('b')!)) || !BASE64.test(withoutSpace(tags.get('bh')!)))
    return 'its b= or bh= is not base64'
  const names = withoutSpace(tags.get('h')!).toLowerCase().split(':')
  if (!names.includes('from')) return 'it does not cover From'
  return faultOfTimes(tags)
}

function faultOfTimes(tags: ReadonlyMap<string, string>): string | undefined {
  const [made, expires] = [tags.get('t'), tags.get('x')]
  const wrong = [made, expires, tags.get('l')].find(text => text !== undefined && !/^[0-9]{1,76}$/.test(text))
  if (wrong !== undefined) return 'its t=, x= or l= is no number'
  return made !== undefined && expires !== undefined && Number(expires) < Number(made)
    ? 'it ends before it begins'
    : undefined
}

/** §3.5: of `d=` or below it; the local part is of no interest here. */
function identityOf(text: string | undefined, domain: string): string | undefined {
  if (text === undefined) return domain
  const at = text.lastIndexOf('@')
  const identity = at < 0 ? undefined : toAsciiDomain(text.slice(at + 1))
  return identity === domain || identity?.endsWith(`.${domain}`) ? identity : undefined
}
