/** `posthouse local-list …`: the run-time list by hand, and what the whole list says of something. */

import { isIP } from 'node:net'
import {
  type Clock,
  type Command,
  CommandError,
  type CommandOption,
  type CommandRun,
  type ListEntry,
  type ListQuestion,
} from 'posthouse/api'
import { formatDate, parseAddress, parseDuration, printable } from 'posthouse/text'
import { entriesOf, readListFile } from './file.js'
import { formatLine, isCode, readTime } from './line.js'
import { readPattern, wishFor } from './pattern.js'
import { type Addition, isOver, type RunTimeList } from './run-time.js'
import type { SiteList } from './site-list.js'

export interface CommandDeps {
  readonly list: SiteList
  readonly runTime: RunTimeList
  readonly clock: Clock
}

const MOST_IMPORTED = 10_000_000
const STEP = 10_000

const OPTIONS: Readonly<Record<string, CommandOption>> = {
  allow: { type: 'boolean', description: 'let it through where others of the list would not' },
  points: { type: 'string', value: 'N', description: 'what it weighs; left out: as config says' },
  code: { type: 'string', value: 'ADDRESS', description: 'what a zone answers for it: 127.0.0.4' },
  reason: { type: 'string', value: 'TEXT', description: 'for whoever is refused' },
  for: { type: 'string', value: 'TIME', description: 'how long it holds: 30d' },
  until: { type: 'string', value: 'DAY', description: 'until when it holds: 2027-01-31' },
  by: { type: 'string', value: 'WHO', description: 'who says so; default: the user who runs the command' },
}

export function localListCommands(deps: CommandDeps): readonly Command[] {
  const command = (
    name: string,
    summary: string,
    usage: string,
    arity: Command['arity'],
    run: (run: CommandRun, deps: CommandDeps) => Promise<number | void>,
    options: Command['options'] = {},
  ): Command => ({ name: `local-list ${name}`, summary, usage, arity, options, run: given => run(given, deps) })
  const runTimeOnly: CommandOption = { type: 'boolean', description: 'the run-time list alone, without files' }
  return [
    command('add', 'put entries on the run-time list; they hold at once', 'PATTERN…', [1, 1000], add, OPTIONS),
    command('rm', 'take entries from the run-time list', 'PATTERN…', [1, 1000], rm),
    command('ls', 'show the entries of the list, of files and at run time', '[TEXT]', [0, 1], ls, {
      'run-time': runTimeOnly,
    }),
    command('check', 'say which entry an address, a name, a mailbox or a link is found by', 'WHAT', [1, 1], check),
    command(
      'import',
      'add the entries of a file in the form of list files to the run-time list',
      'FILE',
      [1, 1],
      importFile,
    ),
    command('export', 'write the run-time list as a list file', '', [0, 0], exportAll),
  ]
}

async function add(run: CommandRun, { runTime, clock }: CommandDeps): Promise<void> {
  const now = clock.now()
  const said = noteIn(run, now)
  const additions = run.args.map(text => ({ key: keyOf(text), ...said }))
  await addAll(runTime, additions, now)
  const entries = (await runTime.get(additions.map(({ key }) => key))).filter(entry => entry !== undefined)
  show(run, entries)
}

async function rm(run: CommandRun, { runTime, clock }: CommandDeps): Promise<void> {
  const removed = await runTime.remove(run.args.map(keyOf), clock.now())
  if (removed.length === 0)
    throw new CommandError(`not on the run-time list: ${run.args.map(text => printable(text)).join(', ')}`)
  if (run.json) return run.print(JSON.stringify({ removed: removed.map(shown) }))
  for (const { pattern } of removed) run.print(`${pattern} is no longer on the run-time list`)
}

async function ls(run: CommandRun, { list, runTime, clock }: CommandDeps): Promise<void> {
  const wanted = run.args[0]?.toLowerCase() ?? ''
  const now = clock.now()
  const fits = (entry: ListEntry) =>
    !isOver(entry, now) && (wanted === '' || inWords(entry).toLowerCase().includes(wanted))
  let first = true
  // Written one by one: the list may be long.
  const print = (entry: ListEntry) => {
    run.print(run.json ? `${first ? '[' : ','}${JSON.stringify(shown(entry))}` : inWords(entry))
    first = false
  }
  for await (const { entry } of runTime.all()) if (fits(entry)) print(entry)
  if (run.options['run-time'] !== true) {
    await list.open()
    for (const file of list.files) for (const entry of entriesOf(file)) if (fits(entry)) print(entry)
  }
  if (run.json) run.print(first ? '[]' : ']')
  else if (first) run.print('nothing is on the list')
}

/** Exit code 1: it is not on the list. */
async function check(run: CommandRun, { list }: CommandDeps): Promise<number> {
  const question = questionFrom(run.args[0]!)
  const entry = await list.find(question)
  if (run.json) run.print(JSON.stringify({ question, ...(entry && { entry: shown(entry) }) }))
  else run.print(entry === undefined ? `${printable(run.args[0]!)} is not on the list` : inWords(entry))
  return entry === undefined ? 1 : 0
}

async function importFile(run: CommandRun, { runTime, clock }: CommandDeps): Promise<void> {
  const [path = ''] = run.args
  const reading = await readListFile(path, path, MOST_IMPORTED).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${path} cannot be read: ${error.code ?? error.message}`)
  })
  if (reading.kind === 'moving') throw new CommandError(`${path} is being written to; try again`)
  if (reading.kind === 'faulty')
    throw new CommandError(reading.faults.map(f => `${f.file}:${f.line}:${f.column}: ${f.message}`).join('\n'))
  const entries = reading.file.list.size
  if (!(await runTime.hasRoomFor(entries))) throw full()
  const now = clock.now()
  let additions: Addition[] = []
  for (const { pattern, place: _, ...note } of entriesOf(reading.file)) {
    additions.push({ ...note, key: keyOf(pattern), since: note.since ?? now })
    if (additions.length < STEP) continue
    await addAll(runTime, additions, now)
    additions = []
  }
  if (additions.length > 0) await addAll(runTime, additions, now)
  run.print(run.json ? JSON.stringify({ imported: entries }) : `${entries} entries are on the run-time list`)
}

async function exportAll(run: CommandRun, { runTime, clock }: CommandDeps): Promise<void> {
  const now = clock.now()
  const all: ListEntry[] = []
  for await (const { entry } of runTime.all()) {
    if (isOver(entry, now)) continue
    if (run.json) all.push(entry)
    else run.print(formatLine(entry))
  }
  if (run.json) run.print(JSON.stringify(all.map(shown)))
}

async function addAll(runTime: RunTimeList, additions: readonly Addition[], now: number): Promise<void> {
  if (!(await runTime.add(additions, now))) throw full()
}

function full(): CommandError {
  return new CommandError('the run-time list is full: see max_entries of local-list in plugins.yaml')
}

function noteIn({ options }: CommandRun, now: number): Omit<Addition, 'key'> {
  const { allow, points, code, reason, until, by } = options
  if (points !== undefined && !/^\d{1,3}(\.\d{1,2})?$/.test(String(points)))
    throw new CommandError(`--points: expected a number from 0 to 999, got "${printable(String(points))}"`)
  if (code !== undefined && !isCode(String(code)))
    throw new CommandError(
      `--code: expected an address in 127.0.0.0/8 that says something, as 127.0.0.4, got "${printable(String(code))}"`,
    )
  if (until !== undefined && options.for !== undefined)
    throw new CommandError('--for and --until: expected one of the two')
  const end = until === undefined ? endIn(options.for, now) : readTime(String(until))
  if (until !== undefined && end === undefined)
    throw new CommandError(`--until: expected a day as 2027-01-31, got "${printable(String(until))}"`)
  const who = String(by ?? process.env.SUDO_USER ?? process.env.USER ?? '')
  return {
    kind: allow === true ? 'allow' : 'block',
    since: now,
    ...(points !== undefined && { points: Number(points) }),
    ...(code !== undefined && { code: String(code) }),
    ...(reason !== undefined && { reason: printable(String(reason), 300) }),
    ...(end !== undefined && { until: end }),
    ...(who !== '' && { by: printable(who, 100) }),
  }
}

function endIn(asked: string | boolean | undefined, now: number): number | undefined {
  if (asked === undefined) return undefined
  const ms = parseDuration(String(asked))
  if (ms === undefined || ms <= 0)
    throw new CommandError(`--for: expected a time as 30d, got "${printable(String(asked))}"`)
  return now + ms
}

function keyOf(text: string): string {
  const key = readPattern(text)
  if (key === undefined) throw new CommandError(`"${printable(text)}": ${wishFor(text)}`)
  return key
}

function questionFrom(text: string): ListQuestion {
  const url = /^(https?:)?\/\//i.test(text) ? text.replace(/^(https?:)?\/\//i, 'http://') : undefined
  if (url !== undefined && URL.canParse(url)) {
    const { hostname, pathname } = new URL(url)
    return { kind: 'link', host: hostname, path: pathname }
  }
  if (isIP(text) !== 0) return { kind: 'address', address: text }
  const address = parseAddress(text)
  if (address !== undefined) return { kind: 'mailbox', ...address }
  if (/[\s@/]/.test(text))
    throw new CommandError(`"${printable(text)}": expected an address, a name, a mailbox or a link`)
  return { kind: 'name', name: text }
}

function show(run: CommandRun, entries: readonly ListEntry[]): void {
  if (run.json) run.print(JSON.stringify(entries.map(shown)))
  else for (const entry of entries) run.print(inWords(entry))
}

function inWords({ pattern, kind, place, points, code, reason, by, until }: ListEntry): string {
  const words = [
    pattern,
    kind,
    place,
    ...(points === undefined ? [] : [`${points} points`]),
    ...(code === undefined ? [] : [code]),
    ...(until === undefined ? [] : [`until ${formatDate(until)}`]),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(reason === undefined ? [] : [reason]),
  ]
  return words.join('  ')
}

function shown({ since, until, ...rest }: ListEntry) {
  const time = (at: number) => new Date(at).toISOString()
  return {
    ...rest,
    ...(since !== undefined && { since: time(since) }),
    ...(until !== undefined && { until: time(until) }),
  }
}
