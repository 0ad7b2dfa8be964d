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
/** Within other words ("log in at https://…") only what is plainly an address. */
const SHOWN_WITHIN = /(?:https?:\/\/|\bwww\.)(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,20}(?=[/?#:\s]|$)/i
const MOST_SHOWN = 500
/** Gateways that put themselves in front of every link of a mail; below these names. */
const GATEWAYS =
  /(?:^|\.)(?:safelinks\.protection\.outlook\.com|urldefense\.com|urldefense\.us|urldefense\.proofpoint\.com|linkprotect\.cudasvc\.com|mimecastprotect\.com|protect\.[a-z]{2}\.mimecast\.com|clicktime\.symantec\.com|protection\.sophos\.com)$/

/** The first of each kind. */
export function tricksOfLinks(text: MessageText, world: LinkWorld): readonly LookAlike[] {
  const looking = new Looking(world)
  for (const link of webLinks(text)) looking.at(link)
  return [...looking.found.values()]
}

/** One pass over the links of a message: newsletters have hundreds, to a few hosts. */
class Looking {
  readonly found = new Map<Trick, LookAlike>()
  readonly #world: LinkWorld
  readonly #hosts = new Set<string>()
  readonly #organisations = new Map<string, string>()

  constructor(world: LinkWorld) {
    this.#world = world
  }

  at(link: WebLink): void {
    const { host, url, href, text } = link
    if (!this.#hosts.has(host)) this.#atHost(host)
    const shown = printable(host, 255)
    if (url.username !== '' || url.password !== '') {
      const name = printable(url.username, 100)
      this.#tell(
        'hides-name',
        host,
        `A link has a user name in front of its host: it leads to ${shown}, not to ${name}`,
      )
    }
    // What stands as text may go straight on in a language with such dots.
    const hiding = text === '' || ASCII.test(href) ? undefined : hidingIn(AUTHORITY.exec(href)?.[1] ?? '')
    if (hiding !== undefined)
      this.#tell('odd-characters', host, `The host of a link is written with ${hiding}: ${shown}`)
    const other = this.#world.quoting || this.found.has('shows-other') ? undefined : this.#shownInstead(link)
    if (other !== undefined)
      this.#tell('shows-other', host, `A link shows ${other} and leads to ${printable(this.#organisation(host), 255)}`)
  }

  #atHost(host: string): void {
    if (this.#hosts.size >= MOST_HOSTS) return
    this.#hosts.add(host)
    if (isIP(host) !== 0) {
      if (!this.#world.quoting && !LOCAL.has(host))
        this.#tell('to-number', host, `A link leads to a bare address: ${host}`)
      return
    }
    const odd = oddHost(host, this.#world.names)
    if (odd !== undefined) this.#tell(odd.trick, host, `A link leads to a host that deceives: ${odd.says}`, odd)
  }

  #tell(trick: Trick, host: string, says: string, more: Partial<LookAlike> = {}): void {
    if (!this.found.has(trick))
      this.found.set(trick, { ...more, place: 'link', trick, shown: printable(host, 255), says })
  }

  /** The organisation that the text of a link shows in place of the one it leads to. */
  #shownInstead({ text, host }: WebLink): string | undefined {
    const { names, from, senders } = this.#world
    const domain = shownDomain(text)
    if (domain === undefined || domain === host) return undefined
    const [there, here] = [this.#organisation(host), this.#organisation(domain)]
    // A newsletter shows its own domain and counts clicks elsewhere.
    if (there === here || here === from || GATEWAYS.test(host)) return undefined
    const shows = names.ownerOf(here)
    if (shows !== undefined && shows === names.ownerOf(there)) return undefined
    // Who stands by the mail may count clicks on the links of others too, but nobody needs to on those of a bank.
    return shows === undefined && senders.has(there) ? undefined : here
  }

  #organisation(host: string): string {
    const known = this.#organisations.get(host)
    if (known !== undefined) return known
    const whole = organisationOf(host)
    this.#organisations.set(host, whole)
    return whole
  }
}

/** A link text that is itself an address of the web, or holds one. */
function shownDomain(text: string): string | undefined {
  const trimmed = text.trim()
  const within = SHOWN_WITHIN.exec(trimmed.slice(0, MOST_SHOWN))?.[0]
  if (within !== undefined && /\s/.test(trimmed)) return within.replace(/^https?:\/\//i, '').toLowerCase()
  const name = SHOWN.exec(trimmed)?.[1]
  // "Node.js" and "README.md" are no hosts: without a scheme it needs a www. or a path.
  return name !== undefined && (/^https?:|^www\./i.test(trimmed) || /[/?#]/.test(trimmed))
    ? name.toLowerCase()
    : undefined
}
