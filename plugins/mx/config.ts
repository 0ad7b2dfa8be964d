/** What an admin may write of the mx plugin. */
import type { Infer } from 'posthouse/api'
import { ROUTES } from './routes/schema.js'
import { POOL_RULES, POOLS } from './sources/schema.js'

const duration = (value: string, description: string) =>
  ({ type: 'string', format: 'duration', default: value, description }) as const

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    routes: ROUTES,
    pools: POOLS,
    pool_rules: POOL_RULES,
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 25, description: 'Port of mail hosts found by MX' },
    tls: {
      enum: ['opportunistic', 'required', 'never'],
      default: 'opportunistic',
      description: 'STARTTLS when offered and clear text otherwise; only with TLS; or not at all',
    },
    ca: {
      type: 'string',
      minLength: 1,
      description:
        'PEM file of authorities to believe where a mail host must prove itself (MTA-STS, REQUIRETLS); left out: those Node.js knows',
    },
    sts: {
      type: 'object',
      additionalProperties: false,
      default: {},
      description: 'MTA-STS: what the domains of recipients ask of their mail hosts',
      properties: {
        use: { type: 'boolean', default: true, description: 'Look for policies and keep to them' },
        ca: {
          type: 'string',
          minLength: 1,
          description: 'PEM file of authorities to believe for policy hosts; left out: those Node.js knows',
        },
        port: {
          type: 'integer',
          minimum: 1,
          maximum: 65535,
          default: 443,
          description: 'Port of policy hosts; in the world it is always 443',
        },
        timeout: duration('60s', 'For the fetch of a policy'),
      },
    },
    helo: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'Name in EHLO; left out: the name of this server',
    },
    max_hosts: { type: 'integer', minimum: 1, maximum: 50, default: 5, description: 'Mail hosts tried per attempt' },
    allow_private: {
      type: 'boolean',
      default: false,
      description: 'Let MX and A records lead to loopback and private networks (routes always may)',
    },
    own_addresses: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      maxItems: 1000,
      default: [],
      description:
        'Addresses that lead to this server although it does not have them (NAT, load balancer): an MX that leads there is ourselves',
    },
    chunking: {
      type: 'boolean',
      default: true,
      description: 'Send by BDAT where the peer offers CHUNKING (RFC 3030); false: by DATA everywhere',
    },
    convert_8bit: {
      type: 'boolean',
      default: true,
      description: 'Convert 8-bit mail for peers without 8BITMIME (RFC 6152); false: send it as it is',
    },
    connect_timeout: duration('30s', 'For the TCP connection'),
    greeting_timeout: duration('5m', 'For the greeting'),
    command_timeout: duration('5m', 'For the reply to EHLO, MAIL, RCPT, and for the TLS handshake'),
    data_timeout: duration('2m', 'For the reply to DATA'),
    block_timeout: duration('3m', 'For the peer to take a block of data'),
    final_timeout: duration('10m', 'For the reply to the end of the message'),
    keep_idle: duration('5s', 'How long a connection is kept for the next mail; 0s: not at all'),
    max_idle: { type: 'integer', minimum: 0, maximum: 1000, default: 20, description: 'Connections kept at most' },
  },
} as const

export type Config = Infer<typeof CONFIG>
