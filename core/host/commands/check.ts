/** `posthouse check`: everything that is wrong in the configuration and the files of its plugins, all at once. */
import { ConfigError, type Fault } from '../../api/index.js'
import { inOrder } from '../../config/files.js'
import { loadConfig } from '../../config/load.js'
import type { CliParts, OwnCommand, OwnRun } from '../command-base.js'
import { findPlugins } from '../find.js'
import { withPlugins } from '../open.js'

export function checkCommand(parts: CliParts): OwnCommand {
  return {
    name: 'check',
    summary: 'check the configuration and the files of its plugins; lists all faults',
    arity: [0, 0],
    run: async run => {
      const { faults, summary } = await check(run.configDir, parts)
      if (run.json) run.print(JSON.stringify({ ok: faults.length === 0, faults }, null, 2))
      else report(run, faults, summary)
      return faults.length === 0 ? 0 : 1
    },
  }
}

async function check(dir: string, parts: CliParts): Promise<{ faults: readonly Fault[]; summary: string }> {
  const read = await loadConfig(dir, 'strict')
  if (read.config === undefined) {
    // what plugins know of their entries can be said all the same
    const { faults } = await findPlugins(read.plugins ?? [], dir)
    return { faults: inOrder([...read.faults, ...faults]), summary: '' }
  }
  try {
    const summary = await withPlugins(dir, parts, 'serve', async ({ entries, listeners }, config) => {
      const doors = config.listeners.length + listeners.length
      return `the configuration in ${dir} is right: ${doors} listeners, ${entries.length} plugins`
    })
    return { faults: [], summary }
  } catch (error) {
    if (error instanceof ConfigError) return { faults: error.faults, summary: '' }
    throw error
  }
}

function report(run: OwnRun, faults: readonly Fault[], summary: string): void {
  for (const { file, line, column, message } of faults) run.print(`${file}:${line}:${column}: ${message}`)
  if (faults.length === 0) run.print(summary)
  else run.warn(`posthouse: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`)
}
