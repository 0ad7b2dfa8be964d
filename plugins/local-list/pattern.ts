/**
 * What an entry of the list fits, as admins write it, and the keys by which a question finds it. Everything that is looked up has a key, the
 * same in files and in the table of the run-time list, and keys are tried from the closest fit to the widest: no look-up depends on the
 * length of the list.
 */
import { isIP } from 'node:net'
import type { ListQuestion } from 'posthouse/api'
import { networkAround, networkKey, networkKeys, parseAddress, toAsciiDomain } from 'posthouse/text'

/** Prefix lengths that occur, the longest first. */
export interface Lengths {
  readonly ipv4: readonly number[]
  readonly ipv6: readonly number[]
}

/** A link leads further down than this: the rest is not looked at. */
const MAX_STEPS = 10
const MAX_LOCAL = 256
const MAX_PATTERN = 700
const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/

/** The key of a pattern. `undefined`: it is none; `wishFor` says what was expected. */
export function readPattern(text: string): string | undefined {
  if (text.length > MAX_PATTERN) return undefined
  if (/^(https?:)?\/\//i.test(text)) return readLink(text)
  if (text.includes('@')) return readMailbox(text)
  const key = networkKey(text)
  if (key !== undefined) return key
  const tree = text.startsWith('.')
  const name = asciiName(tree ? text.slice(1) : text)
  // What begins like an address and is none must not become a name that nobody will ever ask for.
  if (name === undefined || /^[0-9.]+$/.test(name)) return undefined
  return tree ? `t/${name}` : `d/${name}`
}

/** The one way in which the pattern of a key is written. */
export function patternOf(key: string): string {
  const rest = key.slice(2)
  switch (key[0]) {
    case '4':
    case '6':
      return networkOf(key)
    case 't':
      return `.${rest}`
    case 'm':
      return `@${rest}`
    case 'l':
    case 'p':
      return `//${isIP(rest) === 6 ? `[${rest}]` : rest}`
    case 'k':
      return `//.${rest}`
    default:
      return rest
  }
}

/** What was expected in place of this, and what was probably meant. */
export function wishFor(text: string): string {
  const wish =
    'expected an address, a network (192.0.2.0/24), a name (example.org, or .example.org with all names below it), ' +
    'a mailbox (user@example.org, @example.org) or a link (//example.org/path)'
  const meant = meantBy(text)
  return meant === undefined ? wish : `${wish}; did you mean ${meant}?`
}

function meantBy(text: string): string | undefined {
  const candidates = [
    text.replace(/^\*\.?/, '.'),
    text.replace(/^\*?@/, '@'),
    text.replace(/\.$/, ''),
    // 192.0.2. and 192.0.2.* of other programs
    text.replace(/^(\d+\.\d+\.\d+)\.?\*?$/, '$1.0/24'),
    text.replace(/^(\d+\.\d+)\.?\*?$/, '$1.0.0/16'),
    ...(/[a-z]/i.test(text) ? [`//${text}`] : []),
  ]
  return candidates.find(one => one !== text && readPattern(one) !== undefined)
}

/** Keys under which an entry for it may stand, the closest fit first. */
export function keysFor(question: ListQuestion, lengths: Lengths): readonly string[] {
  switch (question.kind) {
    case 'address':
      return networkKeys(question.address, lengths)
    case 'name':
      return nameKeys(question.name)
    case 'mailbox':
      return mailboxKeys(question.local, question.domain)
    case 'link':
      return linkKeys(question.host, question.path, lengths)
  }
}

function nameKeys(text: string, [exact, below] = ['d/', 't/']): readonly string[] {
  const name = asciiName(text)
  if (name === undefined) return []
  const keys = [`${exact}${name}`, `${below}${name}`]
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1))
    keys.push(`${below}${name.slice(dot + 1)}`)
  return keys
}

function mailboxKeys(local: string, domain: string): readonly string[] {
  const name = local.length > MAX_LOCAL ? undefined : asciiName(domain)
  return name === undefined ? [] : [`a/${local.toLowerCase()}@${name}`, `m/${name}`, ...nameKeys(name)]
}

function linkKeys(host: string, path: string, lengths: Lengths): readonly string[] {
  const address = addressOf(host)
  if (address !== undefined) return [...pathKeys(address, path), `l/${address}`, ...networkKeys(address, lengths)]
  const name = asciiName(host)
  if (name === undefined) return []
  return [...pathKeys(name, path), ...nameKeys(name, ['l/', 'k/']), ...nameKeys(name)]
}

/** Written as URLs have it, which is how entries are kept. */
function addressOf(host: string): string | undefined {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  if (isIP(bare) === 0) return undefined
  const whole = `http://[${bare}]`
  return isIP(bare) === 6 && URL.canParse(whole) ? new URL(whole).hostname.slice(1, -1) : bare
}

/** `/a/b/c`, `/a/b`, `/a`: paths are compared step by step, so that `/ab` is not below `/a`. */
function pathKeys(host: string, path: string): readonly string[] {
  const steps = path.split('/', MAX_STEPS + 1).slice(1)
  const keys: string[] = []
  let upTo = ''
  for (const step of steps) {
    upTo += `/${step}`
    if (step !== '' && upTo.length <= MAX_PATTERN) keys.push(`p/${host}${upTo}`)
  }
  return keys.reverse()
}

function readLink(text: string): string | undefined {
  const rest = text.replace(/^(https?:)?\/\//i, '')
  const tree = rest.startsWith('.')
  const whole = `http://${tree ? rest.slice(1) : rest}`
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  if (url.username !== '' || url.port !== '' || url.search !== '' || url.hash !== '') return undefined
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const path = url.pathname.replace(/\/+$/, '')
  const known = isIP(host) === 0 ? asciiName(host) : host
  if (known === undefined || (tree && (path !== '' || isIP(host) !== 0))) return undefined
  if (tree) return `k/${known}`
  if (path === '') return `l/${known}`
  // Deeper than links are looked at nothing would ever be found.
  if (path.split('/').length - 1 > MAX_STEPS || path.includes('//')) return undefined
  return `p/${known}${path}`
}

function readMailbox(text: string): string | undefined {
  if (text.startsWith('@')) {
    const domain = asciiName(text.slice(1))
    return domain === undefined ? undefined : `m/${domain}`
  }
  // `*` may be in a local part; written in a list it was meant for something else.
  const address = text.startsWith('*') ? undefined : parseAddress(text)
  const domain = address && asciiName(address.domain)
  if (address === undefined || domain === undefined) return undefined
  return `a/${address.local.toLowerCase()}@${domain}`
}

function networkOf(key: string): string {
  const [family, bits = '', hex = ''] = key.split('/')
  const six = family === '6'
  const digits = hex.padEnd(six ? 32 : 8, '0')
  const groups = digits.match(six ? /.{4}/g : /../g) ?? []
  const address = six ? groups.join(':') : groups.map(octet => Number.parseInt(octet, 16)).join('.')
  return networkAround(address, { ipv4: Number(bits), ipv6: Number(bits) }) ?? `${address}/${bits}`
}

/** Lower case and A-labels; names that only hosts in the reverse zone dare to have (`_`) count too. */
function asciiName(text: string): string | undefined {
  const lower = text.toLowerCase()
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  if (name.length > 253) return undefined
  return NAME.test(name) ? name : toAsciiDomain(name)
}
