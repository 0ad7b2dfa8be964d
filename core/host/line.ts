/** What can be read of a command line before its command is known. It stands apart, as a start of the server reads it before anything else is loaded. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const COMMON_OPTIONS = {
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export interface Line {
  /** Before the first option that is the command's own. */
  readonly words: readonly string[]
  readonly args: readonly string[]
  readonly configDir: string
  readonly help: boolean
  /** Whatever else is asked for: nothing is done but to tell it. */
  readonly version: boolean
}

/** Words, --config and --help wherever they stand. */
export function readLine(argv: readonly string[]): Line {
  const { values, tokens } = parseArgs({
    args: [...argv],
    options: COMMON_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const foreign = tokens.find(token => token.kind === 'option' && !Object.hasOwn(COMMON_OPTIONS, token.name))
  const before = tokens.filter(token => token.index < (foreign?.index ?? Number.POSITIVE_INFINITY))
  const words = before.flatMap(token => (token.kind === 'positional' ? [token.value] : []))
  const dir = typeof values.config === 'string' ? values.config : (process.env.POSTHOUSE_CONFIG ?? './config')
  const asked = words[0] === 'help'
  return {
    words: asked ? words.slice(1) : words,
    args: argv,
    configDir: resolve(dir),
    help: values.help === true || asked,
    version: argv.some(arg => arg === '--version' || arg === '-V'),
  }
}

/** Nothing but that: help, the version, or a word too many is the matter of the command line. */
export function isServe({ words, help, version }: Line): boolean {
  return words.join(' ') === 'serve' && !help && !version
}
