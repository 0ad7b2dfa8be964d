/** The plugin's part of plugins.yaml, and what becomes of it. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, type Fault, type Infer, type JsonSchema, type YamlPath } from 'posthouse/api'
import { normaliseDomain, toAsciiDomain } from 'posthouse/text'

export const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['directory', 'agree', 'listen'],
  properties: {
    directory: {
      type: 'string',
      pattern: '^https://[^\\s/]+(/\\S*)?$',
      maxLength: 500,
      description: 'URL of the directory of the authority',
      examples: ['https://acme-v02.api.letsencrypt.org/directory'],
    },
    agree: { type: 'boolean', description: 'true: you agree to the terms of service of the authority' },
    email: { type: 'string', format: 'email', description: 'where the authority may write to' },
    names: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
      items: { type: 'string', format: 'domain' },
      description: 'host names of the certificate; left out: `name` of server.yaml',
    },
    challenge: {
      enum: ['http-01', 'tls-alpn-01'],
      default: 'http-01',
      description: 'how the authority sees that a name is ours: on port 80, or on port 443',
    },
    listen: {
      type: 'array',
      minItems: 1,
      maxItems: 10,
      items: { type: 'string', format: 'endpoint', description: 'Address and port.' },
      description: 'where the authority is answered: in the wild port 80 for http-01, 443 for tls-alpn-01',
      examples: [['0.0.0.0:80']],
    },
    key_type: { enum: ['ecdsa', 'rsa'], default: 'ecdsa', description: 'kind of key of the certificate' },
    ca: {
      type: 'string',
      minLength: 1,
      description: 'PEM file with the authority of the TLS of the directory, for one that is not of the public ones',
    },
  },
} as const satisfies JsonSchema

export type Challenge = 'http-01' | 'tls-alpn-01'

export interface Settings {
  readonly directory: string
  readonly email: string | undefined
  /** As they stand in certificates: A-labels in lower case, no dot at the end, none twice. The first one names the file. */
  readonly names: readonly string[]
  readonly challenge: Challenge
  readonly listen: readonly string[]
  readonly keyType: 'ecdsa' | 'rsa'
  /** Absolute path. */
  readonly ca: string | undefined
}

export interface Surroundings {
  readonly serverName: string
  readonly configDir: string
  readonly fault: (path: YamlPath, message: string) => Fault
}

/** Throws `ConfigError`. */
export function settingsOf(config: Infer<typeof schema>, { serverName, configDir, fault }: Surroundings): Settings {
  if (!config.agree)
    throw new ConfigError([fault(['agree'], 'without your agreement to its terms no authority gives a certificate')])
  const ca = config.ca === undefined ? undefined : resolve(configDir, config.ca)
  if (ca !== undefined && !existsSync(ca)) throw new ConfigError([fault(['ca'], `there is no file ${config.ca}`)])
  return {
    directory: config.directory,
    email: config.email,
    names: [...new Set((config.names ?? [serverName]).map(inCertificate))],
    challenge: config.challenge,
    listen: config.listen,
    keyType: config.key_type,
    ca,
  }
}

/** RFC 5280 §7.2 */
export function inCertificate(name: string): string {
  return toAsciiDomain(normaliseDomain(name) ?? '') ?? name.toLowerCase()
}
