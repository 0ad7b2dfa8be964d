/** `posthouse suppression …`: who is left alone and why, by hand too. */
import { type Clock, type Command, CommandError, type CommandOption, type CommandRun } from 'posthouse/api'
import {
  addressKey,
  formatAddress,
  formatDate,
  formatDuration,
  parseAddress,
  parseDuration,
  printable,
} from 'posthouse/text'
import type { Entry, Suppressed } from './list.js'
import type { ScopeKind } from './scope.js'

export interface CommandDeps {
  readonly list: Suppressed
  readonly clock: Clock
  readonly scope: ScopeKind
  readonly forMs: number
}

const FOR_SCOPE: CommandOption = {
  type: 'string',
  value: 'SCOPE',
  description: "a sender's domain (example.org), a login (alice@example.org), or all",
}

export function suppressionCommands(deps: CommandDeps): readonly Command[] {
  return [
    {
      name: 'suppression ls',
      summary: 'list recipients that are not tried for now',
      arity: [0, 0],
      run: run => ls(run, deps),
    },
    {
      name: 'suppression add',
      summary: 'do not try an address for a time',
      usage: 'ADDRESS',
      arity: [1, 1],
      options: {
        scope: FOR_SCOPE,
        for: { type: 'string', value: 'TIME', description: 'how long: 30d' },
        why: { type: 'string', value: 'TEXT', description: 'what the sender hears' },
      },
      run: run => add(run, deps),
    },
    {
      name: 'suppression remove',
      summary: 'let an address be tried again, and forget its failures',
      usage: 'ADDRESS',
      arity: [1, 1],
      options: { scope: FOR_SCOPE },
      run: run => remove(run, deps),
    },
    {
      name: 'suppression explain',
      summary: 'say whether an address is tried, for whom not, and why',
      usage: 'ADDRESS',
      arity: [1, 1],
      options: { scope: FOR_SCOPE },
      run: run => explain(run, deps),
    },
  ]
}

async function ls(run: CommandRun, { list }: CommandDeps): Promise<void> {
  const entries = await list.all()
  if (run.json) return run.print(JSON.stringify(entries.map(shown), null, 2))
  for (const entry of entries) run.print(inWords(entry))
  if (entries.length === 0) run.print('no address is suppressed')
}

async function add(run: CommandRun, { list, clock, forMs }: CommandDeps): Promise<void> {
  const address = addressOf(run)
  const asked = run.options.for
  const ms = asked === undefined ? forMs : parseDuration(String(asked))
  if (ms === undefined || ms <= 0) throw new CommandError(`--for: expected a time as 30d, got "${String(asked)}"`)
  const now = clock.now()
  const why = printable(String(run.options.why ?? 'by hand'), 300)
  const scope = scopeIn(run) ?? 'all'
  const entry = await list.put({ address, scope, kind: 'admin', why, since: now, until: now + ms })
  if (entry === undefined) throw new CommandError(`the list is full: it holds ${list.terms.most} addresses`)
  run.print(run.json ? JSON.stringify(shown(entry)) : inWords(entry))
}

async function remove(run: CommandRun, { list }: CommandDeps): Promise<void> {
  const found = await entriesOf(run, list)
  for (const entry of found) await list.remove(entry)
  const address = addressOf(run)
  if (found.length === 0) throw new CommandError(`${address} is not suppressed`)
  if (run.json) return run.print(JSON.stringify({ address, removed: found.map(({ scope }) => scope) }))
  for (const { scope } of found) run.print(`${address} is tried again (for ${scope})`)
}

async function explain(run: CommandRun, { list, scope }: CommandDeps): Promise<void> {
  const address = addressOf(run)
  const found = await entriesOf(run, list)
  const { after, withinMs, forMs } = list.terms
  const wanted = scopeIn(run)
  const failures = wanted === undefined ? undefined : await list.failures(wanted, address)
  const rule = `${after} failures within ${formatDuration(withinMs)} suppress an address for ${formatDuration(forMs)}, counted by ${scope}`
  if (run.json) {
    const counted = failures === undefined ? {} : { failures }
    return run.print(JSON.stringify({ address, entries: found.map(shown), ...counted, rule }, null, 2))
  }
  for (const entry of found) run.print(inWords(entry))
  if (found.length === 0) run.print(`${address} is tried`)
  if (failures !== undefined) run.print(`  failures counted for ${wanted}: ${failures}`)
  run.print(`  ${rule}`)
}

async function entriesOf(run: CommandRun, list: Suppressed): Promise<readonly Entry[]> {
  const address = addressOf(run).toLowerCase()
  const wanted = scopeIn(run)
  const all = await list.all()
  return all.filter(
    entry => entry.address.toLowerCase() === address && (wanted === undefined || entry.scope === wanted),
  )
}

function addressOf(run: CommandRun): string {
  const [text = ''] = run.args
  const address = parseAddress(text)
  if (address === undefined) throw new CommandError(`"${printable(text)}" is no address`)
  return formatAddress(address)
}

function scopeIn(run: CommandRun): string | undefined {
  const { scope } = run.options
  if (scope === undefined) return undefined
  const text = String(scope).toLowerCase()
  if (text === 'all') return 'all'
  const login = parseAddress(text)
  return login === undefined ? `domain ${text}` : `login ${addressKey(login)}`
}

function inWords({ address, scope, until, why, failures }: Entry): string {
  const count = failures === undefined ? '' : `, after ${failures} failures`
  return `${address}  for ${scope}  until ${formatDate(until)}${count}  ${why}`
}

function shown({ since, until, ...rest }: Entry) {
  return { ...rest, since: new Date(since).toISOString(), until: new Date(until).toISOString() }
}
