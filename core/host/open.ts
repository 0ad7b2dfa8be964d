/**
 * Sets the plugins up for one command, beside a running server or without one, and takes them down in order.
 * Like a worker, a command gives up root before it runs a plugin: what it writes must belong to the server's user.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bus, ConfigError, type ServiceTable } from '../api/index.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/types.js'
import { openLog } from '../log/log.js'
import { joinBus } from './bus.js'
import type { AssembledForCommand, CliParts } from './command-base.js'
import { suppliersOf } from './find.js'
import { type Loaded, loadRest } from './loaded.js'
import { MemoryMetrics } from './metrics.js'
import { makeDataDir } from './named-dirs.js'
import { givesUpRoot, giveUpRoot, handOver } from './owner.js'
import { Rehearsal } from './rehearsal.js'

/** Throws `ConfigError`. What `work` resolves to, after everything is closed and on disk. `only`: the services that are enough for it. */
export async function withPlugins<T>(
  configDir: string,
  parts: Pick<CliParts, 'assemble'>,
  purpose: 'serve' | 'command',
  work: (loaded: Loaded, config: Config, assembled: AssembledForCommand, bus: Bus) => Promise<T>,
  only?: readonly (keyof ServiceTable)[],
): Promise<T> {
  const { config: whole, faults } = await loadConfig(configDir, 'leave')
  if (whole === undefined) throw new ConfigError(faults)
  const config = only === undefined ? whole : { ...whole, plugins: await suppliersOf(only, whole.plugins, whole.dir) }
  if (!existsSync(config.dataDir)) {
    await makeDataDir(config)
    handOver(config, config.dataDir)
  }
  giveUpRoot(config)
  return working(config, parts, purpose, work)
}

/**
 * Where the server has never run: the same over an empty folder that goes again, for whoever needs no data. Nothing where there are data, and for root where it
 * is given up: it could not make the data directory afterwards.
 */
export async function withoutData<T>(
  configDir: string,
  parts: Pick<CliParts, 'assemble'>,
  work: (loaded: Loaded) => Promise<T>,
): Promise<T | undefined> {
  const { config } = await loadConfig(configDir, 'leave')
  if (config === undefined || existsSync(config.dataDir) || givesUpRoot(config)) return undefined
  const dataDir = await mkdtemp(join(tmpdir(), 'posthouse-'))
  try {
    return await working({ ...config, dataDir }, parts, 'command', work)
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function working<T>(
  config: Config,
  parts: Pick<CliParts, 'assemble'>,
  purpose: 'serve' | 'command',
  work: (loaded: Loaded, config: Config, assembled: AssembledForCommand, bus: Bus) => Promise<T>,
): Promise<T> {
  const { log } = openLog({ level: 'warn', file: 'err', pretty: 'always' })
  const bus = joinBus(join(config.dataDir, 'control.sock'), () => log, false)
  try {
    const base = { config, log, bus, clock: Date, metrics: new MemoryMetrics(), purpose }
    const assembled = await parts.assemble(base)
    try {
      return await work(assembled.loaded, config, assembled, bus)
    } finally {
      await assembled.close()
    }
  } finally {
    await bus.close()
  }
}

/** Nobody hears of it, and nothing is heard. */
const SILENCE: Bus = { publish: () => undefined, subscribe: () => () => undefined }

/**
 * Sets the plugins up for judging mail again, beside a running server or without one: they read what is in the data directory and change nothing.
 * `dns`: they may ask the name service. Throws `ConfigError`.
 */
export async function rehearse<T>(
  config: Config,
  { assemble }: Pick<CliParts, 'assemble'>,
  { dns }: { readonly dns: boolean },
  work: (assembled: AssembledForCommand, rehearsal: Rehearsal) => Promise<T>,
): Promise<T> {
  giveUpRoot(config)
  // what a server says about itself at its start is of no interest here
  const { log } = openLog({ level: 'error', file: 'err', pretty: 'always' })
  const rehearsal = new Rehearsal()
  const still = dns ? config : { ...config, dns: { ...config.dns, servers: [] } }
  const base = { config: still, log, bus: SILENCE, clock: rehearsal.clock, metrics: new MemoryMetrics(), rehearsal }
  // As for a server: the faults of rule files and lists are to be told now.
  const assembled = await assemble({ ...base, purpose: 'serve' })
  try {
    await loadRest(assembled.loaded)
    return await work(assembled, rehearsal)
  } finally {
    await assembled.close()
  }
}
