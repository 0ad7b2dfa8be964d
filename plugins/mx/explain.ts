/**
 * What would be done with mail for an address now, in words and without connecting to a mail host: which way, which hosts at which addresses,
 * what is asked of TLS, and by which pool of ours. It goes the same way through the same parts as a delivery does.
 */
import type { Address, ExplainedHost, Explanation, SentBy } from 'posthouse/api'
import type { Addresses } from './addresses/addresses.js'
import { reachable } from './addresses/reachable.js'
import { Trouble } from './client/trouble.js'
import { findHosts, type Host } from './hosts.js'
import { Planner, type PlannerOptions } from './planner.js'
import type { Route } from './routes/route.js'
import { type Going, noDane, type Plan } from './security.js'
import type { Sites } from './sites.js'
import type { Pools } from './sources/pools.js'
import type { Standing } from './sts/policies.js'

/** No message: what holds for every one. */
const NO_MAIL = { read: async () => Buffer.alloc(0) }

export interface ExplainOptions extends PlannerOptions {
  readonly pools?: Pools
  readonly sites?: Sites
  lane(to: Address, by: SentBy): string
}

export async function explain(
  to: Address,
  by: SentBy,
  options: ExplainOptions,
  signal: AbortSignal,
): Promise<Explanation> {
  const { domain } = to
  const route = options.hosts.routes.find(domain, by)
  const found = await findHosts(domain, route, options.hosts, signal)
  const login = route?.manner.login?.user
  const choice = options.pools?.choose(domain, route, by)
  const pool = choice && {
    name: choice.pool.name,
    because: choice.because,
    sources: choice.pool.sources.map(({ says }) => says),
  }
  const common = {
    lane: options.lane(to, by),
    because: becauseOf(domain, route),
    protocol: route?.manner.protocol ?? 'smtp',
    ...(login === undefined ? {} : { login }),
    ...(pool === undefined ? {} : { pool }),
  }
  if (found.kind === 'hosts' && route === undefined) options.sites?.learn(common.lane, found.exchanges ?? [])
  if (found.kind !== 'hosts') return { ...common, hosts: [], trouble: `${found.status} ${found.text}` }
  const planner = new Planner(NO_MAIL, { domain, route }, options, signal)
  const trouble = await planner.begin(false).catch(describeTrouble)
  if (trouble !== undefined) return { ...common, hosts: [], trouble }
  const hosts: ExplainedHost[] = []
  for await (const [host, addresses] of reachable(found.hosts, options.hosts, signal)) {
    hosts.push(explained(host, addresses, await planner.planOf(host, addresses), planner.wish.standing))
  }
  return { ...common, hosts }
}

function explained(host: Host, addresses: Addresses, plan: Plan, standing: Standing): ExplainedHost {
  const { path, name, port, by } = host
  const found = addresses.kind === 'addresses' ? addresses.addresses : undefined
  return {
    name,
    ...(path === undefined ? { port } : {}),
    ...(by === undefined ? {} : { preference: by.preference }),
    addresses: path === undefined ? (found ?? []) : [],
    ...(addresses.kind === 'addresses' ? {} : { trouble: TROUBLE[addresses.kind] }),
    security: plan.kind === 'skip' ? `gets nothing: ${plan.outcome.text}` : askedOf(host, plan, standing),
  }
}

const TROUBLE = {
  none: 'it has no address',
  private: 'only private addresses, and allow_private is not set',
  trouble: 'the name service did not tell its addresses',
  own: 'it is this server: neither it nor any worse host is tried',
} as const

function becauseOf(domain: string, route: Route | undefined): string {
  if (route === undefined) return domain.startsWith('[') ? 'an address in brackets' : `MX of ${domain}`
  return route.stops.length > 0 ? route.says : `MX of ${domain}, ${route.says}`
}

/** That policies cannot be known ends a delivery; here it is one thing among others. */
function describeTrouble(error: unknown): string {
  if (error instanceof Trouble) return error.message
  throw error
}

/** `TLS required and proven (the route asks for …)` */
function askedOf({ path, manner }: Host, plan: Going, standing: Standing): string {
  if (path !== undefined && plan.tls === 'never') return 'a Unix socket'
  const first = manner?.implicitTls ? 'from the first octet, ' : ''
  if (plan.proof?.kind === 'demanded') return `TLS ${first}required and proven: ${plan.demand?.words ?? ''}`
  const policy =
    standing.kind === 'none' ? standing.why : `the MTA-STS policy of ${standing.domain} has mode ${standing.mode}`
  const why = [policy, ...noDane(plan)].join('; ')
  switch (plan.tls) {
    case 'never':
      return 'in clear: TLS is turned off'
    case 'required':
      return `TLS ${first}required, not proven; ${why}`
    case 'opportunistic':
      return `TLS when offered, not proven; ${why}`
  }
}
