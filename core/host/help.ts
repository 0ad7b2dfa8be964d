/**
 * What `--help` says. Pure: lines from descriptions.
 */
import type { Command } from '../api/index.js'

export type Described = Pick<Command, 'name' | 'summary' | 'usage' | 'arity' | 'options'> & {
  readonly more?: readonly string[]
}

const COMMON: readonly (readonly [string, string])[] = [
  ['--config DIR', 'directory of server.yaml; default: $POSTHOUSE_CONFIG, else ./config'],
  ['--json', 'print data as JSON'],
  ['--help', 'this help'],
]

/** `more`: plugins may add commands, but they could not be asked. */
export function generalHelp(commands: readonly Described[], more: boolean): readonly string[] {
  return [
    'posthouse: one mail system in one install',
    '',
    'usage: posthouse COMMAND [ARGUMENTS] [OPTIONS]',
    '',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    ...(more ? ['', 'Plugins add more, such as `user add`; they are listed where the configuration is right.'] : []),
    '',
    ...columns([...COMMON, ['--version', 'which version this is']]),
    '',
    'posthouse COMMAND --help tells more. Exit codes: 0 done, 1 not done, 2 wrong usage.',
  ]
}

export function commandHelp(command: Described): readonly string[] {
  const options = Object.entries(command.options ?? {}).map(([name, { type, value, description }]) => {
    const shown = type === 'string' ? `--${name} ${value ?? 'VALUE'}` : `--${name}`
    return [shown, description] as const
  })
  return [
    `posthouse ${command.name}: ${command.summary}`,
    '',
    usageLine(command),
    '',
    ...columns([...options, ...COMMON]),
    ...(command.more === undefined ? [] : ['', ...command.more]),
  ]
}

export function usageLine({ name, usage, options }: Described): string {
  const more = Object.keys(options ?? {}).length > 0 ? ' [OPTIONS]' : ''
  return `usage: posthouse ${name}${usage === undefined ? '' : ` ${usage}`}${more}`
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
