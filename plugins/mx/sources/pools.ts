/**
 * Our own addresses and names in pools, and which mail goes out by which pool: what its route says, then the first rule that fits. Pure but
 * for reading the config once; faults have their place in plugins.yaml.
 */
import { isIP } from 'node:net'
import { ConfigError, type Fault, type Infer, type SenderClass, type SentBy, type YamlPath } from 'posthouse/api'
import { closest } from 'posthouse/text'
import type { Reading } from '../routes/read.js'
import { fits, type Route } from '../routes/route.js'
import { domainOf, Senders } from '../routes/senders.js'
import type { POOL_RULES, POOLS } from './schema.js'
import { readWarmUp, type WarmUpPlan } from './warm-up.js'

export interface Source {
  /** Unique among all pools: `bulk: 192.0.2.7 (out1.example.net)`. */
  readonly says: string
  readonly pool: string
  /** By family; one of them at least. */
  readonly four?: string
  readonly six?: string
  readonly helo: string
  readonly weight: number
  readonly warmUp?: WarmUpPlan
}

export interface Pool {
  readonly name: string
  readonly sources: readonly Source[]
}

/** A pool, and what decided for it. */
export interface Choice {
  readonly pool: Pool
  readonly because: string
}

interface Rule {
  readonly says: string
  readonly to?: Senders
  readonly from?: Senders
  readonly logins?: ReadonlySet<string>
  readonly classes?: ReadonlySet<SenderClass>
  readonly pool: Pool
}

type PoolConfig = Infer<typeof POOLS>[string]
type RuleConfig = Infer<typeof POOL_RULES>[number]

export class Pools {
  readonly #pools = new Map<string, Pool>()
  readonly #rules: readonly Rule[]
  readonly #faults: Fault[] = []
  readonly #place: NonNullable<Reading['fault']>

  /** Throws a `ConfigError`. `helo`: of sources without one of their own. */
  constructor(pools: Infer<typeof POOLS>, rules: Infer<typeof POOL_RULES>, helo: string, reading: Reading = {}) {
    this.#place = reading.fault ?? ((path, message) => ({ file: path.join('.'), line: 1, column: 1, message }))
    for (const [name, pool] of Object.entries(pools)) this.#pools.set(name, this.#pool(name, pool, helo))
    this.#rules = rules.flatMap((rule, at) => this.#rule(rule, at) ?? [])
    if (this.#faults.length > 0) throw new ConfigError(this.#faults)
  }

  get all(): ReadonlyMap<string, Pool> {
    return this.#pools
  }

  get names(): readonly string[] {
    return [...this.#pools.keys()]
  }

  /** All names that we greet by. */
  get helos(): ReadonlySet<string> {
    return new Set([...this.#pools.values()].flatMap(({ sources }) => sources.map(({ helo }) => helo.toLowerCase())))
  }

  /** `undefined`: the system chooses the address, and we have our usual name. */
  choose(domain: string, route: Route | undefined, by: SentBy): Choice | undefined {
    const named = route?.pool === undefined ? undefined : this.#pools.get(route.pool)
    if (named !== undefined) return { pool: named, because: route!.says }
    const rule = this.#rules.find(
      one =>
        (one.to === undefined || one.to.has({ local: '', domain })) &&
        fits(one, by) &&
        (one.classes === undefined || (by.senderClass !== undefined && one.classes.has(by.senderClass))),
    )
    return rule === undefined ? undefined : { pool: rule.pool, because: rule.says }
  }

  #pool(name: string, { sources }: PoolConfig, helo: string): Pool {
    return { name, sources: sources.map((source, at) => this.#source(name, source, at, helo)) }
  }

  #source(name: string, config: PoolConfig['sources'][number], at: number, usual: string): Source {
    const path = ['pools', name, 'sources', at]
    const { address, weight = 1, warm_up: plan, helo = usual } = config
    const addresses = typeof address === 'string' ? [address] : address
    const [four, six] = [addresses.find(one => isIP(one) === 4), addresses.find(one => isIP(one) === 6)]
    for (const [i, one] of addresses.entries()) {
      const spot = [...path, 'address', ...(typeof address === 'string' ? [] : [i])]
      if (isIP(one) === 0) this.#wrong(spot, `expected an IP address such as 192.0.2.7 or 2001:db8::7, found "${one}"`)
      else if (one !== four && one !== six)
        this.#wrong(spot, `expected one address of each family, found a second: "${one}"`)
    }
    const warmUp = plan === undefined ? undefined : readWarmUp(plan)
    if (plan !== undefined && warmUp === undefined)
      this.#wrong([...path, 'warm_up', 'since'], `expected a day such as 2026-11-30, found "${plan.since}"`)
    return {
      says: `${name}: ${addresses.join(' ')} (${helo})`,
      pool: name,
      helo,
      weight,
      ...(four === undefined ? {} : { four }),
      ...(six === undefined ? {} : { six }),
      ...(warmUp === undefined ? {} : { warmUp }),
    }
  }

  #rule(config: RuleConfig, at: number): Rule | undefined {
    const path = ['pool_rules', at]
    const { to, from, login, class: classes } = config
    const pool = this.#pools.get(config.pool)
    if (pool === undefined) {
      const meant = closest(config.pool, this.names)
      const hint =
        meant === undefined ? `; there are: ${this.names.join(', ') || 'none'}` : `, did you mean "${meant}"?`
      this.#wrong([...path, 'pool'], `there is no pool "${config.pool}"${hint}`)
      return undefined
    }
    const { file, line, column } = this.#place(path, '')
    return {
      pool,
      says: `rule ${at + 1} of pool_rules (${file.split('/').at(-1)}:${line}:${column})`,
      ...(to === undefined ? {} : { to: this.#domains(to, [...path, 'to']) }),
      ...(from === undefined ? {} : { from: this.#senders(from, [...path, 'from']) }),
      ...(login === undefined ? {} : { logins: new Set(login.map(name => name.toLowerCase())) }),
      ...(classes === undefined ? {} : { classes: new Set(classes) }),
    }
  }

  #domains(patterns: readonly string[], path: YamlPath): Senders {
    const domains = new Senders()
    for (const [at, pattern] of patterns.entries()) {
      const bare = pattern.startsWith('.') ? pattern.slice(1) : pattern
      const fit = pattern === '*' || (!pattern.includes('@') && domainOf(bare) !== undefined)
      if (!fit || !domains.add(pattern)) this.#wrong([...path, at], `expected domain, .domain or *, found "${pattern}"`)
    }
    return domains
  }

  #senders(patterns: readonly string[], path: YamlPath): Senders {
    const senders = new Senders()
    for (const [at, pattern] of patterns.entries()) {
      if (!senders.add(pattern))
        this.#wrong([...path, at], `expected user@domain, domain, .domain, * or <>, found "${pattern}"`)
    }
    return senders
  }

  #wrong(path: YamlPath, message: string): void {
    this.#faults.push(this.#place(path, message))
  }
}
