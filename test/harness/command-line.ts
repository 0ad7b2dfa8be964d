/**
 * The command line within this process, beside a server that runs in others: many commands without many starts of Node. What a person
 * sees, exit code and all, is the same; `Instance.program` starts the program itself.
 */
import { join } from 'node:path'
import { runCli } from '../../core/host/cli.js'
import type { CliParts } from '../../core/host/command-base.js'
import { deliveryCommands } from '../../core/host/commands/delivery/index.js'
import { laneBook } from '../../core/queue/traffic/book.js'
import type { Instance } from './instance.js'
import { ROOT } from './shared.js'

export interface Said {
  readonly code: number
  /** Standard output and standard error. */
  readonly out: string
}

/** With both outputs apart. */
export interface SaidApart extends Said {
  readonly stdout: string
  readonly stderr: string
}

export function commandLine(server: Instance, ...args: readonly string[]): Promise<Said> {
  return sayHere([...args, '--config', server.configDir])
}

export async function sayHere(args: readonly string[], stdin = ''): Promise<SaidApart> {
  const lines: { readonly of: 'stdout' | 'stderr'; readonly text: string }[] = []
  const to = (of: 'stdout' | 'stderr') => (text: string) => void lines.push({ of, text })
  const parts = {
    version: 'tested',
    script: '',
    templates: join(ROOT, 'core/host/templates/'),
    startApp: async base => (await import('../../core/app.js')).startApp(base),
    assemble: async base => (await import('../../core/app.js')).assemble(base),
    print: to('stdout'),
    warn: to('stderr'),
    stdin: async () => stdin,
    book: laneBook,
  } as const satisfies CliParts
  const code = await runCli(args, parts, async () => deliveryCommands(parts, laneBook))
  const whole = (of: string) =>
    lines
      .filter(line => line.of === of)
      .map(({ text }) => `${text}\n`)
      .join('')
  return { code, out: lines.map(({ text }) => text).join('\n'), stdout: whole('stdout'), stderr: whole('stderr') }
}
