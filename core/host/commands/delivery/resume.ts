/**
 * `posthouse delivery resume`: ends a suspension, whoever made it, of a destination or of the site that it belongs to, and brings the mail that
 * waits for its end forward.
 */
import type { Bus } from '../../../api/index.js'
import { printable } from '../../../text/index.js'
import type { CliParts, OwnCommand } from '../../command-base.js'
import type { Loaded } from '../../loaded.js'
import { withPlugins } from '../../open.js'
import { many } from '../queue/words.js'
import type { LaneBook, Place } from './book.js'
import { keyOf, stateOf } from './lanes.js'

/** Destinations with mail, the fullest first: those of one site are looked for among so many. */
const MOST_LANES = 20_000

interface Resumed {
  /** What was suspended. */
  readonly keys: readonly string[]
  readonly forward: number
}

export function resumeCommand(parts: CliParts, book: LaneBook): OwnCommand {
  return {
    name: 'delivery resume',
    summary: 'let mail go to a destination again, whoever suspended it',
    usage: 'DESTINATION',
    arity: [1, 1],
    more: ['Of a domain also the site that it shares with others; its mail that waits is due at once.'],
    async run(run) {
      const key = keyOf(run.args[0]!)
      // All plugins as the server has them: the target knows which site a domain belongs to.
      const { keys, forward } = await withPlugins(run.configDir, parts, 'serve', (loaded, _config, _assembled, bus) =>
        resume(key, loaded, bus, book),
      )
      const resumed = keys.length > 0
      if (run.json) run.print(JSON.stringify({ key, resumed, keys, recipients: forward }))
      else if (!resumed) run.print(`${printable(key)} was not suspended`)
      else for (const one of keys) run.print(`${printable(one)} gets mail again`)
      if (!run.json && forward > 0) run.print(`${many(forward, 'recipient')} due now`)
      return resumed ? 0 : 1
    },
  }
}

async function resume(key: string, { services, targets }: Loaded, bus: Bus, book: LaneBook): Promise<Resumed> {
  const state = stateOf(services.find('state'))
  const siteKey = ({ target, lane }: Place) => book.keyOf({ target, lane }, targets.get(target)?.site?.(lane))
  const keys: string[] = []
  for (const one of new Set([key, siteKey(placeOf(key))])) if (await book.resume(state, bus, one)) keys.push(one)
  const queue = services.find('store')?.queue
  if (keys.length === 0 || queue === undefined) return { keys, forward: 0 }
  const now = Date.now()
  const { lanes } = await queue.shape({ now, edges: [], most: MOST_LANES })
  const meant = lanes.filter(place => keys.includes(book.keyOf(place)) || keys.includes(siteKey(place)))
  return { keys, forward: await book.broughtForward(queue, meant, now) }
}

/** Targets have no slash in their names. */
function placeOf(key: string): Place {
  const slash = key.indexOf('/')
  return { target: key.slice(0, slash), lane: key.slice(slash + 1) }
}
