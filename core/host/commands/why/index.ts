/** `posthouse why`: what became of a message, and why, from the trail. Beside a running server or without one. */
import { type Store, type TrailEntry, type TrailFound, trailDecided, trailFindings } from '../../../api/index.js'
import { idTime } from '../../../text/index.js'
import type { CliParts, OwnCommand, OwnRun } from '../../command-base.js'
import { withQueue } from '../queue/common.js'
import { timeOf } from '../queue/words.js'
import { arrivalIn, listLine, recordLines } from './record.js'
import { keptFor, readSearch, type Search, searchedFor } from './search.js'

/** Transactions of one session that are looked for when only the session is named. */
const MAX_TRANSACTIONS = 100
const NOT_FOUND = 1

export function whyCommand(parts: CliParts): OwnCommand {
  const text = (value: string, description: string) => ({ type: 'string', value, description }) as const
  return {
    name: 'why',
    summary: 'tell what became of a message, and why: by id, mail file, Message-ID, addresses, client or time',
    usage: '[ID | FILE | MESSAGE-ID | ADDRESS | IP]',
    arity: [0, 1],
    options: {
      'message-id': text('ID', 'with this Message-ID'),
      from: text('ADDRESS', 'from this sender (envelope or From), or from a domain'),
      to: text('ADDRESS', 'to this recipient, or to a domain'),
      address: text('ADDRESS', 'one or the other'),
      client: text('IP', 'from this client'),
      since: text('TIME', 'not before: 2h, 3d, 2030-01-31, 2030-01-31T12:00'),
      until: text('TIME', 'not after'),
      limit: text('N', 'list at most so many, the newest; default 20'),
    },
    more: [
      'An id stands in our Received field, in the log, and in square brackets in every refusal. A FILE is known by our Received fields or its Message-ID.',
      'All that is given must fit. One record is told; several are listed. Exit codes: 0 told or listed, 1 nothing found, 2 wrong usage.',
    ],
    run: run =>
      withQueue(run, parts, async ({ store, config }) => {
        const search = await readSearch(run, config.name, Date.now())
        const found = await lookUp(store, search)
        const known = (await Promise.all(found.map(async id => ({ id, entries: await store.trail.of(id) })))).filter(
          ({ entries }) => entries.length > 0,
        )
        if (known.length === 0) return await tellNothing(run, store, search)
        if (known.length === 1) await tellOne(run, store, known[0]!)
        else tellMany(run, known, search)
        return 0
      }),
  }
}

interface Known {
  readonly id: string
  readonly entries: readonly TrailEntry[]
}

/** The newest first. */
async function lookUp({ trail }: Store, search: Search): Promise<readonly string[]> {
  switch (search.kind) {
    case 'id': {
      if (search.id.includes('.') || (await trail.of(search.id)).length > 0) return [search.id]
      return transactionsOf(trail, search.id)
    }
    case 'mail': {
      for (const id of search.ids) if ((await trail.of(id)).length > 0) return [id]
      return search.messageId === undefined ? [] : idsOf(await trail.find({ messageId: search.messageId }))
    }
    case 'queries': {
      for (const query of search.queries) {
        const found = await trail.find(query)
        if (found.length > 0) return idsOf(found)
      }
      return []
    }
  }
}

function idsOf(found: readonly TrailFound[]): readonly string[] {
  return found.map(({ id }) => id)
}

/** Of a session, whose id alone stands in the log line of its end. */
async function transactionsOf(trail: Store['trail'], session: string): Promise<readonly string[]> {
  const ids: string[] = []
  for (let n = 1; n <= MAX_TRANSACTIONS; n++)
    if ((await trail.of(`${session}.${n}`)).length > 0) ids.unshift(`${session}.${n}`)
  return ids
}

async function tellNothing(run: OwnRun, store: Store, search: Search): Promise<number> {
  const reach = await store.trail.reach()
  if (run.json) run.print(JSON.stringify({ found: [], searched: search, reach }, null, 2))
  run.warn(`Nothing is known of ${searchedFor(search)}.`)
  run.warn(keptFor(reach))
  const born = search.kind === 'id' ? idTime(search.id) : undefined
  if (born !== undefined && reach.oldest !== undefined && born < reach.oldest)
    run.warn(`By its id it began before that, at ${timeOf(born)}.`)
  return NOT_FOUND
}

async function tellOne(run: OwnRun, { queue }: Store, { id, entries }: Known): Promise<void> {
  const queued = await queue.get(id)
  if (!run.json) {
    for (const line of recordLines(id, entries, queued, Date.now())) run.print(line)
    return
  }
  run.print(JSON.stringify({ ...shown({ id, entries }), entries, queued: queued ?? null }, null, 2))
}

function tellMany(run: OwnRun, known: readonly Known[], search: Search): void {
  if (run.json) {
    run.print(JSON.stringify({ found: known.map(shown) }, null, 2))
    return
  }
  for (const { id, entries } of known) run.print(listLine(id, entries))
  const limit = search.kind === 'queries' ? search.queries[0]?.limit : undefined
  const more = limit === known.length ? ` There may be more: --limit, or a narrower --since.` : ''
  run.print(`${known.length} records; posthouse why ID tells one of them.${more}`)
}

/** The same of one that is told and of one in a list. */
function shown({ id, entries }: Known): object {
  const arrival = arrivalIn(entries)
  const facts = arrival?.facts ?? {}
  const { findings: _, decided: __, ...plain } = facts
  return {
    id,
    at: Math.min(...entries.map(({ at }) => at)),
    events: [...new Set(entries.map(({ event }) => event))],
    arrival: plain,
    findings: arrival === undefined ? [] : trailFindings(arrival),
    decided: arrival === undefined ? [] : trailDecided(arrival),
  }
}
