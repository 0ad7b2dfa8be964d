/** `posthouse state …`: what plugins have counted and remembered. They may run beside the server: both see the same file. */
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import { closest, formatDuration, formatSize, printable } from 'posthouse/text'
import type { LmdbState } from './state.js'

const DEFAULT_LIMIT = 1000
const MAX_LIMIT = 1_000_000
const KINDS = { v: 'value', b: 'budget' } as const

const LIMIT = { type: 'string', value: 'N', description: `at most so many, ${DEFAULT_LIMIT} when not given` } as const

export function stateCommands(state: LmdbState, now: () => number): readonly Command[] {
  return [
    {
      name: 'state ls',
      summary: 'list what plugins have counted and remembered, by the beginning of its key',
      usage: '[PREFIX]',
      arity: [0, 1],
      options: { limit: LIMIT },
      run: run => list(state, now(), run),
    },
    {
      name: 'state rm',
      summary: 'forget a value or a budget',
      usage: 'KEY',
      arity: [1, 1],
      run: run => remove(state, now(), run),
    },
    {
      name: 'state totals',
      summary: 'how much is kept, and of what',
      arity: [0, 0],
      run: run => totals(state, run),
    },
  ]
}

async function list(state: LmdbState, now: number, run: CommandRun): Promise<void> {
  const limit = readLimit(run.options.limit)
  const prefix = run.args[0] ?? ''
  const entries = await state.entries(prefix, now, limit)
  const places = (await state.places(prefix)).slice(0, limit)
  if (run.json) {
    const kept = entries.map(({ tag, key, value, expires }) => ({ kind: KINDS[tag], key, value, expires }))
    run.print(JSON.stringify([...kept, ...places.map(one => ({ kind: 'places', ...one }))]))
    return
  }
  for (const { tag, key, value, expires } of entries)
    run.print(`${printable(key)}  ${KINDS[tag]} ${printable(value, 80)}  for ${formatDuration(seconds(expires - now))}`)
  for (const { key, taken } of places) run.print(`${printable(key)}  places ${taken}`)
  if (entries.length >= limit) run.warn(`only the first ${limit} are shown; --limit N shows more`)
}

async function remove(state: LmdbState, now: number, run: CommandRun): Promise<void> {
  const key = run.args[0]!
  if (!(await state.remove(key))) {
    const folder = key.slice(0, key.lastIndexOf('/') + 1)
    const meant = closest(key, new Set((await state.entries(folder, now, DEFAULT_LIMIT)).map(entry => entry.key)))
    throw new CommandError(
      `there is no ${printable(key)}${meant === undefined ? '' : `; did you mean ${printable(meant)}?`}`,
    )
  }
  run.print(run.json ? JSON.stringify({ removed: key }) : `forgot ${printable(key)}`)
}

async function totals(state: LmdbState, run: CommandRun): Promise<void> {
  const { entries, octets, most, places, families } = await state.totals()
  if (run.json) {
    run.print(JSON.stringify({ entries, octets, most, places, families }))
    return
  }
  run.print(`${entries} entries, ${formatSize(octets)} of ${formatSize(most)}; ${places} places taken`)
  for (const one of families.toSorted((a, b) => b.octets - a.octets))
    run.print(`${one.family}  ${one.entries} entries, ${formatSize(one.octets)}`)
}

function readLimit(text: string | boolean | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT
  const limit = /^[0-9]{1,7}$/.test(String(text)) ? Number(text) : 0
  if (limit < 1 || limit > MAX_LIMIT)
    throw new CommandError(`--limit: expected a number from 1 to ${MAX_LIMIT}, found "${printable(String(text), 20)}"`)
  return limit
}

function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000)) * 1000
}
