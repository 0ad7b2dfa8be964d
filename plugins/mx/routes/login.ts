/** Who we are at a smarthost, out of the config. The secret itself is read when it is needed, and again for the next login. */
import { readFile } from 'node:fs/promises'
import type { Infer } from 'posthouse/api'
import type { Login } from '../client/manner.js'
import type { Reading, Wrong } from './read.js'
import type { ROUTE } from './schema.js'

type AuthConfig = Infer<typeof ROUTE.properties.auth>

const SECRETS = ['password', 'password_file', 'token_file'] as const
const BEARER: ReadonlySet<string> = new Set(['OAUTHBEARER', 'XOAUTH2'])

export function readLogin(auth: AuthConfig, reading: Reading, wrong: Wrong): Login {
  const { user, mechanism, in_clear: inClear = false } = auth
  const given = SECRETS.filter(key => auth[key] !== undefined)
  const [key] = given
  if (key === undefined) wrong([], 'expected password_file, token_file or password beside user')
  if (given.length > 1) wrong([given[1]!], `${given.join(' and ')}: expected only one of them`)
  const kind = key === 'token_file' ? 'token' : 'password'
  if (mechanism !== undefined && BEARER.has(mechanism) !== (kind === 'token'))
    wrong(['mechanism'], `${mechanism} goes with ${kind === 'token' ? 'password_file' : 'token_file'}`)
  const file = auth.token_file ?? auth.password_file
  if (file !== undefined && key !== undefined && key !== 'password')
    checkFile(file, reading, message => wrong([key], message))
  const secret = async () =>
    file === undefined ? (auth.password ?? '') : firstLine(await readFile(pathOf(file), 'utf8'))
  const pathOf = (name: string) => reading.path?.(name) ?? name
  return { user, kind, secret, inClear, ...(mechanism === undefined ? {} : { mechanism }) }
}

function checkFile(name: string, reading: Reading, wrong: (message: string) => void): void {
  try {
    if (reading.file !== undefined && firstLine(reading.file(name)) === '') wrong(`the file ${name} is empty`)
  } catch {
    wrong(`the file ${name} cannot be read`)
  }
}

function firstLine(text: string): string {
  return /^[^\r\n]*/.exec(text)![0]
}
