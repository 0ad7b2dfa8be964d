/**
 * What an admin may write in server.yaml and plugins.yaml. Every field says what it is for; ajv checks by this and fills defaults in.
 * Changing a default here is a change of behaviour for every install that left the key out.
 */
import type { JsonSchema } from '../api/index.js'
import { QUEUE } from './queue-schema.js'

const POLICY = ['refuse', 'normalise'] as const

const LISTENER = {
  type: 'object',
  description: 'a door for SMTP or LMTP',
  additionalProperties: false,
  required: ['name', 'address'],
  properties: {
    name: {
      type: 'string',
      description: 'unique name, seen in logs and usable as a label',
      pattern: '^[a-z][a-z0-9-]{0,31}$',
    },
    protocol: { enum: ['smtp', 'lmtp'], default: 'smtp', description: 'what is spoken here' },
    address: { type: 'string', format: 'endpoint', description: '`127.0.0.1:25`, `[::1]:25` or `unix:/path`' },
    tls: { enum: ['none', 'starttls', 'implicit'], default: 'starttls', description: 'how TLS begins' },
    auth: { enum: ['none', 'optional', 'required'], default: 'none', description: 'whether clients log in' },
    cleartext_auth: { type: 'boolean', default: false, description: 'offer AUTH before TLS too' },
    client_certificates: {
      enum: ['none', 'request', 'require'],
      default: 'none',
      description: 'whether clients show a certificate within TLS; needs tls.client_ca',
    },
  },
} as const satisfies JsonSchema

const LIMITS = {
  type: 'object',
  description: 'bounds of sessions and messages',
  additionalProperties: false,
  default: {},
  properties: {
    message_size: { type: 'string', format: 'size', default: '50MB', description: 'largest message' },
    recipients: {
      type: 'integer',
      minimum: 1,
      maximum: 50000,
      default: 1000,
      description: 'recipients of one message',
    },
    header_size: { type: 'string', format: 'size', default: '256KB', description: 'largest header of a message' },
    line_length: { type: 'string', format: 'size', default: '4KB', description: 'longest command line' },
    commands: { type: 'integer', minimum: 10, default: 100000, description: 'commands of one session' },
    messages: { type: 'integer', minimum: 1, description: 'messages of one session; left out: no limit' },
    errors: { type: 'integer', minimum: 1, default: 20, description: 'refused commands of one session' },
    connections: {
      type: 'integer',
      minimum: 1,
      maximum: 100000,
      default: 2000,
      description: 'open connections per listener and worker',
    },
    connections_total: {
      type: 'integer',
      minimum: 1,
      maximum: 1000000,
      default: 10000,
      description: 'open connections of all doors and workers',
    },
    connections_per_network: {
      type: 'integer',
      minimum: 1,
      default: 100,
      description: 'of these, from one /24 of IPv4 or /64 of IPv6',
    },
    exempt: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      default: ['127.0.0.0/8', '::1'],
      description: 'networks that connections_per_network is not for',
    },
    commands_before_login: {
      type: 'integer',
      minimum: 5,
      default: 50,
      description: 'commands before a login, on listeners that require one',
    },
    command_timeout: { type: 'string', format: 'duration', default: '5m', description: 'waiting for a command' },
    data_timeout: { type: 'string', format: 'duration', default: '3m', description: 'waiting for bytes of a message' },
    message_timeout: {
      type: 'string',
      format: 'duration',
      default: '1h',
      description: 'all of a message, from DATA to its end',
    },
    hops: {
      type: 'integer',
      minimum: 10,
      maximum: 1000,
      default: 50,
      description: 'Received fields before it is a loop',
    },
  },
} as const satisfies JsonSchema

const DNS = {
  type: 'object',
  description: 'the name service; without servers nothing is looked up',
  additionalProperties: false,
  default: {},
  properties: {
    servers: {
      anyOf: [
        { enum: ['system'], description: '`system`' },
        {
          type: 'array',
          items: { type: 'string', format: 'nameserver' },
          maxItems: 10,
          description: 'a list of `ip` or `ip:port`',
        },
      ],
      default: [],
      description: '`system`, or a list of `ip` or `ip:port`',
    },
    timeout: { type: 'string', format: 'duration', default: '5s', description: 'waiting for one answer' },
    tries: { type: 'integer', minimum: 1, maximum: 10, default: 3, description: 'questions before giving up' },
    trust_ad: {
      enum: [false, true, 'anywhere'],
      default: false,
      description:
        'all servers validate (DNSSEC), and what they say of it is believed, for DANE; `anywhere`: and the way to them is safe, though they are not on this machine',
    },
  },
} as const satisfies JsonSchema

const CERTIFICATE = { type: 'string', minLength: 1, description: 'PEM file with the chain' } as const
const KEY = { type: 'string', minLength: 1, description: 'PEM file with the key' } as const

export const TLS = {
  type: 'object',
  description: 'certificates; without one a self-signed one is made in the data directory',
  additionalProperties: false,
  default: {},
  properties: {
    certificate: CERTIFICATE,
    key: KEY,
    certificates: {
      type: 'array',
      maxItems: 500,
      default: [],
      description: 'more of them, each for the names in it',
      items: {
        type: 'object',
        description: 'a certificate',
        additionalProperties: false,
        required: ['certificate', 'key'],
        properties: {
          certificate: CERTIFICATE,
          key: KEY,
          names: {
            type: 'array',
            minItems: 1,
            maxItems: 100,
            items: {
              type: 'string',
              maxLength: 255,
              pattern: '^(\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
              description: 'a host name such as mail.example.org or *.example.org',
            },
            description: 'host names it is shown for; left out: those in it',
          },
        },
      },
    },
    min_version: { enum: ['TLSv1.2', 'TLSv1.3'], default: 'TLSv1.2', description: 'oldest version that is spoken' },
    ciphers: { type: 'string', minLength: 1, description: "OpenSSL's names with colons between, best first" },
    client_ca: { type: 'string', minLength: 1, description: 'PEM file with the authorities of client certificates' },
  },
} as const satisfies JsonSchema

export const SERVER = {
  type: 'object',
  description: 'server.yaml',
  additionalProperties: false,
  required: ['name', 'domains', 'listeners'],
  properties: {
    name: { type: 'string', format: 'domain', description: 'the host name in greetings and trace fields' },
    domains: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      uniqueItems: true,
      description: 'domains whose mailboxes are here',
    },
    relay_domains: {
      type: 'array',
      items: { type: 'string', format: 'domain' },
      uniqueItems: true,
      default: [],
      description: 'domains relayed for without a login',
    },
    trusted: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      uniqueItems: true,
      default: [],
      description: 'networks that may send to the world without a login',
    },
    proxy: {
      type: 'object',
      description: 'load balancers in front of us that speak the PROXY protocol',
      additionalProperties: false,
      default: {},
      properties: {
        listeners: {
          type: 'array',
          items: { type: 'string', minLength: 1 },
          default: [],
          description: 'doors they connect to, those of plugins too',
        },
        networks: {
          type: 'array',
          items: { type: 'string', format: 'network' },
          default: [],
          description: 'where they connect from; each of their connections must begin with a PROXY header',
        },
      },
    },
    xclient: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      default: [],
      description: 'networks that may speak for their clients with XCLIENT',
    },
    xforward: {
      type: 'array',
      items: { type: 'string', format: 'network' },
      default: [],
      description: 'networks that may tell where mail came from with XFORWARD, for the log',
    },
    data: { type: 'string', minLength: 1, default: './data', description: 'directory of all data' },
    workers: {
      anyOf: [
        { enum: ['auto'], description: '`auto`' },
        { type: 'integer', minimum: 1, maximum: 64, description: 'a number from 1 to 64' },
      ],
      default: 'auto',
      description: '`auto` or a number of processes',
    },
    user: { type: 'string', minLength: 1, description: 'workers give up root for this user' },
    group: { type: 'string', minLength: 1, description: 'and this group' },
    listeners: { type: 'array', items: LISTENER, maxItems: 100, description: 'doors for SMTP and LMTP' },
    tls: TLS,
    limits: LIMITS,
    smtp: {
      type: 'object',
      description: 'how SMTP is spoken',
      additionalProperties: false,
      default: {},
      properties: {
        bare_cr: { enum: POLICY, default: 'refuse', description: 'a CR alone in a message' },
        bare_lf: { enum: POLICY, default: 'refuse', description: 'a LF alone in a message' },
        nul: { enum: POLICY, default: 'refuse', description: 'NUL octets in a message; normalise drops them' },
        early_talk: { enum: POLICY, default: 'refuse', description: 'a client that speaks before the greeting' },
        before_tls: {
          enum: POLICY,
          default: 'refuse',
          description: 'commands sent behind STARTTLS; normalise throws them away',
        },
        max_hold: {
          type: 'string',
          format: 'duration',
          default: '30d',
          description: 'how far ahead mail may be handed in (FUTURERELEASE)',
        },
        least_deliver_by: {
          type: 'string',
          format: 'duration',
          default: '0s',
          description: 'shortest time limit a sender may set (DELIVERBY)',
        },
        max_priority: {
          type: 'integer',
          minimum: -9,
          maximum: 9,
          default: 4,
          description: 'highest priority a sender may ask for (MT-PRIORITY)',
        },
        require_tls: {
          type: 'boolean',
          default: false,
          description:
            'offer REQUIRETLS: mail that asks for TLS all the way leaves only by mx routes, or to hosts that an MTA-STS policy or DANE vouches for',
        },
        vrfy: {
          enum: ['never', 'local'],
          default: 'never',
          description: 'whether VRFY tells who has a mailbox here',
        },
        banner: { type: 'string', maxLength: 200, description: 'text after the host name in the greeting' },
        without: {
          type: 'array',
          items: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9-]*$' },
          default: [],
          description: 'EHLO keywords that are not offered',
        },
      },
    },
    queue: QUEUE,
    dns: DNS,
    log: {
      type: 'object',
      description: 'what is written down, and where',
      additionalProperties: false,
      default: {},
      properties: {
        level: {
          enum: ['error', 'warn', 'info', 'debug'],
          default: 'info',
          description: 'least weight that is written',
        },
        file: { type: 'string', minLength: 1, default: '-', description: '`-` for standard output, or a path' },
        pretty: { enum: ['auto', 'always', 'never'], default: 'auto', description: 'lines for people instead of JSON' },
      },
    },
    drain_timeout: { type: 'string', format: 'duration', default: '30s', description: 'how long an end may take' },
  },
} as const satisfies JsonSchema

export const PLUGINS = {
  type: 'array',
  description: 'plugins.yaml',
  maxItems: 200,
  items: {
    type: 'object',
    description: 'an entry',
    additionalProperties: false,
    required: ['use'],
    properties: {
      use: { type: 'string', minLength: 1, description: 'a bundled plugin, `./file.js`, or an npm package' },
      with: { description: 'configuration of the plugin' },
      unless: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        default: [],
        description: 'labels: hooks are skipped for sessions that carry one of these',
      },
      on: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        default: [],
        description: 'labels: hooks are asked only for sessions that carry one of these',
      },
      timeout: { type: 'string', format: 'duration', default: '30s', description: 'deadline of each hook' },
      on_error: {
        enum: ['defer', 'ignore'],
        default: 'defer',
        description: 'what a failing hook means: the client shall try again, or go on without it',
      },
      mode: {
        enum: ['enforce', 'observe'],
        default: 'enforce',
        description: 'observe: objections are not acted on, the log says what they would have been',
      },
    },
  },
} as const satisfies JsonSchema
