/** `posthouse delivery lanes`, `suspend`: what is under way and what is left alone, and an admin's word on it. */
import { type Bus, CommandError, type State } from '../../../api/index.js'
import { domainKey, normaliseDomain, parseDuration, printable } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { withPlugins } from '../../open.js'
import { whoAsks } from '../queue/common.js'
import { spanOf, timeOf } from '../queue/words.js'
import type { LaneBook, LaneReport, Suspension } from './book.js'

/** Until somebody resumes it. */
const FOR_EVER_MS = 365 * 86_400_000
const DEFAULT_TARGET = 'mx'
const MOST_SHOWN = 200

export function laneCommands(parts: CliParts, book: LaneBook): readonly OwnCommand[] {
  return [lanesCommand(parts, book), suspendCommand(parts, book)]
}

export function withState<T>(run: OwnRun, parts: CliParts, work: (state: State, bus: Bus) => Promise<T>): Promise<T> {
  return withPlugins(
    run.configDir,
    parts,
    'command',
    async ({ services }, _config, _assembled, bus) => work(stateOf(services.find('state')), bus),
    ['store', 'state'],
  )
}

export function stateOf(state: State | undefined): State {
  if (state === undefined) throw new CommandError('no plugin supplies the service "state"; see plugins.yaml')
  return state
}

function lanesCommand(parts: CliParts, book: LaneBook): OwnCommand {
  return {
    name: 'delivery lanes',
    summary: 'list destinations that are suspended, and those with mail under way',
    arity: [0, 0],
    options: { suspended: { type: 'boolean', description: 'only those that are suspended' } },
    run: run =>
      withState(run, parts, async state => {
        const now = Date.now()
        const suspended = await book.suspended(state, now)
        const flows = run.options.suspended === true ? [] : await book.flows(state, now)
        if (run.json) run.print(JSON.stringify({ suspended, lanes: flows }, null, 2))
        else for (const line of linesOf(suspended, flows, now)) run.print(line)
        return 0
      }),
  }
}

function linesOf(suspended: readonly Suspension[], flows: readonly LaneReport[], now: number): readonly string[] {
  if (suspended.length === 0 && flows.length === 0) return ['nothing is suspended, and nothing under way']
  return [
    ...suspended.slice(0, MOST_SHOWN).map(one => `${printable(one.key)}  ${suspensionWords(one, now)}`),
    ...(suspended.length > MOST_SHOWN ? [`and ${suspended.length - MOST_SHOWN} more that are suspended`] : []),
    ...flows.slice(0, MOST_SHOWN).map(({ key, running, window, most }) => {
      const limit = most === 0 ? '' : ` of ${most} per worker`
      return `${printable(key)}  ${running} under way, ${window} at once${limit}`
    }),
  ]
}

export function suspensionWords({ until, why, by, rule }: Suspension, now: number): string {
  const who = { dead: 'nobody answers', reply: `by rule ${rule ?? ''}`, admin: 'by hand' }[by]
  const when =
    until <= now ? 'on probation, one delivery tries' : `suspended until ${timeOf(until)} (${spanOf(until - now)})`
  return `${when}, ${who}: ${printable(why, 300)}`
}

function suspendCommand(parts: CliParts, book: LaneBook): OwnCommand {
  return {
    name: 'delivery suspend',
    summary: 'leave a destination alone: its mail waits in the queue',
    usage: 'DESTINATION',
    arity: [1, 1],
    options: {
      for: { type: 'string', value: 'TIME', description: 'so long, as 2h; default: until it is resumed' },
      why: { type: 'string', value: 'TEXT', description: 'told in the trail of what waits' },
    },
    more: ['DESTINATION is a domain, or what `delivery lanes` and `queue shape` show: mx/example.net'],
    async run(run) {
      const key = keyOf(run.args[0]!)
      const ms = timeOfOption(run)
      const now = Date.now()
      const why = printable(typeof run.options.why === 'string' ? run.options.why : `suspended by ${whoAsks()}`, 300)
      const suspension: Suspension = { key, until: now + ms, since: now, why, by: 'admin' }
      await withState(run, parts, (state, bus) => book.suspend(state, bus, suspension))
      if (run.json) run.print(JSON.stringify(suspension, null, 2))
      else run.print(`${printable(key)} is suspended until ${timeOf(suspension.until)}`)
      return 0
    },
  }
}

/** A bare domain is one of the target `mx`. */
export function keyOf(text: string): string {
  if (text.includes('/')) return text
  const domain = normaliseDomain(text)
  if (domain === undefined)
    throw new CommandError(`"${text}" is no destination; expected example.net or mx/example.net`, 2)
  return `${DEFAULT_TARGET}/${domainKey(domain)}`
}

function timeOfOption(run: OwnRun): number {
  const text = run.options.for
  if (typeof text !== 'string') return FOR_EVER_MS
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1000 || ms > FOR_EVER_MS)
    throw new CommandError(`"${text}": expected a time such as 30m or 2h`, 2)
  return ms
}
