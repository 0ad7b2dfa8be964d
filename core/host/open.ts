/**
 * Sets the plugins up for one command, beside a running server or without one, and takes them down in order.
 * Like a worker, a command gives up root before it runs a plugin: what it writes must belong to the server's user.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Bus, ConfigError, type ServiceTable } from '../api/index.js'
import { makeDir } from '../config/files.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/types.js'
import { openLog } from '../log/log.js'
import { joinBus } from './bus.js'
import type { AssembledForCommand, CliParts } from './command-base.js'
import { suppliersOf } from './find.js'
import type { Loaded } from './loaded.js'
import { MemoryMetrics } from './metrics.js'
import { giveUpRoot, handOver } from './owner.js'

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
    await makeDir(config.dataDir, 0o700)
    handOver(config, config.dataDir)
  }
  giveUpRoot(config)
  const { log } = openLog({ level: 'warn', file: 'err', pretty: 'always' })
  const bus = joinBus(join(config.dataDir, 'control.sock'), log, false)
  try {
    const base = { config, log, bus, clock: Date, metrics: new MemoryMetrics(), purpose }
    const assembled = await parts.assemble(base)
    try {
      return await work(assembled.loaded, config, assembled, bus)
    } finally {
      const store = assembled.loaded.services.find('store')
      await assembled.close()
      await store?.close()
    }
  } finally {
    await bus.close()
  }
}
