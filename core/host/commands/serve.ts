/** `posthouse serve`: runs until SIGTERM. At the very first start it lets the configuration make its demo accounts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Log } from '../../api/index.js'
import { shownPath } from '../../config/files.js'
import type { Config } from '../../config/types.js'
import type { CliParts, OwnCommand } from '../command-base.js'
import { type DemoAccount, demoLines } from '../demo-lines.js'
import { type FirstLines, serve } from '../serve.js'

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
        ...(parts.spare !== undefined && { spare: parts.spare }),
        // where the log goes nothing else may stand
        print: parts.warn,
        warn: parts.warn,
        firstStart: (config, log) => makeDemo(parts.script, config, log),
      }),
  }
}

/** In a process of its own: the supervisor runs no plugin. Only accounts of auth-file have the command; others have no demo. */
async function makeDemo(script: string, config: Config, log: Log): Promise<FirstLines> {
  const args = [script, 'user', 'demo', '--json', '--config', config.dir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: DEMO_MS })
  const [said, trouble] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  // a fault in the configuration is told by the first worker, better than here
  if (child.exitCode !== 0 && child.exitCode !== UNKNOWN_COMMAND) log.debug({ trouble }, 'demo accounts were not made')
  const accounts = child.exitCode === 0 ? (JSON.parse(said) as readonly DemoAccount[]) : []
  const certificate =
    config.tls.pairs.length === 0 ? join(config.dataDir, 'tls/self-signed/certificate.pem') : undefined
  return doors => demoLines(accounts, doors, certificate && shownPath(certificate))
}
