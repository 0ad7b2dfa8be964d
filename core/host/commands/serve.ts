/** `posthouse serve`: runs until SIGTERM. At the very first start it lets the configuration make its demo accounts. */
import { spawn } from 'node:child_process'
import type { Log } from '../../api/index.js'
import type { Config } from '../../config/types.js'
import type { CliParts, OwnCommand } from '../command-base.js'
import { serve } from '../serve.js'

const DEMO_MS = 60_000
const UNKNOWN_COMMAND = 2

export function serveCommand(parts: CliParts): OwnCommand {
  return {
    name: 'serve',
    summary: 'run the server until SIGTERM; SIGHUP reloads, SIGUSR2 opens log files anew',
    arity: [0, 0],
    run: ({ configDir }) =>
      serve({
        configDir,
        workerScript: parts.script,
        // where the log goes nothing else may stand
        print: parts.warn,
        warn: parts.warn,
        firstStart: (config, log) => makeDemo(parts.script, config, log),
      }),
  }
}

/** In a process of its own: the supervisor runs no plugin. Only accounts of auth-file have the command; others have no demo. */
async function makeDemo(script: string, config: Config, log: Log): Promise<readonly string[]> {
  const args = [script, 'user', 'demo', '--config', config.dir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: DEMO_MS })
  let said = ''
  let trouble = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  child.stderr.on('data', chunk => {
    trouble += chunk
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  // a fault in the configuration is told by the first worker, better than here
  if (code !== 0 && code !== UNKNOWN_COMMAND) log.debug({ code, trouble }, 'demo accounts were not made')
  return code === 0 ? said.split('\n').filter(line => line !== '') : []
}
