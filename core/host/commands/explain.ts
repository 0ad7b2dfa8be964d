/** `posthouse explain`: who is asked at which moment, in which order, how long we wait, and what a failure means. */
import { type Manner, MOMENTS, type MomentName } from '../../api/index.js'
import { shownPath } from '../../config/files.js'
import type { Config } from '../../config/types.js'
import { formatDuration } from '../../text/index.js'
import type { CliParts, OwnCommand } from '../command-base.js'
import type { Loaded, LoadedEntry } from '../loaded.js'
import { withPlugins } from '../open.js'

interface Asked {
  readonly plugin: string
  readonly summary: string
  readonly deadlineMs: number
  readonly onFailure: string
  readonly unless: readonly string[]
  readonly on: readonly string[]
  readonly place: string
}

interface Explained {
  readonly moments: readonly {
    readonly moment: MomentName
    readonly manner: Manner
    readonly asked: readonly Asked[]
  }[]
  readonly targets: readonly string[]
  readonly verbs: readonly string[]
  readonly listeners: readonly string[]
  readonly labels: readonly string[]
}

export function explainCommand(parts: CliParts): OwnCommand {
  return {
    name: 'explain',
    summary: 'print per moment who is asked in which order, with deadlines and what a failure means',
    arity: [0, 0],
    run: run =>
      withPlugins(run.configDir, parts, 'serve', async (loaded, config) => {
        const explained = explain(loaded, config)
        if (run.json) run.print(JSON.stringify(explained, null, 2))
        else for (const line of linesOf(explained)) run.print(line)
        return 0
      }),
  }
}

function explain({ entries, targets, verbs, listeners, labels }: Loaded, config: Config): Explained {
  const moments = (Object.keys(MOMENTS) as MomentName[]).map(moment => ({
    moment,
    manner: MOMENTS[moment],
    asked: entries.filter(e => e.contribution.hooks?.[moment] !== undefined).map(e => askedOf(e, moment)),
  }))
  const doors = [...config.listeners, ...listeners].map(l => `${l.name} ${l.protocol} ${l.address} TLS ${l.tls}`)
  return { moments, targets: [...targets.keys()], verbs: [...verbs.keys()], listeners: doors, labels: [...labels] }
}

function askedOf({ entry, plugin }: LoadedEntry, moment: MomentName): Asked {
  const { unless, on, timeoutMs: deadlineMs, place } = entry
  const onFailure = failureAt(moment, entry.onError)
  const where = `${shownPath(place.file)}:${place.line}`
  return { plugin: plugin.name, summary: plugin.summary, deadlineMs, onFailure, unless, on, place: where }
}

/** As core/pipeline does it. */
function failureAt(moment: MomentName, onError: 'defer' | 'ignore'): string {
  const manner: Manner = MOMENTS[moment]
  if (manner === 'tell') return 'is logged'
  if (moment === 'score' || moment === 'weigh') return 'is a finding of 0 points'
  if (manner === 'gather' || onError === 'ignore') return 'is logged and passed over'
  if (moment === 'connect') return 'refuses for now (421 4.3.0)'
  return moment === 'auth' ? 'refuses for now (454 4.7.0)' : 'refuses for now (451 4.3.0)'
}

const MANNERS: Readonly<Record<Manner, string>> = {
  first: 'asked in this order until one answers',
  gather: 'all asked at once, answers put together',
  tell: 'told; nothing waits for them',
}

function linesOf({ moments, ...rest }: Explained): readonly string[] {
  const width = Math.max(0, ...moments.flatMap(m => m.asked.map(a => a.plugin.length)))
  const lines = moments.flatMap(({ moment, manner, asked }) => [
    asked.length === 0 ? `${moment}: nobody` : `${moment}: ${MANNERS[manner]}`,
    ...asked.map((a, i) => `  ${i + 1}. ${a.plugin.padEnd(width)}  ${conditions(a)}  (${a.place})`),
  ])
  const lists = Object.entries(rest).map(([name, all]) => `${name}: ${all.length === 0 ? 'none' : all.join(', ')}`)
  return [...lines, '', ...lists, '', 'A recipient that nobody claims at route is refused with 550 5.7.1.']
}

function conditions({ deadlineMs, onFailure, unless, on }: Asked): string {
  const parts = [`within ${formatDuration(deadlineMs)}`, `a failure ${onFailure}`]
  if (on.length > 0) parts.push(`only for ${on.join(', ')}`)
  if (unless.length > 0) parts.push(`not for ${unless.join(', ')}`)
  return parts.join(', ')
}
