/**
 * What is odd with the links of a message: hosts that look like others, texts that show another host than the link leads to, names in front of hosts,
 * bare addresses, characters that hide. Each host is judged once; bounded by `webLinks` and below.
 */
import { isIP } from 'node:net'
import type { LookAlike, MessageText, Trick } from 'posthouse/api'
import { LOCAL_NETWORKS, NetworkSet, organisationOf, printable, type WebLink, webLinks } from 'posthouse/text'
import { oddHost } from './hosts.js'
import { hidingIn } from './odd-characters.js'
import type { ProtectedNames } from './protected.js'

export interface LinkWorld {
  readonly names: ProtectedNames
  /** Organisation of From; '' when there is none. */
  readonly from: string
  /** Organisations that have shown to send it, or to which one unsubscribes: they may count clicks. */
  readonly senders: ReadonlySet<string>
  /** A list, or an answer to somebody: what stands there may be quoted from others. */
  readonly quoting: boolean
}

const MOST_HOSTS = 60
const ASCII = /^[\x00-\x7f]*$/
const LOCAL = new NetworkSet(LOCAL_NETWORKS)
// Slashes may be missing or many, and either way round, to a browser.
const AUTHORITY = /^\s*https?:[/\\]{0,10}([^/?#\\]{0,500})/i
const SHOWN = /^(?:https?:\/\/)?((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,20})(?:[/?#:]\S{0,500})?$/i
/** Gateways that put themselves in front of every link of a mail; below these names. */
const GATEWAYS =
  /(?:^|\.)(?:safelinks\.protection\.outlook\.com|urldefense\.com|urldefense\.us|urldefense\.proofpoint\.com|linkprotect\.cudasvc\.com|mimecastprotect\.com|protect\.[a-z]{2}\.mimecast\.com|clicktime\.symantec\.com|protection\.sophos\.com)$/

/** The first of each kind. */
export function tricksOfLinks(text: MessageText, world: LinkWorld): readonly LookAlike[] {
  const found = new Map<Trick, LookAlike>()
  const seen = new Set<string>()
  for (const link of webLinks(text)) {
    const fresh = !seen.has(link.host) && seen.size < MOST_HOSTS
    if (fresh) seen.add(link.host)
    for (const one of tricksOf(link, world, fresh)) if (!found.has(one.trick)) found.set(one.trick, one)
  }
  return [...found.values()]
}

function* tricksOf(link: WebLink, world: LinkWorld, fresh: boolean): Generator<LookAlike> {
  const { host, url, href, text } = link
  const shown = printable(host, 255)
  const say = (trick: Trick, says: string): LookAlike => ({ place: 'link', trick, shown, says })
  const numeric = isIP(host) !== 0
  if (fresh && numeric && !world.quoting && !LOCAL.has(host))
    yield say('to-number', `A link leads to a bare address: ${host}`)
  if (fresh && !numeric) {
    const odd = oddHost(host, world.names)
    if (odd !== undefined)
      yield { place: 'link', shown, ...odd, says: `A link leads to a host that deceives: ${odd.says}` }
  }
  if (url.username !== '' || url.password !== '')
    yield say(
      'hides-name',
      `A link has a user name in front of its host: it leads to ${shown}, not to ${printable(url.username, 100)}`,
    )
  // What stands as text may go straight on in a language with such dots.
  const hiding = text === '' || ASCII.test(href) ? undefined : hidingIn(AUTHORITY.exec(href)?.[1] ?? '')
  if (hiding !== undefined) yield say('odd-characters', `The host of a link is written with ${hiding}: ${shown}`)
  const other = world.quoting ? undefined : shownInstead(link, world)
  if (other !== undefined)
    yield say('shows-other', `A link shows ${other} and leads to ${printable(organisationOf(host), 255)}`)
}

/** The organisation that the text of a link shows in place of the one it leads to. */
function shownInstead({ text, host }: WebLink, { names, from, senders }: LinkWorld): string | undefined {
  const domain = shownDomain(text)
  if (domain === undefined || domain === host) return undefined
  const [there, here] = [organisationOf(host), organisationOf(domain)]
  // A newsletter shows its own domain and counts clicks elsewhere.
  if (there === here || here === from || GATEWAYS.test(host)) return undefined
  const shows = names.ownerOf(here)
  if (shows !== undefined && shows === names.ownerOf(there)) return undefined
  // Who stands by the mail may count clicks on the links of others too, but nobody needs to on those of a bank.
  return shows === undefined && senders.has(there) ? undefined : here
}

/** A link text that is itself an address of the web. */
function shownDomain(text: string): string | undefined {
  const trimmed = text.trim()
  const name = SHOWN.exec(trimmed)?.[1]
  // "Node.js" and "README.md" are no hosts: without a scheme it needs a www. or a path.
  return name !== undefined && (/^https?:|^www\./i.test(trimmed) || /[/?#]/.test(trimmed))
    ? name.toLowerCase()
    : undefined
}
