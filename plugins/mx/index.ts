/**
 * Sends mail out: target `mx`. Hosts are found by static route or MX (`hosts.ts`), jobs go over our own pipelining client (`client/`).
 * It decides nothing about who may send: core lets only allowed claims reach a remote target.
 * As shipped there is neither resolver nor route, so mail waits and says what to set.
 */
import { readFile } from 'node:fs/promises'
import { definePlugin, type Infer, type PluginContext, type Target } from 'posthouse/api'
import { parseDuration, toAsciiDomain } from 'posthouse/text'
import type { Limits } from './client/session.js'
import { type DeliveryOptions, deliverJob } from './deliver.js'
import { addressesOf, type HostOptions } from './hosts.js'
import { mailClient } from './over.js'
import { SessionPool } from './pool.js'
import { Routes } from './routes.js'
import { Policies } from './sts/policies.js'

const duration = (value: string, description: string) =>
  ({ type: 'string', format: 'duration', default: value, description }) as const

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    routes: {
      type: 'object',
      description:
        'Domains with a fixed next host: "example.org", ".example.org" (its subdomains) or "*" → "host:port"',
      additionalProperties: { type: 'string', pattern: '^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$' },
      default: {},
      examples: [{ 'example.org': '127.0.0.1:2525' }],
    },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 25, description: 'Port of mail hosts found by MX' },
    tls: {
      enum: ['opportunistic', 'required', 'never'],
      default: 'opportunistic',
      description: 'STARTTLS when offered and clear text otherwise; only with TLS; or not at all',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description:
        'PEM file of authorities to believe where a mail host must prove itself (MTA-STS, REQUIRETLS); left out: those Node.js knows',
    },
    sts: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'MTA-STS: what the domains of recipients ask of their mail hosts',
      properties: {
        use: { type: 'boolean', default: true, description: 'Look for policies and keep to them' },
        ca: {
          type: 'string',
          minLength: 1,
          description: 'PEM file of authorities to believe for policy hosts; left out: those Node.js knows',
        },
        port: {
          type: 'integer',
          minimum: 1,
          maximum: 65535,
          default: 443,
          description: 'Port of policy hosts; in the world it is always 443',
        },
        timeout: duration('60s', 'For the fetch of a policy'),
      },
    },
    helo: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'Name in EHLO; left out: the name of this server',
    },
    max_hosts: { type: 'integer', minimum: 1, maximum: 50, default: 5, description: 'Mail hosts tried per attempt' },
    allow_private: {
      type: 'boolean',
      default: false,
      description: 'Let MX and A records lead to loopback and private networks (routes always may)',
    },
    connect_timeout: duration('30s', 'For the TCP connection'),
    greeting_timeout: duration('5m', 'For the greeting'),
    command_timeout: duration('5m', 'For the reply to EHLO, MAIL, RCPT, and for the TLS handshake'),
    data_timeout: duration('2m', 'For the reply to DATA'),
    block_timeout: duration('3m', 'For the peer to take a block of data'),
    final_timeout: duration('10m', 'For the reply to the end of the message'),
    keep_idle: duration('5s', 'How long a connection is kept for the next mail; 0s: not at all'),
    max_idle: { type: 'integer', minimum: 0, maximum: 1000, default: 20, description: 'Connections kept at most' },
  },
} as const

type Config = Infer<typeof CONFIG>

export default definePlugin({
  name: 'mx',
  summary: 'Delivers to the mail hosts of other domains: by MX or static route, with opportunistic TLS',
  config: CONFIG,
  supplies: ['mail-client'],
  async setup(context) {
    const { config, dns, clock, files, metrics, server } = context
    const ca = config.ca === undefined ? undefined : await readFile(files.resolve(config.ca), 'utf8')
    const routes = new Routes(config.routes)
    const now = () => clock.now()
    const pool = new SessionPool({
      idleMs: ms(config.keep_idle),
      maxIdle: config.max_idle,
      maxUses: 100,
      maxAgeMs: 60_000,
      now,
    })
    const ownName = toAsciiDomain(server.name) ?? server.name.toLowerCase()
    const hosts: HostOptions = {
      routes,
      dns,
      ownName,
      port: config.port,
      maxHosts: config.max_hosts,
      allowPrivate: config.allow_private,
      random: Math.random,
    }
    const policies = await policiesOf(context, hosts)
    const options: DeliveryOptions = {
      hosts,
      session: { helo: config.helo ?? ownName, tls: config.tls, limits: limitsOf(config), now },
      ...(ca === undefined ? {} : { ca }),
      ...(policies === undefined ? {} : { policies }),
      pool,
      maxAttempts: config.max_hosts * 3,
      lane: domain => laneOf(routes, domain),
    }
    const target: Target = {
      scope: 'remote',
      lane: to => laneOf(routes, to.domain),
      async deliver(job, call) {
        const outcomes = await deliverJob(job, call, options)
        for (const outcome of outcomes) metrics.count(`mx.${outcome.kind}`)
        return outcomes
      },
    }
    const services = { 'mail-client': mailClient(options.session) }
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

/** Domains with the same route share a lane, and so their connections. */
function laneOf(routes: Routes, domain: string): string {
  const route = routes.find(domain)
  return route === undefined ? domain.toLowerCase() : `${route.host}:${route.port}`
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
