/** The schema of `with:`, and what it cannot say: which of the two ways, and that addresses are safe to send tokens to. */
import { resolve } from 'node:path'
import { ConfigError, type Fault, type Infer, type PluginContext } from 'posthouse/api'
import type { Client } from './introspection.js'
import { isSafe } from './provider.js'

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

function duration(fallback: string, description: string) {
  return { type: 'string', format: 'duration', default: fallback, description } as const
}

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  required: ['issuer'],
  properties: {
    issuer: { type: 'string', minLength: 1, description: 'who issues the tokens, exactly as their claim iss says' },
    audience: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      uniqueItems: true,
      default: [],
      description: 'whom tokens must be for, one of these; with jwks there must be some',
    },
    jwks: { type: 'string', description: 'https URL of the provider’s keys: signed tokens are checked here' },
    algorithms: {
      type: 'array',
      items: { enum: ALGORITHMS },
      minItems: 1,
      uniqueItems: true,
      default: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      description: 'how tokens may be signed',
    },
    introspection: { type: 'string', description: 'https URL where the provider is asked about each token (RFC 7662)' },
    client_file: {
      type: 'string',
      minLength: 1,
      default: 'oauth-client.yaml',
      description: 'id and secret for introspection, seen from the data directory',
    },
    login_claim: {
      type: 'string',
      minLength: 1,
      default: 'email',
      description: 'the claim that is a login or an address of the account, as email or preferred_username',
    },
    scope: {
      type: 'array',
      items: { type: 'string', pattern: '^[!#-\\[\\]-~]+$' },
      default: [],
      description: 'scopes that a token must have, all of them',
    },
    clock_skew: duration('1m', 'by how much the provider’s clock may be off'),
    timeout: duration('5s', 'longest wait for the provider; well below the timeout of this entry'),
    keep_keys: duration('10m', 'how long keys are not fetched anew'),
    keep_answers: duration(
      '2m',
      'how long an introspected token is not asked about again: so long a revoked one is good',
    ),
  },
} as const

export type Settings = Infer<typeof CONFIG>

/** Throws `ConfigError` with all faults. */
export function checkSettings(config: Settings, fault: PluginContext<unknown>['fault']): void {
  const faults: Fault[] = []
  const ways = (['jwks', 'introspection'] as const).filter(way => config[way] !== undefined)
  if (ways.length !== 1) faults.push(fault([], 'give one of the two: jwks or introspection'))
  for (const way of ways)
    if (!isSafe(config[way]!)) faults.push(fault([way], 'expected an https URL without a user (http only on loopback)'))
  if (config.jwks !== undefined && config.audience.length === 0)
    faults.push(
      fault(['jwks'], 'without an audience tokens that were made for others would log in here; add audience:'),
    )
  if (faults.length > 0) throw new ConfigError(faults)
}

const CLIENT = {
  type: 'object',
  additionalProperties: false,
  required: ['client_id', 'client_secret'],
  properties: {
    client_id: { type: 'string', minLength: 1 },
    client_secret: { type: 'string', minLength: 1 },
  },
} as const

/** Lies with the data, as it is a secret. */
export async function readClient(
  { files, server }: Pick<PluginContext<unknown>, 'files' | 'server'>,
  name: string,
): Promise<Client> {
  const file = await files.yaml(resolve(server.dataDir, name), CLIENT)
  if (file.value === undefined || file.faults.length > 0) throw new ConfigError(file.faults)
  return { id: file.value.client_id, secret: file.value.client_secret }
}
