/** `posthouse check`: everything that is wrong in the configuration and the files of its plugins, all at once. */
import { ConfigError, type Fault } from '../../api/index.js'
import { inOrder } from '../../config/files.js'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/types.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { daysLeft, expiring } from '../expiry.js'
import { findPlugins } from '../find.js'
import { type LoadedEntry, loadRest } from '../loaded.js'
import { withPlugins } from '../open.js'
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
    const summary = await withPlugins(dir, parts, 'serve', async ({ entries, listeners }, config) => {
      await loadRest({ entries })
      warnings.push(...misplaced(entries))
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
