/**
 * Reads server.yaml and plugins.yaml and says everything that is wrong with them at once.
 * What a schema cannot say (names that must differ, pairs that belong together) is checked here; what only a plugin can know is
 * checked when plugins are found.
 */
import { getServers } from 'node:dns'
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Fault, Infer, JsonSchema } from '../api/index.js'
import { parseDuration, parseSize } from '../text/units.js'
import { inOrder, type ReadSource, readSource } from './files.js'
import { KeptChecks } from './kept-checks.js'
import { type Judging, judgeTls } from './pem.js'
import { queueFaults, toQueue } from './queue.js'
import { PLUGINS, SERVER } from './schema.js'
import type { Config, KnownConfig, LimitsConfig, ListenerConfig, PluginEntry, TlsConfig } from './types.js'
import type { YamlSource } from './yaml.js'

export interface ConfigRead {
  readonly config?: Config
  /** Stands beside `config`. */
  known?(): KnownConfig
  /** The entries of plugins.yaml when that file is right, so that they can be checked although server.yaml is wrong. */
  readonly plugins?: readonly PluginEntry[]
  readonly faults: readonly Fault[]
  /** Worth a word, but no reason not to start. */
  readonly warnings: readonly Fault[]
}

type RawServer = Infer<typeof SERVER>
type RawEntry = Infer<typeof PLUGINS>[number]

/** `judging`: what is said of the files of certificates and keys. */
export async function loadConfig(dir: string, judging: Judging = 'serve', known?: KnownConfig): Promise<ConfigRead> {
  const home = resolve(dir)
  const [serverSource, listSource] = [
    await readSource(resolve(home, 'server.yaml'), known?.server),
    await readSource(resolve(home, 'plugins.yaml'), known?.plugins),
  ]
  if (isMissing(serverSource) && isMissing(listSource)) return { faults: [nowhere(serverSource.fault)], warnings: [] }
  const kept = keptFor(home, serverSource.source)
  const server = checked(serverSource, SERVER, kept)
  const list = checked(listSource, PLUGINS, kept)
  const faults = [...server.faults, ...list.faults]
  const plugins = list.value?.map((raw, i) => toEntry(list.source!, raw, i, kept))
  const warnings: Fault[] = []
  if (server.value && server.source) {
    const { source, value } = server
    faults.push(...contradictions(source, value), ...noDirectory(source, resolve(home, value.data)))
    const judged = judgeTls({ source, tls: value.tls, user: value.user, dir: home, now: Date.now() }, judging)
    faults.push(...judged.faults)
    warnings.push(...judged.warnings, ...distrust(source, value.dns))
  }
  if (faults.length > 0 || !server.value || !plugins)
    return { faults: inOrder(faults), warnings: inOrder(warnings), ...(plugins && { plugins }) }
  return {
    config: toConfig(home, server.value, plugins, kept),
    known: () => ({ server: server.source?.known(), plugins: list.source?.known() }),
    plugins,
    faults: [],
    warnings: inOrder(warnings),
  }
}

function isMissing(read: ReadSource): read is Extract<ReadSource, { readonly missing: boolean }> {
  return read.source === undefined && read.missing
}

/** Of two files that are missing, one is enough to say so. */
function nowhere(fault: Fault): Fault {
  return {
    ...fault,
    message: `${fault.message}; --config names the directory it is in, and \`posthouse init\` writes a new one`,
  }
}

interface CheckedFile<T> {
  readonly source?: YamlSource
  readonly value?: T | undefined
  readonly faults: readonly Fault[]
}

/** In the data directory, before anybody has said that its name is one. */
function keptFor(home: string, source: YamlSource | undefined): KeptChecks | undefined {
  if (source === undefined || source.broken) return undefined
  const named = source.value(['data']) ?? SERVER.properties.data.default
  return typeof named === 'string' && named !== '' ? KeptChecks.in(resolve(home, named)) : undefined
}

function checked<S extends JsonSchema>(
  { source, ...none }: ReadSource,
  schema: S,
  kept: KeptChecks | undefined,
): CheckedFile<Infer<S>> {
  if (source === undefined) return { faults: 'fault' in none ? [none.fault] : [] }
  if (source.broken) return { source, faults: source.faults }
  const { value, faults } = source.check(schema, [], kept)
  return { source, value, faults: [...source.faults, ...faults] }
}

function toEntry(source: YamlSource, raw: RawEntry, index: number, kept: KeptChecks | undefined): PluginEntry {
  return {
    use: raw.use,
    with: raw.with,
    unless: raw.unless,
    on: raw.on,
    timeoutMs: timerMs(raw.timeout),
    onError: raw.on_error,
    mode: raw.mode,
    get place() {
      return { file: source.file, ...source.at([index]) }
    },
    check: schema => source.check(schema, [index, 'with'], kept),
    fault: (path, message) => source.fault([index, ...path], message),
  }
}

// ── what belongs together ───────────────────────────────────────────────────────────────────────────────────────────────

function contradictions(source: YamlSource, raw: RawServer): readonly Fault[] {
  const faults = [...twice(source, raw, 'name'), ...twice(source, raw, 'address')]
  raw.listeners.forEach((listener, i) => {
    if (listener.auth !== 'none' && listener.tls === 'none' && !listener.cleartext_auth) {
      const message = 'nobody can log in here: AUTH waits for TLS, and there is none; set tls, or cleartext_auth: true'
      faults.push(source.fault(['listeners', i, 'auth'], message))
    }
    if (listener.client_certificates !== 'none' && raw.tls.client_ca === undefined) {
      const message = 'client certificates cannot be checked: tls.client_ca names no authority'
      faults.push(source.fault(['listeners', i, 'client_certificates'], message))
    }
  })
  if (raw.group !== undefined && raw.user === undefined)
    faults.push(source.fault(['group'], 'group needs user beside it'))
  return [...faults, ...queueFaults(source, raw.queue)]
}

/** Where something else than a directory is in the way of the data directory. */
function noDirectory(source: YamlSource, path: string): readonly Fault[] {
  const there = whatIs(path)
  if (there === 'directory') return []
  if (there === 'other')
    return [source.fault(['data'], `${path} is no directory; data names the directory for all data`)]
  return path === dirname(path) ? [] : noDirectory(source, dirname(path))
}

/** Nothing where it cannot be told: who may not look will hear of that when it is opened. */
function whatIs(path: string): 'directory' | 'other' | undefined {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other'
  } catch {
    return undefined
  }
}

/** RFC 4035 §4.9.3: the AD bit is worth what the way to the resolver is worth. */
function distrust(source: YamlSource, { servers, trust_ad }: RawServer['dns']): readonly Fault[] {
  if (trust_ad !== true) return []
  const far = (servers === 'system' ? getServers() : servers).filter(server => !isLoopback(server))
  if (far.length === 0) return []
  const message = `${far.join(', ')}: not on this machine, so anybody on the way can say that answers are validated; take a validating resolver on 127.0.0.1, or say \`anywhere\` when the way is safe`
  return [source.fault(['dns', 'trust_ad'], message)]
}

function isLoopback(server: string): boolean {
  return /^(127\.|::1$|\[::1\])/.test(server)
}

/** Port 0 takes any free port, so it never collides. */
function twice(source: YamlSource, raw: RawServer, key: 'name' | 'address'): readonly Fault[] {
  const first = new Map<string, number>()
  const faults: Fault[] = []
  raw.listeners.forEach((listener, i) => {
    const value = listener[key].toLowerCase()
    const earlier = first.get(value)
    if (earlier === undefined || (key === 'address' && value.endsWith(':0'))) {
      first.set(value, i)
      return
    }
    const { line } = source.at(['listeners', earlier, key])
    faults.push(
      source.fault(['listeners', i, key], `another listener has this ${key}, in line ${line}: ${listener[key]}`),
    )
  })
  return faults
}

// ── from what is written to what is meant ───────────────────────────────────────────────────────────────────────────────

function toConfig(dir: string, raw: RawServer, plugins: readonly PluginEntry[], kept: KeptChecks | undefined): Config {
  return {
    dir,
    dataDir: resolve(dir, raw.data),
    name: raw.name.toLowerCase(),
    domains: raw.domains.map(domain => domain.toLowerCase()),
    relayDomains: raw.relay_domains.map(domain => domain.toLowerCase()),
    trusted: raw.trusted,
    proxy: raw.proxy,
    xclient: raw.xclient,
    xforward: raw.xforward,
    workers: raw.workers,
    ...(raw.user !== undefined && { user: raw.user }),
    ...(raw.group !== undefined && { group: raw.group }),
    listeners: raw.listeners.map(toListener),
    tls: toTls(dir, raw.tls),
    limits: toLimits(raw.limits),
    smtp: {
      policies: {
        bareCr: raw.smtp.bare_cr,
        bareLf: raw.smtp.bare_lf,
        nul: raw.smtp.nul,
        earlyTalk: raw.smtp.early_talk,
        beforeTls: raw.smtp.before_tls,
      },
      wishes: {
        maxHoldMs: ms(raw.smtp.max_hold),
        leastByMs: ms(raw.smtp.least_deliver_by),
        maxPriority: raw.smtp.max_priority,
      },
      requireTls: raw.smtp.require_tls,
      vrfy: raw.smtp.vrfy,
      ...(raw.smtp.banner !== undefined && { banner: raw.smtp.banner }),
      without: raw.smtp.without.map(keyword => keyword.toUpperCase()),
    },
    queue: toQueue(raw.queue, timerMs),
    dns: {
      servers: raw.dns.servers,
      timeoutMs: timerMs(raw.dns.timeout),
      tries: raw.dns.tries,
      trustAd: raw.dns.trust_ad !== false,
    },
    log: { ...raw.log, file: raw.log.file === '-' ? '-' : resolve(dir, raw.log.file) },
    drainMs: timerMs(raw.drain_timeout),
    plugins,
    ...(kept !== undefined && { kept }),
  }
}

function toListener(raw: RawServer['listeners'][number]): ListenerConfig {
  const { cleartext_auth: cleartextAuth, client_certificates: clientCertificates, ...same } = raw
  return { ...same, cleartextAuth, clientCertificates }
}

function toTls(dir: string, { certificate, key, certificates, ...raw }: RawServer['tls']): TlsConfig {
  const first = certificate !== undefined && key !== undefined ? [{ certificate, key }] : []
  return {
    pairs: [...first, ...certificates].map(pair => ({
      ...pair,
      certificate: resolve(dir, pair.certificate),
      key: resolve(dir, pair.key),
    })),
    minVersion: raw.min_version,
    ...(raw.ciphers !== undefined && { ciphers: raw.ciphers }),
    ...(raw.client_ca !== undefined && { clientCa: resolve(dir, raw.client_ca) }),
  }
}

function toLimits(raw: RawServer['limits']): LimitsConfig {
  return {
    messageBytes: bytes(raw.message_size),
    recipients: raw.recipients,
    headerBytes: bytes(raw.header_size),
    lineBytes: bytes(raw.line_length),
    commands: raw.commands,
    ...(raw.messages !== undefined && { messages: raw.messages }),
    errors: raw.errors,
    connections: raw.connections,
    connectionsTotal: raw.connections_total,
    connectionsPerNetwork: raw.connections_per_network,
    exempt: raw.exempt,
    commandsBeforeLogin: raw.commands_before_login,
    commandMs: timerMs(raw.command_timeout),
    dataMs: timerMs(raw.data_timeout),
    messageMs: timerMs(raw.message_timeout),
    hops: raw.hops,
  }
}

/** The schema's format has let it pass. */
function ms(duration: string): number {
  return parseDuration(duration) ?? 0
}

/** Node's timers fire at once when they are asked to wait for 2^31 ms or more; this leaves room to add to it. */
const LONGEST_TIMER_MS = 2_000_000_000

function timerMs(duration: string): number {
  return Math.min(ms(duration), LONGEST_TIMER_MS)
}

function bytes(size: string): number {
  return parseSize(size) ?? 0
}
