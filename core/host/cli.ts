/**
 * The command line: finds the command, reads its options, runs it, and turns what goes wrong into a sentence and an exit code
 * (0 done, 1 not done, 2 wrong usage). Commands of plugins are found by setting the configured plugins up.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { CommandError } from '../api/command.js'
import type { ConfigError } from '../api/plugin.js'
import { loadConfig } from '../config/load.js'
import { closest } from '../text/suggest.js'
import type { CliParts, OwnCommand } from './command-base.js'
import { serveCommand } from './commands/serve.js'
import { commandHelp, type Described, generalHelp, usageLine } from './help.js'
import { COMMON_OPTIONS, isServe, type Line, readLine } from './line.js'
import type { Loaded } from './loaded.js'

/** Commands of the program beside those of the host. */
export type MoreCommands = () => Promise<readonly OwnCommand[]>

/** The exit code. */
export async function runCli(
  argv: readonly string[],
  parts: CliParts,
  more: MoreCommands = async () => [],
): Promise<number> {
  try {
    const line = readLine(argv)
    if (line.version) {
      parts.print(`posthouse ${parts.version}`)
      return 0
    }
    return await dispatch(line, await commandsFor(line, parts, more), parts)
  } catch (error) {
    return told(error, parts)
  }
}

/** A start of the server loads no other command. */
async function commandsFor(line: Line, parts: CliParts, more: MoreCommands): Promise<readonly OwnCommand[]> {
  if (isServe(line)) return [serveCommand(parts)]
  const [{ ownCommands }, added] = await Promise.all([import('./commands/all.js'), more()])
  return [serveCommand(parts), ...ownCommands(parts), ...added]
}

async function dispatch(line: Line, own: readonly OwnCommand[], parts: CliParts): Promise<number> {
  if (line.words.length === 0) return await showGeneralHelp(line, own, parts)
  const command = pick(own, line.words)
  if (command !== undefined) return await runOne(command, line, parts)
  const answer = async ({ commands }: Pick<Loaded, 'commands'>): Promise<number> => {
    const found = pick(commands, line.words)
    if (found !== undefined)
      return await runOne({ ...found, run: async run => (await found.run(run)) ?? 0 }, line, parts)
    return unknown(line, [...own, ...commands], parts)
  }
  try {
    const { withoutData, withPlugins } = await import('./open.js')
    // Help, and a word that is mistyped, make no data directory either.
    const done = await withoutData(line.configDir, parts, async loaded => {
      const found = pick(loaded.commands, line.words)
      return line.help || found === undefined || found.withoutData === true ? await answer(loaded) : undefined
    })
    return done ?? (await withPlugins(line.configDir, parts, 'command', answer))
  } catch (error) {
    // a misspelt command should not be answered with faults of the configuration
    const meant = closest(line.words[0]!, own.map(firstWord))
    if ((error as Error).name === 'ConfigError' && meant !== undefined) return unknown(line, own, parts)
    throw error
  }
}

/** The command with the most words of those the line begins with. */
function pick<C extends Described>(commands: readonly C[], words: readonly string[]): C | undefined {
  const fits = (command: C) => command.name.split(' ').every((word, i) => words[i] === word)
  return commands.filter(fits).sort((a, b) => b.name.length - a.name.length)[0]
}

function firstWord({ name }: Described): string {
  return name.split(' ')[0]!
}

function unknown({ words, help }: Line, all: readonly Described[], parts: CliParts): number {
  const group = all.filter(command => firstWord(command) === words[0])
  if (group.length > 0) {
    const say = help ? parts.print : parts.warn
    if (words.length > 1) say(`posthouse: there is no command ${unknownWithin(group, words)}`)
    for (const one of group) say(`  ${one.name.padEnd(16)} ${one.summary}`)
    return help ? 0 : 2
  }
  const meant = closest(words[0]!, all.map(firstWord))
  const hint = meant === undefined ? '; posthouse --help lists them' : `, did you mean "${meant}"?`
  parts.warn(`posthouse: there is no command "${words[0]}"${hint}`)
  return 2
}

/** What of the words is known to nobody, and what may have been meant, by the first word that leads nowhere. */
function unknownWithin(group: readonly Described[], words: readonly string[]): string {
  const names = group.map(({ name }) => name.split(' '))
  const leads = (depth: number) =>
    names.filter(name => name.slice(0, depth).join(' ') === words.slice(0, depth).join(' '))
  let known = 1
  while (known + 1 < words.length && leads(known + 1).length > 0) known++
  const next = leads(known).flatMap(name => name.slice(known, known + 1))
  const meant = next.includes(words[known]!) ? undefined : closest(words[known]!, next)
  const path = words.slice(0, known).join(' ')
  return `"${path} ${words[known]}"${meant === undefined ? '' : `, did you mean "${path} ${meant}"?`}`
}

async function runOne(command: OwnCommand, line: Line, parts: CliParts): Promise<number> {
  if (line.help) {
    for (const text of commandHelp(command)) parts.print(text)
    return 0
  }
  const { values, positionals } = readOptions(command, line)
  const args = positionals.slice(command.name.split(' ').length)
  const [least, most] = command.arity
  if (args.length < least || args.length > most) {
    throw new UsageError(`expected ${argumentsOf(least, most)}, got ${args.length}`, command)
  }
  const { config: _, json, help: __, ...options } = values
  const { print, warn, stdin } = parts
  return (await command.run({ args, options, json: json === true, print, warn, stdin, configDir: line.configDir })) ?? 0
}

class UsageError extends Error {
  constructor(
    message: string,
    readonly command?: Described,
  ) {
    super(message)
  }
}

function readOptions(command: OwnCommand, line: Line) {
  const own = Object.fromEntries(Object.entries(command.options ?? {}).map(([name, { type }]) => [name, { type }]))
  const options = { ...own, ...COMMON_OPTIONS }
  try {
    const { values, positionals } = parseArgs({ args: [...line.args], options, allowPositionals: true, strict: true })
    return { values: values as Record<string, string | boolean | undefined>, positionals }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error
    const wrong = /'--?([^' =]+)/.exec(message)?.[1]
    const meant = wrong === undefined || wrong in options ? undefined : closest(wrong, Object.keys(options))
    const sentence = message.split('. ')[0]!
    throw new UsageError(meant === undefined ? sentence : `${sentence}, did you mean --${meant}?`, command)
  }
}

async function showGeneralHelp(line: Line, own: readonly Described[], parts: CliParts): Promise<number> {
  const added = await commandsOfPlugins(line.configDir, parts)
  const say = line.help ? parts.print : parts.warn
  for (const text of generalHelp([...own, ...(added ?? [])], added === undefined)) say(text)
  return line.help ? 0 : 2
}

/** Only where the server has run before: asking for help must not make a data directory. */
async function commandsOfPlugins(configDir: string, parts: CliParts): Promise<readonly Described[] | undefined> {
  try {
    const { config } = await loadConfig(configDir, 'leave')
    if (config === undefined || !existsSync(config.dataDir)) return undefined
    const { withPlugins } = await import('./open.js')
    return await withPlugins(configDir, parts, 'command', async ({ commands }) => commands)
  } catch {
    // help is given whatever the configuration looks like; `check` tells what is wrong with it
    return undefined
  }
}

function told(error: unknown, parts: CliParts): number {
  if (error instanceof UsageError) {
    parts.warn(`posthouse: ${error.message}`)
    if (error.command !== undefined) parts.warn(usageLine(error.command))
    return 2
  }
  const { name, message, stack, code } = error as NodeJS.ErrnoException
  if (name === 'ConfigError') {
    const { faults } = error as ConfigError
    for (const f of faults) parts.warn(`${f.file}:${f.line}:${f.column}: ${f.message}`)
    parts.warn(`posthouse: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'} in the configuration`)
    return 1
  }
  if (name === 'CommandError') {
    parts.warn(`posthouse: ${message}`)
    return error instanceof CommandError ? error.exitCode : 1
  }
  // a system error says what is wrong; anything else is a bug and its place is wanted
  parts.warn(`posthouse: ${code === undefined ? (stack ?? String(error)) : message}`)
  return 1
}

/** So many that nobody counts them: as many as one likes. */
const MANY_ARGUMENTS = 1000

function argumentsOf(least: number, most: number): string {
  const wish = most >= MANY_ARGUMENTS ? `at least ${least}` : least === most ? `${least}` : `${least} to ${most}`
  return `${wish === '0' ? 'no' : wish} ${/\b1$/.test(wish) ? 'argument' : 'arguments'}`
}
