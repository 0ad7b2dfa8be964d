/** The schema of `with:`, and what it cannot say: that filters can be read, names in them are known, and files are there. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { FilterParser } from 'ldapts'
import { ConfigError, type Fault, type Infer, type PluginContext } from 'posthouse/api'
import { closest, printable } from 'posthouse/text'
import { fillFilter, namesIn, PLACES, SAMPLE } from './template.js'

function duration(fallback: string, description: string) {
  return { type: 'string', format: 'duration', default: fallback, description } as const
}

function filter(fallback: string, description: string) {
  return { type: 'string', minLength: 3, maxLength: 2000, default: fallback, description } as const
}

const ATTRIBUTE = '^[A-Za-z][A-Za-z0-9-]*$'

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  required: ['servers', 'base'],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z0-9]{1,16}$',
      default: 'ldap',
      description: 'of this source: begins the ids of its accounts, by which their mail is kept, so it must not change',
    },
    servers: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      maxItems: 8,
      uniqueItems: true,
      description: 'ldap://host:389 or ldaps://host:636; the first that answers is asked',
    },
    tls: {
      enum: ['starttls', 'none'],
      default: 'starttls',
      description: 'of ldap:// servers; none sends passwords in clear',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description:
        'PEM file with the authorities of the servers’ certificates, seen from the config directory; left out: those of the system',
    },
    server_name: {
      type: 'string',
      minLength: 1,
      description: 'name in the servers’ certificates; left out: the host of each',
    },
    bind_dn: {
      type: 'string',
      minLength: 1,
      description: 'whom the server logs in as to look people up; left out: nobody',
    },
    password_file: {
      type: 'string',
      minLength: 1,
      default: 'ldap.password',
      description: 'the password of bind_dn, on one line, seen from the data directory',
    },
    base: { type: 'string', minLength: 1, description: 'below which people are: ou=people,dc=example,dc=org' },
    scope: { enum: ['sub', 'one', 'base'], default: 'sub', description: 'how far below' },
    login_filter: filter(
      '(&(objectClass=inetOrgPerson)(|(uid={login})(mail={login})))',
      'who logs in by that name: {login}, {local}, {domain}, {address}',
    ),
    address_filter: filter(
      '(&(objectClass=inetOrgPerson)(mail={address}))',
      'who gets mail for an address: {address}, {local}, {domain}',
    ),
    list_filter: filter('(objectClass=inetOrgPerson)', 'all who have an account; every account has to fit it'),
    attributes: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'where the entry of a person holds what',
      properties: {
        id: {
          type: 'string',
          pattern: ATTRIBUTE,
          default: 'entryUUID',
          description: 'what never changes of a person: entryUUID, objectGUID, ipaUniqueID, nsUniqueId',
        },
        login: { type: 'string', pattern: ATTRIBUTE, default: 'uid', description: 'the login' },
        addresses: {
          type: 'array',
          items: { type: 'string', minLength: 1, maxLength: 200 },
          minItems: 1,
          default: ['mail'],
          description: 'the addresses: attributes, or made of one: "{uid}@example.org"',
        },
        quota: { type: 'string', pattern: ATTRIBUTE, description: 'most mail: octets, or a size as 1GB' },
        quota_messages: { type: 'string', pattern: ATTRIBUTE, description: 'most messages' },
        disabled: { type: 'string', pattern: ATTRIBUTE, description: 'says that nobody logs in any more' },
      },
    },
    quota_unit: {
      enum: ['B', 'KB', 'MB', 'GB'],
      default: 'B',
      description: 'of a quota that is a bare number',
    },
    disabled_values: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      default: ['true', 'yes', '1', 'disabled', 'inactive', 'locked', 'nologin'],
      description: 'values of attributes.disabled that say so, in any case of letters',
    },
    disabled_bits: {
      type: 'integer',
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'or bits of it, as 2 of Active Directory’s userAccountControl',
    },
    domains: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      uniqueItems: true,
      default: [],
      description: 'only logins and addresses of these are asked about; none: all. Logins without a domain always are',
    },
    passwords: {
      enum: ['bind', 'none'],
      default: 'bind',
      description: 'bind: the directory checks them; none: another plugin does',
    },
    connections: {
      type: 'integer',
      minimum: 1,
      maximum: 100,
      default: 8,
      description: 'passwords checked at the same time, per worker',
    },
    waiting: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      default: 100,
      description: 'log-ins that may wait for their check; more are told to come again',
    },
    timeout: duration('5s', 'longest wait for a server, for each step'),
    keep: duration('5m', 'how long somebody who was found is not asked about again'),
    keep_missing: duration('10s', 'the same for whom nobody has: so long mail for a new account is refused'),
    keep_while_down: duration('1d', 'how long somebody who was found still counts while no server answers'),
    keep_most: {
      type: 'integer',
      minimum: 10,
      maximum: 1_000_000,
      default: 20_000,
      description: 'answers that are kept, per worker',
    },
    remember: duration('1m', 'how long a password that was right is not checked again; 0s: always checked'),
    remember_while_down: duration('1h', 'how long it is good while no server answers; 0s: not at all'),
  },
} as const

export type Settings = Infer<typeof CONFIG>

export interface Secrets {
  readonly ca?: string
  readonly password?: string
}

/** Throws `ConfigError` with all faults. */
export async function readSettings(
  config: Settings,
  { fault, files, server }: Pick<PluginContext<Settings>, 'fault' | 'files' | 'server'>,
): Promise<Secrets> {
  const faults: Fault[] = []
  for (const key of ['login_filter', 'address_filter', 'list_filter'] as const) {
    const wrong = filterFault(config[key], PLACES[key])
    if (wrong !== undefined) faults.push(fault([key], wrong))
  }
  config.servers.forEach((url, at) => {
    if (!isServer(url)) faults.push(fault(['servers', at], 'expected ldap://HOST, ldaps://HOST, or one with a :PORT'))
  })
  config.attributes.addresses.forEach((text, at) => {
    const wrong = addressFault(text)
    if (wrong !== undefined) faults.push(fault(['attributes', 'addresses', at], wrong))
  })
  if (config.disabled_bits !== undefined && config.attributes.disabled === undefined)
    faults.push(fault(['disabled_bits'], 'bits of what? name attributes.disabled, as userAccountControl'))
  const ca = config.ca === undefined ? undefined : await readText(files.resolve(config.ca))
  if (ca !== undefined && 'trouble' in ca) faults.push(fault(['ca'], ca.trouble))
  const secret =
    config.bind_dn === undefined ? undefined : await readText(resolve(server.dataDir, config.password_file))
  if (secret !== undefined && 'trouble' in secret)
    faults.push(fault(['bind_dn'], `its password cannot be read: ${secret.trouble}`))
  if (faults.length > 0) throw new ConfigError(faults)
  const [password] = secret !== undefined && 'text' in secret ? secret.text.split(/\r?\n/, 1) : []
  // RFC 4513 §5.1.2: a bind with a name and no password is nobody's, and the server would say yes to it
  if (password === '') throw new ConfigError([fault(['password_file'], 'the file begins with an empty line')])
  return {
    ...(ca !== undefined && 'text' in ca && { ca: ca.text }),
    ...(password !== undefined && { password }),
  }
}

function isServer(url: string): boolean {
  return /^ldaps?:\/\/[^/?#@\s]+\/?$/.test(url) && URL.canParse(url)
}

function filterFault(text: string, known: readonly string[]): string | undefined {
  const wrong = namesIn(text).find(name => !known.includes(name))
  if (wrong !== undefined) return unknownName(wrong, known)
  if (known.length > 0 && namesIn(text).length === 0)
    return `asks for nobody in particular: it names none of ${known.map(name => `{${name}}`).join(', ')}`
  // The reader of filters closes what is left open.
  if (text.split('(').length !== text.split(')').length) return 'cannot be read as a filter: ( and ) are not as many'
  try {
    FilterParser.parseString(fillFilter(text, SAMPLE))
  } catch (error) {
    return `cannot be read as a filter (RFC 4515): ${(error as Error).message}`
  }
  return undefined
}

function addressFault(text: string): string | undefined {
  const names = namesIn(text)
  if (names.length === 0)
    return new RegExp(ATTRIBUTE).test(text) ? undefined : 'expected an attribute, or one in braces: "{uid}@example.org"'
  const wrong = names.find(name => !new RegExp(ATTRIBUTE).test(name))
  return wrong === undefined ? undefined : `{${printable(wrong, 40)}} is no attribute`
}

function unknownName(name: string, known: readonly string[]): string {
  if (known.length === 0) return `{${printable(name, 40)}} has no meaning here: this filter is for everybody`
  const near = closest(name, known)
  const hint = near === undefined ? `there are ${known.map(one => `{${one}}`).join(', ')}` : `did you mean {${near}}?`
  return `{${printable(name, 40)}} has no meaning here; ${hint}`
}

async function readText(path: string): Promise<{ readonly text: string } | { readonly trouble: string }> {
  return readFile(path, 'utf8').then(
    text => ({ text }),
    (error: NodeJS.ErrnoException) => ({ trouble: `${path}: ${error.code ?? error.message}` }),
  )
}
