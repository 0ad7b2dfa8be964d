/**
 * `{user}` and the like, in paths and in arguments of programs. Pure. The rule it keeps: nothing of a mail or an address becomes part of a path unless it is
 * one plain file name, and nothing becomes an option of a program.
 */

/** What may stand in a path: a name the admin has given, or an address that is somebody's. */
export const PATH_NAMES = ['user', 'login', 'local', 'domain'] as const
/** In an argument also what the sender has chosen. */
export const ARGUMENT_NAMES = [...PATH_NAMES, 'address', 'recipient', 'tag', 'sender', 'id'] as const

export type Values = Readonly<Record<(typeof ARGUMENT_NAMES)[number], string>>

const PLACEHOLDER = /\{([a-z_]*)\}/g
/** One name, not hidden, not a way up. */
const FILE_NAME = /^[a-z0-9_][a-z0-9_.+=@-]{0,99}$/i
/** As Postfix's command_expansion_filter: what programs that call a shell are not tricked by. */
const HARMLESS = /[^A-Za-z0-9!@%_=+:,.~/-]/g
const LONGEST = 320

export function placeholdersOf(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
}

/** `undefined`: a value is no file name. */
export function fillPath(path: string, values: Values): string | undefined {
  let clean = true
  const filled = path.replace(PLACEHOLDER, (_, name: string) => {
    const value = named(values, name)
    if (!FILE_NAME.test(value)) clean = false
    return value
  })
  return clean ? filled : undefined
}

/**
 * Octets that could mean something to somebody become `_`; so does a `-` at the beginning of an argument. In an argument that is a path, so do a `/` and a dot
 * at the beginning of a value, which would lead out of it.
 */
export function fillArgument(text: string, values: Values): string {
  const isPath = text.replace(PLACEHOLDER, '').includes('/')
  const filled = text.replace(PLACEHOLDER, (_, name: string) => {
    const value = named(values, name).slice(0, LONGEST).replace(HARMLESS, '_')
    return isPath ? value.replaceAll('/', '_').replace(/^\./, '_') : value
  })
  return text.startsWith('{') && filled.startsWith('-') ? `_${filled.slice(1)}` : filled
}

function named(values: Values, name: string): string {
  return values[name as keyof Values] ?? ''
}
