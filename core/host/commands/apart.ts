/**
 * Commands of this program that run in a process of their own, where this one must stay root: whoever sets plugins up gives root up for good, and
 * could then not write the configuration any more. Started by anyone else, or where the config names no user, there is nothing to give up.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type Account, CommandError, type Fault } from '../../api/index.js'
import type { Config } from '../../config/types.js'

const MS = 120_000

export function mustStayRoot({ user }: Pick<Config, 'user'>): boolean {
  return user !== undefined && process.getuid?.() === 0
}

/** As `posthouse check`. */
export async function faultsApart(script: string, configDir: string): Promise<readonly Fault[]> {
  const { said, trouble } = await run([script, 'check', '--json', '--config', configDir])
  return read<{ readonly faults: readonly Fault[] }>(said, trouble).faults
}

/** As `posthouse accounts list`. Throws `CommandError` when a source does not answer. */
export async function accountsApart(script: string, configDir: string): Promise<readonly Account[]> {
  const { code, said, trouble } = await run([script, 'accounts', 'list', '--json', '--config', configDir])
  if (code !== 0) throw new CommandError(trouble.trim())
  return read(said, trouble)
}

async function run(args: readonly string[]) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: MS })
  const [said, trouble] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, said, trouble }
}

function read<T>(said: string, trouble: string): T {
  try {
    return JSON.parse(said) as T
  } catch {
    throw new CommandError(trouble.trim() || 'the configuration could not be checked')
  }
}
