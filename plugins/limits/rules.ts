/**
 * Rules out of the config: what is counted, for whom, how much of it, and for whom otherwise. Faults have their place in plugins.yaml and
 * say what was expected.
 */
import { ConfigError, type Fault, type Infer, type PluginContext } from 'posthouse/api'
import { closest, type Rate, ReadError, readRate } from 'posthouse/text'
import { Exceptions } from './exceptions.js'

export const COUNTS = ['connections', 'concurrent', 'messages', 'recipients', 'bytes'] as const
export const SUBJECTS = ['network', 'login', 'sender', 'sender-domain', 'recipient'] as const
export type Count = (typeof COUNTS)[number]
export type Subject = (typeof SUBJECTS)[number]

const LIMIT = {
  anyOf: [{ type: 'string' }, { type: 'integer', minimum: 0 }],
  description: 'as 60/1m, for bytes as 200MB/1d, for concurrent a number; or unlimited',
} as const

export const RULES = {
  type: 'array',
  maxItems: 200,
  default: [],
  description: 'the limits',
  items: {
    type: 'object',
    description: 'a limit',
    additionalProperties: false,
    required: ['count', 'per', 'limit'],
    properties: {
      name: {
        type: 'string',
        pattern: '^[a-z0-9][a-z0-9-]{0,63}$',
        description: 'seen in logs and keys; COUNT-per-SUBJECT when left out',
      },
      count: { type: 'string', enum: COUNTS, description: 'what is counted' },
      per: { type: 'string', enum: SUBJECTS, description: 'for whom' },
      limit: LIMIT,
      except: {
        type: 'array',
        maxItems: 10_000,
        default: [],
        items: { type: 'string', minLength: 1, maxLength: 320 },
        description: 'networks, log-ins, addresses and domains without this limit',
      },
      overrides: {
        type: 'object',
        default: {},
        additionalProperties: LIMIT,
        description: 'another limit for these networks, log-ins, addresses and domains; the longest match',
      },
    },
  },
} as const

type RuleConfig = Infer<typeof RULES>[number]

/** For `concurrent` a number of places, for all else a rate. */
export type Limit = Rate | number

export interface Rule {
  readonly name: string
  readonly count: Count
  readonly per: Subject
  readonly limit: Limit
  readonly exceptions: Exceptions<Limit>
}

/** What can be counted for whom: a connection has no sender yet. */
const POSSIBLE: Readonly<Record<Count, readonly Subject[]>> = {
  connections: ['network'],
  concurrent: ['network', 'login'],
  messages: SUBJECTS,
  // how many mails one recipient gets is `messages`
  recipients: ['network', 'login', 'sender', 'sender-domain'],
  bytes: SUBJECTS,
}

/** Throws a `ConfigError` with all faults. */
export function readRules(configs: readonly RuleConfig[], fault: PluginContext<unknown>['fault']): readonly Rule[] {
  const faults: Fault[] = []
  const named = new Map<string, number>()
  const rules = configs.map((config, at): Rule => {
    const { count, per, name = `${count}-per-${per}` } = config
    const place = (...path: (string | number)[]) => ['rules', at, ...path]
    const wrong = (path: readonly (string | number)[], message: string) => faults.push(fault(place(...path), message))
    if (!POSSIBLE[count].includes(per))
      wrong(
        ['per'],
        `${count} cannot be counted per ${per}; expected ${POSSIBLE[count].join(', ')}${meant(count, per)}`,
      )
    const first = named.get(name)
    if (first !== undefined)
      wrong(
        ['name' in config ? 'name' : 'count'],
        `rule ${at + 1} is named ${name} as rule ${first + 1} is; give it a name of its own`,
      )
    named.set(name, first ?? at)
    const exceptions = new Exceptions<Limit>()
    const add = (pattern: string, limit: Limit, path: readonly (string | number)[]) => {
      if (!exceptions.add(pattern, limit)) wrong(path, notMatchable(pattern))
    }
    const read = (limit: string | number, path: readonly (string | number)[]): Limit => {
      const found = readLimit(limit, count)
      if (typeof found !== 'object' || 'limit' in found) return found
      wrong(path, found.fault)
      return 'unlimited'
    }
    for (const [pattern, limit] of Object.entries(config.overrides))
      add(pattern, read(limit, ['overrides', pattern]), ['overrides', pattern])
    for (const [index, pattern] of config.except.entries()) add(pattern, 'unlimited', ['except', index])
    return { name, count, per, limit: read(config.limit, ['limit']), exceptions }
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return rules
}

export function readLimit(limit: string | number, count: Count): Limit | { readonly fault: string } {
  const text = String(limit)
  if (count === 'concurrent') {
    if (text === 'unlimited') return 'unlimited'
    if (/^[0-9]{1,9}$/.test(text)) return Number(text)
    return { fault: `"${text}": expected a number of connections at the same time, or unlimited` }
  }
  try {
    return readRate(text, count === 'bytes' ? 'size' : 'count')
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    return { fault: `"${text}": ${error.message}` }
  }
}

function meant(count: Count, per: Subject): string {
  if (count === 'recipients' && per === 'recipient') return '; did you mean messages per recipient?'
  if (count === 'connections') return `; did you mean messages per ${per}?`
  return ''
}

function notMatchable(pattern: string): string {
  const bare = pattern.replace(/^\*?[@.]*/, '')
  const near = bare === pattern || bare === '' || /[\s*]/.test(bare) ? undefined : (closest(pattern, [bare]) ?? bare)
  const hint = near === undefined ? '' : `; did you mean ${near}, which is all below it too?`
  return `"${pattern}": expected a network like 192.0.2.0/24, a log-in, an address or a domain${hint}`
}
