/** `posthouse explain schedule`: in times of day, when mail that nobody takes is tried, when its sender is told, and when it goes back. */
import { CommandError, ConfigError } from '../../api/index.js'
import type { Forecast } from '../../config/forecast.js'
import { loadConfig } from '../../config/load.js'
import type { Config } from '../../config/types.js'
import { formatDuration, normaliseDomain } from '../../text/index.js'
import type { CliParts, Forecasts, OwnCommand, OwnRun } from '../command-base.js'
import { withPlugins } from '../open.js'

const SENDERS: Readonly<Record<Forecast['senders'][number], string>> = {
  bounces: 'bounces',
  bulk: 'mail of low priority',
  authenticated: 'people who log in',
  trusted: 'trusted networks',
  others: 'others',
}
/** On one line; a long course goes on below. */
const TIMES_A_LINE = 12

export function explainScheduleCommand(parts: CliParts, forecasts: Forecasts): OwnCommand {
  return {
    name: 'explain schedule',
    summary: 'print when mail that nobody takes is tried again, told to be late, and returned',
    usage: '[DOMAIN]',
    arity: [0, 1],
    options: {
      from: { type: 'string', value: 'TIME', description: 'as if it came then: "2026-01-31 10:00"; default: now' },
    },
    more: [
      'Rules of `queue.lanes` are shown in their order: the first that fits a destination counts. Waits differ by `queue.jitter`.',
    ],
    async run(run) {
      const from = startOf(run.options.from)
      const { config, shown } = await look(run, parts, forecasts, from)
      if (run.json) run.print(JSON.stringify({ from, jitter: config.queue.jitter, schedules: shown }, null, 2))
      else for (const line of linesOf(shown, config, from)) run.print(line)
      return 0
    },
  }
}

async function look(run: OwnRun, parts: CliParts, forecasts: Forecasts, from: number) {
  const [text] = run.args
  if (text === undefined) {
    const { config, faults } = await loadConfig(run.configDir, 'leave')
    if (config === undefined) throw new ConfigError(faults)
    return { config, shown: forecasts.all(config.queue, from) }
  }
  const domain = normaliseDomain(text)
  if (domain === undefined) throw new CommandError(`"${text}" is no domain; expected one such as example.net`, 2)
  return await withPlugins(run.configDir, parts, 'serve', async (loaded, config) => {
    // Where its mail really goes: routes may send many domains one way.
    const scope = config.domains.includes(domain) ? 'local' : 'remote'
    const to = { local: 'postmaster', domain }
    const places = [...loaded.targets].flatMap(([target, one]) =>
      one.scope === scope ? [{ target, lane: one.lane(to) }] : [],
    )
    if (places.length === 0) throw new CommandError(`nothing delivers ${scope} mail: no plugin supplies such a target`)
    const shown = places.flatMap(place => forecasts.of(config.queue, place, from).map(one => ({ ...place, ...one })))
    return { config, shown }
  })
}

/** Local time, as the log of a person on the spot. */
function startOf(text: string | boolean | undefined): number {
  if (typeof text !== 'string') return Date.now()
  const found = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)$/.exec(text)
  const at = found === null ? Number.NaN : new Date(text.replace(' ', 'T')).getTime()
  if (Number.isNaN(at)) throw new CommandError(`"${text}": expected a time such as "2026-01-31 10:00"`, 2)
  return at
}

function linesOf(all: readonly (Forecast & { lane?: string })[], config: Config, from: number): readonly string[] {
  const lines = [`Mail received at ${dayOf(from)} ${timeOf(from)} that nobody takes`]
  for (const one of all) lines.push('', ...course(one, from))
  const { greylisted, jitter } = config.queue
  const quick = all[0]?.greylisted ?? []
  if (quick.length > 0) {
    const times = quick.map(at => timeOf(at)).join(' ')
    const named = `a wait that it names is kept up to ${formatDuration(greylisted.longestMs)}`
    lines.push('', `A peer that greylists is tried at ${times}; ${named}.`)
  }
  lines.push(
    '',
    `Waits differ by up to ${Math.round(jitter * 100)}% either way; every attempt counts from the end of the one before.`,
  )
  return lines
}

function course(one: Forecast & { lane?: string }, from: number): readonly string[] {
  const senders = one.senders.map(sender => SENDERS[sender]).join(', ')
  const warned = one.warnings.map(at => `${dayOf(at)} ${timeOf(at)}`)
  return [
    `${titleOf(one)}, from ${senders}`,
    ...attemptLines(one.attempts),
    `  told late   ${warned.join(', ') || 'never'}`,
    `  returned    ${dayOf(one.givenUp)} ${timeOf(one.givenUp)} (after ${formatDuration(one.givenUp - from)} of ${formatDuration(one.expires - from)})`,
  ]
}

function titleOf({ match, target, lane }: Forecast & { lane?: string }): string {
  const rule =
    match === undefined ? 'everything else' : `${match.slice(0, 5).join(', ')}${match.length > 5 ? ' …' : ''}`
  if (lane !== undefined)
    return `by ${target} to ${lane} (${match === undefined ? 'no rule of queue.lanes' : `rule ${rule}`})`
  return target === undefined || match === undefined ? `to ${rule}` : `by ${target} to ${rule}`
}

function attemptLines(attempts: readonly number[]): readonly string[] {
  const days = new Map<string, string[]>()
  for (const at of attempts) {
    const times = days.get(dayOf(at))
    if (times === undefined) days.set(dayOf(at), [timeOf(at)])
    else times.push(timeOf(at))
  }
  return [...days].flatMap(([day, times]) => {
    const parts = Array.from({ length: Math.ceil(times.length / TIMES_A_LINE) }, (_, i) =>
      times.slice(i * TIMES_A_LINE, (i + 1) * TIMES_A_LINE).join(' '),
    )
    return parts.map((part, i) => `  ${(i === 0 ? day : '').padEnd(10)}  ${part}`)
  })
}

function dayOf(ms: number): string {
  const at = new Date(ms)
  return [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-')
}

function timeOf(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
