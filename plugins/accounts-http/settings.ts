/** The schema of `with:`, and what it cannot say: that passwords may be sent there, and that files are there. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConfigError, type Fault, type Infer, type PluginContext } from 'posthouse/api'

function duration(fallback: string, description: string) {
  return { type: 'string', format: 'duration', default: fallback, description } as const
}

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]{1,16}$',
      default: 'http',
      description: 'of this source: begins the ids of its accounts, by which their mail is kept, so it must not change',
    },
    url: { type: 'string', minLength: 1, description: 'where questions are sent: https, or http on loopback' },
    token_file: {
      type: 'string',
      minLength: 1,
      description: 'a token that is sent along (Authorization: Bearer), on one line, seen from the data directory',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description:
        'PEM file with the authorities of its certificate, seen from the config directory; left out: those of the system',
    },
    domains: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      uniqueItems: true,
      default: [],
      description: 'only logins and addresses of these are asked about; none: all. Logins without a domain always are',
    },
    passwords: {
      enum: ['ask', 'none'],
      default: 'ask',
      description: 'ask: it checks passwords; none: another plugin does',
    },
    connections: {
      type: 'integer',
      minimum: 1,
      maximum: 200,
      default: 16,
      description: 'questions at the same time, per worker',
    },
    waiting: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      default: 200,
      description: 'questions that may wait for that; more fail for now',
    },
    timeout: duration('5s', 'longest wait for an answer'),
    keep: duration('5m', 'how long somebody who was found is not asked about again'),
    keep_missing: duration('10s', 'the same for whom nobody has: so long mail for a new account is refused'),
    keep_while_down: duration('1d', 'how long somebody who was found still counts while there is no answer'),
    keep_most: {
      type: 'integer',
      minimum: 10,
      maximum: 1_000_000,
      default: 20_000,
      description: 'answers that are kept, per worker',
    },
    remember_while_down: duration(
      '1h',
      'how long a password that was right is good while there is no answer; 0s: not at all',
    ),
  },
} as const

export type Settings = Infer<typeof CONFIG>

export interface Secrets {
  readonly ca?: string
  readonly token?: string
}

/** Throws `ConfigError` with all faults. */
export async function readSettings(
  config: Settings,
  { fault, files, server }: Pick<PluginContext<Settings>, 'fault' | 'files' | 'server'>,
): Promise<Secrets> {
  const faults: Fault[] = []
  if (!isSafe(config.url)) faults.push(fault(['url'], 'expected an https URL without a user (http only on loopback)'))
  const read = async (key: 'ca' | 'token_file', path: string | undefined) => {
    if (path === undefined) return undefined
    return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      faults.push(fault([key], `${path}: ${error.code ?? error.message}`))
      return undefined
    })
  }
  const ca = await read('ca', config.ca && files.resolve(config.ca))
  const text = await read('token_file', config.token_file && resolve(server.dataDir, config.token_file))
  const token = text?.split(/\r?\n/, 1)[0]?.trim()
  if (token !== undefined && !/^[!-~]+$/.test(token))
    faults.push(fault(['token_file'], 'expected a token on the first line, of ASCII without spaces'))
  if (faults.length > 0) throw new ConfigError(faults)
  return { ...(ca !== undefined && { ca }), ...(token !== undefined && { token }) }
}

/** Passwords go there. */
function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && loopback)
}
