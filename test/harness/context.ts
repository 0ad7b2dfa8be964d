/** Beside the plugin context: addresses from text, and commands run as the command line would. */
import type { Address, Command, CommandRun } from '../../core/api/index.js'

export { aCall, aContext, servicesOf } from '../../core/testing/context.js'

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
