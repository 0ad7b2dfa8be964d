/** The command line of a program of the bench that takes little: one word of its own, `--json`, `--help`. What cannot be is told and ends it with 2, before anything starts. */
import type { ParseArgsConfig } from 'node:util'
import { parseOptions, Wrong } from './options.js'

interface Few<O extends NonNullable<ParseArgsConfig['options']>, T> {
  readonly help: string
  readonly options?: O
  /** What stands without `--`: as a value, or where nothing stands, `undefined`. */
  readonly read: (word: string | undefined) => T
}

type Values<O extends NonNullable<ParseArgsConfig['options']>> = ReturnType<
  typeof parseOptions<{ options: O }>
>['values']

export function commandLine<T, const O extends NonNullable<ParseArgsConfig['options']> = Record<never, never>>(
  few: Few<O, T>,
): { readonly given: T; readonly values: Values<O> } {
  try {
    const options = { help: { type: 'boolean' }, ...few.options } as const
    const { values, positionals } = parseOptions({ options, allowPositionals: true })
    if (values.help === true) {
      process.stdout.write(few.help)
      process.exit(0)
    }
    if (positionals.length > 1) throw new Wrong(`expected one word at most, found "${positionals.join(' ')}"`)
    return { given: few.read(positionals[0]), values: values as Values<O> }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
