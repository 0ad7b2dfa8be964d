/** What an admin may write of a route. Defaults depend on each other and are filled in by `read.ts`. */
import type { JsonSchema } from 'posthouse/api'
import { MECHANISMS } from '../client/manner.js'

const text = (description: string) => ({ type: 'string', minLength: 1, maxLength: 1000, description }) as const
const port = (description: string) => ({ type: 'integer', minimum: 1, maximum: 65535, description }) as const

/** Who sends, as patterns. */
export const SENDERS = {
  type: 'array',
  minItems: 1,
  maxItems: 1000,
  items: text('user@domain, domain, .domain, * or <> for notifications'),
  description: 'only mail of these senders: user@domain, domain, .domain, * or <> for notifications',
} as const satisfies JsonSchema

export const LOGINS = {
  type: 'array',
  minItems: 1,
  maxItems: 1000,
  items: text('a login name'),
  description: 'only mail of those who have logged in so',
} as const satisfies JsonSchema

const HOST = {
  anyOf: [
    text('host, host:port or unix:/path'),
    {
      type: 'object',
      description: 'a host with its settings',
      additionalProperties: false,
      required: ['host'],
      properties: {
        host: text('host, host:port or unix:/path'),
        port: port('where it listens'),
        weight: { type: 'integer', minimum: 0, maximum: 1000, description: 'its share; 0: only when no other will do' },
      },
    },
  ],
} as const satisfies JsonSchema

const AUTH = {
  type: 'object',
  description: 'who we are there',
  additionalProperties: false,
  required: ['user'],
  properties: {
    user: text('the login name'),
    password: text('the password; better in a file'),
    password_file: text('file with the password in its first line'),
    token_file: text('file with a bearer token, read for each login (OAUTHBEARER, XOAUTH2)'),
    mechanism: { enum: MECHANISMS, description: 'only this mechanism; left out: the best there is' },
    in_clear: { type: 'boolean', description: 'log in without TLS too' },
  },
} as const satisfies JsonSchema

export const ROUTE = {
  type: 'object',
  description: 'a route',
  additionalProperties: false,
  properties: {
    from: SENDERS,
    login: LOGINS,
    hosts: {
      type: 'array',
      minItems: 1,
      maxItems: 50,
      items: HOST,
      description: 'in this order, or by weight when one of them has a weight; left out: the mail hosts of the domain',
    },
    mx: { type: 'boolean', description: 'the names in hosts are domains, whose mail hosts are looked up' },
    port: port('of hosts that name none; 465 with implicit_tls, 24 with lmtp, otherwise that of mx'),
    protocol: { enum: ['smtp', 'lmtp'], description: 'what is spoken there' },
    tls: {
      enum: ['none', 'opportunistic', 'required', 'verified', 'dane'],
      description:
        'how safe the way has to be; dane: only to hosts that match their TLSA records; left out: verified with auth, ca, pin or server_name, otherwise that of mx',
    },
    implicit_tls: { type: 'boolean', description: 'TLS from the first octet, as on port 465' },
    ca: text('PEM file of the authorities to believe there'),
    pin: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: text('sha256//BASE64 of the public key, or 64 hexadecimal digits of the certificate'),
      description: 'keys (sha256//BASE64) or certificates (SHA-256 in hexadecimal) to believe, and no others',
    },
    server_name: text('the name in its certificate, when it is not the name of the host'),
    auth: AUTH,
    pool: text('the pool of our addresses this mail goes out by'),
  },
} as const satisfies JsonSchema

const WAY = {
  anyOf: [text('host:port, lmtp:host:port or lmtp:unix:/path'), ROUTE],
  description: 'host:port, or keys with values',
} as const satisfies JsonSchema

export const ROUTES = {
  type: 'object',
  description:
    'By domain of the recipient, "example.org", ".example.org" (its subdomains) or "*": "host:port", a route, or a list of which the first that fits the sender counts',
  additionalProperties: {
    anyOf: [
      text('host:port, lmtp:host:port or lmtp:unix:/path'),
      ROUTE,
      { type: 'array', minItems: 1, maxItems: 1000, items: WAY, description: 'a list of routes' },
    ],
  },
  default: {},
  examples: [{ 'example.org': '127.0.0.1:2525' }],
} as const satisfies JsonSchema
