/**
 * Sends mail out: target `mx`. Hosts are found by static route or MX (`hosts.ts`), jobs go over our own pipelining client (`client/`).
 * It decides nothing about who may send: core lets only allowed claims reach a remote target.
 * As shipped there is neither resolver nor route, so mail waits and says what to set.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Address, definePlugin, type PluginContext, type SentBy, type Target } from 'posthouse/api'
import { domainKey, parseDuration } from 'posthouse/text'
import { addressesOf } from './addresses/addresses.js'
import { Families } from './addresses/families.js'
import { OwnAddresses } from './addresses/own.js'
import { Chunkless } from './client/chunkless.js'
import type { Limits } from './client/session.js'
import { CONFIG, type Config } from './config.js'
import { deliverJob } from './deliver.js'
import { explain } from './explain.js'
import type { HostOptions } from './hosts.js'
import type { OfferOptions } from './offer.js'
import type { DeliveryOptions } from './options.js'
import { mailClient } from './over.js'
import { Paces } from './paces.js'
import { SessionPool } from './pool.js'
import { Rests } from './rests.js'
import type { Reading } from './routes/read.js'
import { Routes } from './routes/routes.js'
import { Sites } from './sites.js'
import { Pools } from './sources/pools.js'
import { WarmUp } from './sources/warm-up.js'
import { Policies } from './sts/policies.js'

export default definePlugin({
  name: 'mx',
  summary: 'Delivers to the mail hosts of other domains: by MX or static route, with opportunistic TLS',
  config: CONFIG,
  supplies: ['mail-client'],
  async setup(context) {
    const { config, dns, clock, files, metrics, server, state } = context
    const ca = config.ca === undefined ? undefined : await readFile(files.resolve(config.ca), 'utf8')
    const now = () => clock.now()
    const pool = new SessionPool({
      idleMs: ms(config.keep_idle),
      maxIdle: config.max_idle,
      maxUses: 100,
      maxAgeMs: 60_000,
      now,
    })
    const ownName = domainKey(server.name)
    const helo = config.helo ?? ownName
    const reading = readingOf(context)
    const pools = new Pools(config.pools, config.pool_rules, helo, reading)
    const routes = new Routes(config.routes, { ...reading, pools: pools.names })
    const hosts: HostOptions = {
      routes,
      dns,
      ownName,
      port: config.port,
      maxHosts: config.max_hosts,
      allowPrivate: config.allow_private,
      own: new OwnAddresses(server.doors ?? [], config.own_addresses),
      families: new Families(now),
      random: Math.random,
    }
    const policies = await policiesOf(context, hosts)
    const sites = new Sites(state, clock, context.log)
    const offer: OfferOptions = { chunkless: new Chunkless(now, !config.chunking), convert: config.convert_8bit }
    const options: DeliveryOptions = {
      hosts,
      session: { helo, tls: config.tls, limits: limitsOf(config), now },
      ...(ca === undefined ? {} : { ca }),
      ...(policies === undefined ? {} : { policies }),
      pool,
      results: { note: result => context.services.find('tls-results')?.note(result) },
      sources: { pools, clock, warmUp: new WarmUp(state, clock), rests: new Rests(now), random: Math.random },
      logins: new Rests(now),
      offer,
      paces: new Paces(now),
      maxAttempts: config.max_hosts * 3,
      sites,
    }
    if (context.purpose === 'serve') await sites.recall()
    const lane = (to: Address, by?: SentBy) => routes.find(to.domain, by)?.lane ?? domainKey(to.domain)
    const target: Target = {
      scope: 'remote',
      lane,
      site: name => sites.of(name),
      explain: (to, by, signal) => explain(to, by, { ...options, pools, lane }, signal),
      async deliver(job, call) {
        const outcomes = await deliverJob(job, call, options)
        for (const outcome of outcomes) metrics.count(`mx.${outcome.kind}`)
        return outcomes
      },
    }
    const services = { 'mail-client': mailClient({ ...options.session, offer }) }
    return { targets: { mx: target }, services, dispose: () => pool.close() }
  },
})

/** `undefined`: nothing is looked up, or nothing would be sent by TLS anyway. */
async function policiesOf(context: PluginContext<Config>, hosts: HostOptions): Promise<Policies | undefined> {
  const { config, dns, state, clock, log, metrics, signal, files } = context
  const { use, port, timeout, ca } = config.sts
  if (!use || config.tls === 'never' || !dns.configured) return undefined
  return new Policies({
    ...{ dns, state, clock, log, metrics, signal, port },
    ...(ca === undefined ? {} : { ca: await readFile(files.resolve(ca), 'utf8') }),
    timeoutMs: ms(timeout),
    async addresses(name, during) {
      const found = await addressesOf({ name, port, fixed: false }, hosts, during)
      return found.kind === 'addresses' ? found.addresses : []
    },
  })
}

function readingOf({ fault, files, dns }: PluginContext<Config>): Reading {
  const path = (name: string) => files.resolve(name)
  return { fault, path, validates: dns.validated !== undefined, file: name => readFileSync(path(name), 'utf8') }
}

function limitsOf(config: Config): Limits {
  return {
    connectMs: ms(config.connect_timeout),
    greetingMs: ms(config.greeting_timeout),
    commandMs: ms(config.command_timeout),
    dataMs: ms(config.data_timeout),
    blockMs: ms(config.block_timeout),
    finalMs: ms(config.final_timeout),
  }
}

function ms(text: string): number {
  const value = parseDuration(text)
  if (value === undefined) throw new Error(`"${text}" is not a duration such as 30s or 5m`)
  return value
}
