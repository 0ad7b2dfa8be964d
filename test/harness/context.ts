/** What a plugin's `setup` is given, for tests that set a plugin up and call its hooks and commands directly. */
import type { Address, Call, Command, CommandRun, PluginContext, ServiceTable } from '../../core/api/index.js'
import { filesIn } from '../../core/config/files.js'
import { quietLog } from './log.js'
import { aServer } from './session.js'

export function aContext<Config>(config: Config, more: Partial<PluginContext<Config>> = {}): PluginContext<Config> {
  const server = more.server ?? aServer()
  return {
    config,
    server,
    files: filesIn(server.configDir),
    services: servicesOf({}),
    log: quietLog,
    metrics: { count: () => undefined, observe: () => undefined },
    state: {
      get: async () => undefined,
      put: async () => undefined,
      add: async (_key, by) => by,
      remove: async () => undefined,
    },
    dns: {
      configured: false,
      mx: async () => [],
      a: async () => [],
      aaaa: async () => [],
      txt: async () => [],
      ptr: async () => [],
    },
    clock: { now: () => Date.now() },
    bus: { publish: () => undefined, subscribe: () => () => undefined },
    signal: new AbortController().signal,
    ...more,
  }
}

export function servicesOf(table: Partial<ServiceTable>): PluginContext<unknown>['services'] {
  return {
    find: name => table[name],
    get: name => {
      const service = table[name]
      if (service === undefined) throw new Error(`no service ${name}`)
      return service
    },
  }
}

export function aCall(more: Partial<Call> = {}): Call {
  return { signal: new AbortController().signal, log: quietLog, ...more }
}

/** Reads `user@example.test` without any parsing worth the name. */
export function address(text: string): Address {
  const at = text.lastIndexOf('@')
  return { local: text.slice(0, at), domain: text.slice(at + 1) }
}

export interface CommandResult {
  readonly out: readonly string[]
  readonly err: readonly string[]
  readonly code: number
}

/** Runs a command as the command line would; what it throws is thrown. */
export async function runCommand(
  commands: readonly Command[],
  name: string,
  args: readonly string[] = [],
  more: Partial<Pick<CommandRun, 'options' | 'json'>> & { readonly stdin?: string } = {},
): Promise<CommandResult> {
  const command = commands.find(candidate => candidate.name === name)
  if (command === undefined) throw new Error(`no command ${name}`)
  const out: string[] = []
  const err: string[] = []
  const code = await command.run({
    args,
    options: more.options ?? {},
    json: more.json ?? false,
    print: line => void out.push(line),
    warn: line => void err.push(line),
    stdin: async () => more.stdin ?? '',
  })
  return { out, err, code: code ?? 0 }
}
