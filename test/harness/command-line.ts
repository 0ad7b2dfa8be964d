/**
 * The command line within this process, beside a server that runs in others: many commands without many starts of Node. What a person
 * sees, exit code and all, is the same; `Instance.cli` starts the program itself.
 */
import { assemble, startApp } from '../../core/app.js'
import { runCli } from '../../core/host/cli.js'
import type { Instance } from './instance.js'

export interface Said {
  readonly code: number
  /** Standard output and standard error. */
  readonly out: string
}

export async function commandLine(server: Instance, ...args: readonly string[]): Promise<Said> {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const code = await runCli([...args, '--config', server.configDir], {
    version: 'tested',
    script: '',
    templates: '',
    startApp,
    assemble,
    print,
    warn: print,
    stdin: async () => '',
  })
  return { code, out: lines.join('\n') }
}
