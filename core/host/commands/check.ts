/** `posthouse check`: everything that is wrong in the configuration and the files of its plugins, all at once. */
import { ConfigError, type Fault } from '../../api/index.js'
import { inOrder } from '../../config/files.js'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/types.js'
import { NO_ROUTE } from '../../pipeline/routing.js'
import type { AssembledForCommand, CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { daysLeft, expiring } from '../expiry.js'
import { findPlugins } from '../find.js'
import { type Loaded, type LoadedEntry, loadRest } from '../loaded.js'
import { withPlugins } from '../open.js'
import { serverFault } from '../server-fault.js'
import { readSource, sourcesOf } from '../sources.js'

export function checkCommand(parts: CliParts): OwnCommand {
  return {
    name: 'check',
    summary: 'check the configuration and the files of its plugins; lists all faults',
    arity: [0, 0],
    run: async run => {
      const { faults, warnings, summary } = await check(run.configDir, parts)
      if (run.json) run.print(JSON.stringify({ ok: faults.length === 0, faults, warnings }, null, 2))
      else report(run, faults, warnings, summary)
      return faults.length === 0 ? 0 : 1
    },
  }
}

interface Checked {
  readonly faults: readonly Fault[]
  /** Worth a word, but no fault. */
  readonly warnings: readonly Fault[]
  readonly summary: string
}

/** Everything that is wrong. */
export async function faultsOf(dir: string, parts: CliParts): Promise<readonly Fault[]> {
  return (await check(dir, parts)).faults
}

async function check(dir: string, parts: CliParts): Promise<Checked> {
  const read = await loadConfig(dir, 'strict')
  if (read.config === undefined) {
    // what plugins know of their entries can be said all the same
    const { faults } = await findPlugins(read.plugins ?? [], dir)
    return { faults: inOrder([...read.faults, ...faults]), warnings: read.warnings, summary: '' }
  }
  const warnings = [...read.warnings, ...(await expiringIssued(read.config))]
  try {
    const summary = await withPlugins(dir, parts, 'serve', async (loaded, config, { route }) => {
      const { entries, listeners } = loaded
      await loadRest(loaded)
      await config.kept?.save()
      warnings.push(...misplaced(entries), ...(await untaken(loaded, config, route)))
      const doors = config.listeners.length + listeners.length
      return `the configuration in ${dir} is right: ${doors} listeners, ${entries.length} plugins`
    })
    return { faults: [], warnings, summary }
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults, warnings, summary: '' }
    throw error
  }
}

/** Pure. Entries in the order of plugins.yaml. */
function misplaced(entries: readonly LoadedEntry[]): readonly Fault[] {
  return entries.flatMap(({ entry, plugin, contribution: { above = [] } }, at) => {
    const before = entries.slice(0, at).find(one => above.includes(one.plugin.name))
    if (before === undefined) return []
    const message = `"${plugin.name}" stands below "${before.plugin.name}", which answers in its place; put it above`
    return [entry.fault(['use'], message)]
  })
}

/**
 * Domains of ours whose mail nobody takes. Who says whose mailboxes an address stands for takes it, and is not asked: that may mean a directory far
 * away. Of others every domain must take mail for its postmaster (RFC 5321 §4.5.1), so that one is asked for.
 */
async function untaken(
  { services }: Loaded,
  config: Config,
  route: AssembledForCommand['route'],
): Promise<readonly Fault[]> {
  if (services.find('local-recipients') !== undefined) return []
  const left: number[] = []
  for (const [at, domain] of config.domains.entries()) {
    const routed = await route({ local: 'postmaster', domain })
    if ('kind' in routed && routed.kind === 'reject' && routed.because?.rule === NO_ROUTE) left.push(at)
  }
  const message = (domain: string) =>
    `no plugin takes mail for ${domain}, so all of it is refused; add "- use: mda" to plugins.yaml, or name the domain in relay_domains if another server has its mailboxes`
  return Promise.all(left.map(at => serverFault(config, ['domains', at], message(config.domains[at]!))))
}

/** Those that server.yaml does not name. */
async function expiringIssued(config: Config): Promise<readonly Fault[]> {
  const now = Date.now()
  const found: Fault[] = []
  for (const source of (await sourcesOf(config)).filter(({ kind }) => kind !== 'configured')) {
    const read = await readSource(source, config.dataDir)
    const [one] = 'pair' in read ? expiring([read.pair], now) : []
    if (one === undefined) continue
    const days = daysLeft(one.facts, now)
    const message = one.mark === 0 ? 'this certificate has run out' : `this certificate runs out in ${days} days`
    found.push({ file: source.certificate, line: 1, column: 1, message })
  }
  return found
}

function report(run: OwnRun, faults: readonly Fault[], warnings: readonly Fault[], summary: string): void {
  for (const { file, line, column, message } of warnings) run.warn(`${file}:${line}:${column}: warning: ${message}`)
  for (const { file, line, column, message } of faults) run.print(`${file}:${line}:${column}: ${message}`)
  if (faults.length === 0) run.print(summary)
  else run.warn(`posthouse: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`)
}
