/**
 * `posthouse delivery explain DOMAIN`: where mail for a domain would go now and why, what limits it and what of them is used, and who set each.
 * Names are looked up; nothing is connected to, and nothing changes.
 */
import { join } from 'node:path'
import { CommandError, type Explanation, type SentBy, type State, type Target } from '../../../api/index.js'
import { readSource } from '../../../config/files.js'
import type { Config } from '../../../config/types.js'
import type { YamlSource } from '../../../config/yaml.js'
import { formatDuration, formatRate, normaliseDomain, parseAddress } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import type { Loaded } from '../../loaded.js'
import { withPlugins } from '../../open.js'
import type { LaneBook, Place, RateUse, Suspension } from './book.js'
import { suspensionWords } from './lanes.js'

const TIMEOUT_MS = 30_000

interface Limit {
  readonly name: string
  readonly value: string
  /** `server.yaml:12:5`, or `default`. */
  readonly setBy: string
  readonly used?: string
}

interface Explained {
  readonly target: string
  readonly lane: string
  readonly site?: string
  readonly way?: Explanation
  readonly limits: readonly Limit[]
  readonly suspended?: Suspension
  readonly now?: { readonly running: number; readonly atOnce: number }
}

export function deliveryExplainCommand(parts: CliParts, book: LaneBook): OwnCommand {
  return {
    name: 'delivery explain',
    summary: 'print where mail for a domain goes, what limits and secures it, and who says so',
    usage: 'DOMAIN',
    arity: [1, 1],
    options: {
      from: {
        type: 'string',
        value: 'ADDRESS',
        description: 'as if this address sent it, <> for a notification; default: postmaster',
      },
      login: { type: 'string', value: 'LOGIN', description: 'as if this account sent it; routes may look at it' },
    },
    run: async run => {
      const domain = normaliseDomain(run.args[0]!)
      if (domain === undefined)
        throw new CommandError(`"${run.args[0]}" is no domain; expected one such as example.net`, 2)
      const found = await withPlugins(run.configDir, parts, 'serve', (loaded, config) =>
        look(run, domain, { loaded, config, book }),
      )
      if (run.json) run.print(JSON.stringify({ domain, ways: found }, null, 2))
      else for (const one of found) for (const line of linesOf(domain, one)) run.print(line)
      return 0
    },
  }
}

interface At {
  readonly loaded: Loaded
  readonly config: Config
  readonly book: LaneBook
}

async function look(run: OwnRun, domain: string, at: At): Promise<readonly Explained[]> {
  const { loaded, config } = at
  const scope = config.domains.includes(domain) ? 'local' : 'remote'
  const targets = [...loaded.targets].filter(([, one]) => one.scope === scope)
  if (targets.length === 0) throw new CommandError(`nothing delivers ${scope} mail: no plugin supplies such a target`)
  const source = await readSource(join(run.configDir, 'server.yaml'))
  return Promise.all(
    targets.map(([name, target]) => explained(run, domain, name, target, { ...at, source: source.source })),
  )
}

async function explained(
  run: OwnRun,
  domain: string,
  name: string,
  target: Target,
  at: At & { readonly source: YamlSource | undefined },
): Promise<Explained> {
  const by = sentBy(run, at.config)
  const to = { local: 'postmaster', domain }
  const way = await target.explain?.(to, by, AbortSignal.timeout(TIMEOUT_MS))
  const lane = way?.lane ?? target.lane(to, by)
  const site = target.site?.(lane)
  const place = { target: name, lane }
  const state = at.loaded.services.find('state')
  const known = state === undefined ? {} : await standing(at.book, state, place, site)
  return {
    target: name,
    lane,
    ...(site === undefined ? {} : { site }),
    ...(way === undefined ? {} : { way }),
    limits: await limitsOf(at, place, site, state),
    ...known,
  }
}

/** Routes and pools may look at who sends: without a word about it, postmaster of our first domain. */
function sentBy(run: OwnRun, { domains }: Config): SentBy {
  const { login, from } = run.options
  const text = typeof from === 'string' ? from : `postmaster@${domains[0] ?? 'localhost'}`
  const sender = text === '<>' ? null : parseAddress(text)
  if (sender === undefined)
    throw new CommandError(`"${text}" is no address; expected one such as news@example.org, or <>`, 2)
  if (sender === null) return { sender, senderClass: 'bounces' }
  return typeof login === 'string' ? { sender, login, senderClass: 'authenticated' } : { sender, senderClass: 'others' }
}

async function standing(book: LaneBook, state: State, place: Place, site: string | undefined) {
  const now = Date.now()
  const keys = [book.keyOf(place), book.keyOf(place, site)]
  const suspended = (await book.suspended(state, now)).find(({ key }) => keys.includes(key))
  const flow = (await book.flows(state, now)).find(({ key }) => keys.includes(key))
  return {
    ...(suspended === undefined ? {} : { suspended }),
    ...(flow === undefined ? {} : { now: { running: flow.running, atOnce: flow.window } }),
  }
}

async function limitsOf(
  { book, config: { queue }, source }: At & { readonly source: YamlSource | undefined },
  place: Place,
  site: string | undefined,
  state: State | undefined,
): Promise<readonly Limit[]> {
  const { lane: at } = book.rulesOf(queue, place, 'system')
  const rule = at === undefined ? undefined : queue.lanes[at]
  const inRule = at === undefined ? [] : ['queue', 'lanes', at]
  const own = rule?.perLane !== undefined
  const now = Date.now()
  const limits: Limit[] = [
    {
      name: 'at once, per worker',
      value: String(rule?.perLane ?? queue.perLane),
      setBy: placeOf(source, own ? [...inRule, 'concurrency'] : ['queue', 'per_lane']),
    },
    {
      name: 'at least',
      value: String(rule?.leastPerLane ?? 1),
      setBy: placeOf(source, [...(rule?.leastPerLane === undefined ? ['queue', 'lanes', -1] : inRule), 'least']),
    },
    {
      name: 'longest pause',
      value: formatDuration(queue.longestPauseMs),
      setBy: placeOf(source, ['queue', 'longest_pause']),
    },
  ]
  const used = await book.used(state, book.keyOf(place, site), rule?.rates ?? {}, now)
  for (const one of used) limits.push(rateLimit(one, placeOf(source, [...inRule, 'rates', one.kind])))
  for (const [i, { match, rates }] of queue.sources.entries()) {
    const shown = await book.used(state, `source/${match[0]}`, match[0] === '*' ? {} : rates, now)
    for (const one of shown) {
      const limit = rateLimit(one, placeOf(source, ['queue', 'sources', i, 'rates', one.kind]))
      limits.push({ ...limit, name: `${limit.name} by ${match[0]}` })
    }
  }
  return limits
}

function rateLimit({ kind, budget, used }: RateUse, setBy: string): Limit {
  const of = kind === 'bytes' ? 'size' : 'count'
  return { name: kind, value: formatRate(budget, of), setBy, used: String(used) }
}

function placeOf(source: YamlSource | undefined, path: readonly (string | number)[]): string {
  if (source === undefined || source.value(path) === null) return 'default'
  const { line, column } = source.at(path)
  return `${source.file}:${line}:${column}`
}

function linesOf(domain: string, { target, lane, site, way, limits, suspended, now }: Explained): readonly string[] {
  return [
    `mail for ${domain} goes by ${target}`,
    `  lane       ${lane}${site === undefined || site === lane ? '' : `, site ${site}`}`,
    ...(way === undefined ? [] : wayLines(way)),
    ...limits.map(({ name, value, setBy, used }) => {
      const spent = used === undefined ? '' : `, ${used} used`
      return `  limit      ${name}: ${value}${spent} (${setBy})`
    }),
    `  now        ${now === undefined ? 'nothing under way' : `${now.running} under way, ${now.atOnce} at once`}`,
    `  state      ${suspended === undefined ? 'open' : suspensionWords(suspended, Date.now())}`,
  ]
}

function wayLines({ because, protocol, hosts, trouble, login, pool }: Explanation): readonly string[] {
  return [
    `  route      ${because}${protocol === 'lmtp' ? ', by LMTP' : ''}${login === undefined ? '' : `, logs in as ${login}`}`,
    ...hosts.map(({ name, port, preference, addresses, trouble: why, security }) => {
      const rank = preference === undefined ? '' : ` (${preference})`
      const where = addresses.length === 0 ? (why ?? 'no address') : addresses.join(', ')
      return `  host       ${name}${port === undefined ? '' : `:${port}`}${rank}: ${where}; ${security}`
    }),
    ...(trouble === undefined ? [] : [`  trouble    ${trouble}`]),
    ...(pool === undefined ? [] : [`  source     pool ${pool.name} (${pool.because}): ${pool.sources.join(', ')}`]),
  ]
}
