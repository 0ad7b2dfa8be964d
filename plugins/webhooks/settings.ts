/** The schema of `with:`, and what it cannot say: that addresses are ones to post to, and where the secrets are. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { ConfigError, type Fault, type Infer, type PluginContext, type QueueEventKind } from 'posthouse/api'
import { NetworkSet, parseDuration, parseSize } from 'posthouse/text'
import { mayReach } from './post.js'

const KINDS = [
  'accepted',
  'delayed',
  'delivered',
  'failed',
  'expired',
  'bounced',
  'held',
  'returned',
  'complained',
] as const satisfies QueueEventKind[]
const LEAST_SECRET = 16

export const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    hooks: {
      type: 'array',
      maxItems: 20,
      default: [],
      description: 'who is told',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['url', 'secret_file'],
        properties: {
          url: { type: 'string', maxLength: 2000, description: 'where events are posted' },
          secret_file: { type: 'string', minLength: 1, description: 'file with the secret they are signed with' },
          events: {
            type: 'array',
            minItems: 1,
            uniqueItems: true,
            items: { enum: KINDS },
            default: [...KINDS],
            description: 'which',
          },
          batch: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'most events in one request' },
          timeout: { type: 'string', format: 'duration', default: '15s', description: 'for one request' },
          networks: {
            type: 'array',
            items: { type: 'string', format: 'network' },
            default: [],
            description: 'private networks that may be posted to, by http too',
          },
        },
      },
    },
    retry: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: { type: 'string', format: 'duration' },
      default: ['5s', '30s', '2m', '10m', '30m', '1h'],
      description: 'waits after a failure, the last one repeats',
    },
    keep: { type: 'string', format: 'duration', default: '1d', description: 'how long an event is tried' },
    most: {
      type: 'integer',
      minimum: 10,
      maximum: 100000,
      default: 5000,
      description: 'events that may wait for a hook',
    },
    largest: { type: 'string', format: 'size', default: '1MB', description: 'largest request' },
  },
} as const

export type Settings = Infer<typeof CONFIG>

/** One hook, ready to use. */
export interface Hook {
  /** For keys of the state: the same after a restart. */
  readonly key: string
  readonly url: URL
  /** As it may be shown: without its query, which may hold a key. */
  readonly shown: string
  readonly kinds: ReadonlySet<QueueEventKind>
  readonly secret: Buffer
  readonly batch: number
  readonly timeoutMs: number
  readonly networks: NetworkSet
}

/** What holds for all of them. */
export interface Terms {
  readonly retryMs: readonly number[]
  readonly keepMs: number
  readonly most: number
  readonly largestBytes: number
}

export function termsOf(config: Settings): Terms {
  return {
    retryMs: config.retry.map(ms),
    keepMs: ms(config.keep),
    most: config.most,
    largestBytes: parseSize(config.largest) ?? 0,
  }
}

/** Throws `ConfigError` with all faults. */
export async function hooksOf({ config, files, fault }: PluginContext<Settings>): Promise<readonly Hook[]> {
  const faults: Fault[] = []
  const hooks: Hook[] = []
  for (const [i, raw] of config.hooks.entries()) {
    const networks = new NetworkSet(raw.networks)
    const url = urlOf(raw.url, networks)
    if (typeof url === 'string') faults.push(fault(['hooks', i, 'url'], url))
    const secret = await secretOf(files.resolve(raw.secret_file))
    if (typeof secret === 'string') faults.push(fault(['hooks', i, 'secret_file'], secret))
    if (typeof url === 'string' || typeof secret === 'string') continue
    const key = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
    if (hooks.some(other => other.key === key)) faults.push(fault(['hooks', i, 'url'], 'this URL stands above already'))
    const { batch } = raw
    const shown = `${url.origin}${url.pathname}`
    hooks.push({ key, url, shown, kinds: new Set(raw.events), secret, batch, timeoutMs: ms(raw.timeout), networks })
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return hooks
}

/** A sentence when it is not one to post to. */
function urlOf(text: string, networks: NetworkSet): URL | string {
  if (!URL.canParse(text)) return `expected an https URL, got "${text}"`
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return 'no user and password in the URL: requests are signed instead'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !mayReach(host, networks)) return `${host} is a private address; name it in networks`
  const near = (isIP(host) !== 0 && networks.has(host)) || (host === 'localhost' && networks.has('127.0.0.1'))
  if (url.protocol === 'https:' || (url.protocol === 'http:' && near)) return url
  return 'expected an https URL; http only to addresses in networks'
}

/** As it stands there, without the end of the line; `whsec_…` is base64, as Standard Webhooks has it. */
async function secretOf(path: string): Promise<Buffer | string> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`
  }
  const secret = text.startsWith('whsec_') ? Buffer.from(text.slice(6), 'base64') : Buffer.from(text)
  return secret.length < LEAST_SECRET ? `holds a secret of ${secret.length} octets; at least ${LEAST_SECRET}` : secret
}

function ms(duration: string): number {
  return parseDuration(duration) ?? 0
}
