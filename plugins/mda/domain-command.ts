/** `posthouse domain list`: the domains of server.yaml, and who there gets mail. */
import type { Accounts, Command, CommandRun, ServerFacts } from 'posthouse/api'
import { parseAddress, toAsciiDomain } from 'posthouse/text'
import type { FileAliases } from './aliases/file.js'
import type { StoredAliases } from './aliases/stored.js'

export interface DomainCommandParts {
  readonly server: Pick<ServerFacts, 'domains' | 'relayDomains'>
  readonly accounts: Accounts
  readonly file: FileAliases
  readonly stored: StoredAliases
}

/** As `--json` prints it. */
interface ToldDomain {
  readonly domain: string
  readonly kind: 'local' | 'relayed'
  /** Addresses that accounts have here. */
  readonly addresses: number
  /** Aliases of this domain alone. */
  readonly aliases: number
  readonly catchAll: boolean
  readonly origin: 'domains of server.yaml' | 'relay_domains of server.yaml'
}

export function domainCommand(parts: DomainCommandParts): Command {
  return {
    name: 'domain list',
    summary: 'list the domains whose mail is ours, or is relayed',
    arity: [0, 0],
    run: run => list(parts, run),
  }
}

async function list({ server, accounts, file, stored }: DomainCommandParts, run: CommandRun): Promise<void> {
  const held = new Map<string, number>()
  const aliases = new Map<string, number>()
  const catchAlls = new Set<string>()
  const noteAlias = (name: string) => {
    if (name.startsWith('@')) catchAlls.add(domainOf(name))
    else countIn(aliases, domainOf(name))
  }
  for (const { addresses } of await accounts.list()) for (const text of addresses) countIn(held, domainOf(text))
  for (const { name, pattern } of file.all) if (pattern === undefined) noteAlias(name)
  // There may be a million: no list of them is made.
  for await (const { name } of stored.all()) noteAlias(name)
  const ours = [...server.domains].map((domain): ToldDomain => {
    const key = toAsciiDomain(domain) ?? domain
    return {
      domain,
      kind: 'local',
      addresses: held.get(key) ?? 0,
      aliases: aliases.get(key) ?? 0,
      catchAll: catchAlls.has(key),
      origin: 'domains of server.yaml',
    }
  })
  const relayed = [...server.relayDomains].map(
    (domain): ToldDomain => ({
      domain,
      kind: 'relayed',
      addresses: 0,
      aliases: 0,
      catchAll: false,
      origin: 'relay_domains of server.yaml',
    }),
  )
  const all = [...ours, ...relayed]
  if (run.json) return run.print(JSON.stringify(all))
  if (all.length === 0) run.print('no domain is ours: `domains` of server.yaml is empty')
  for (const one of all) run.print(inWords(one))
}

function inWords({ domain, kind, addresses, aliases, catchAll }: ToldDomain): string {
  if (kind === 'relayed') return `${domain}  relayed`
  return `${domain}  ${counted(addresses, 'address', 'addresses')} of accounts, ${counted(aliases, 'alias', 'aliases')}${catchAll ? ', a catch-all' : ''}`
}

function counted(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`
}

/** In A-labels; '' for a bare name. */
function domainOf(text: string): string {
  if (!text.includes('@')) return ''
  const domain = parseAddress(text.startsWith('@') ? `x${text}` : text)?.domain ?? ''
  return toAsciiDomain(domain) ?? domain
}

function countIn(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
