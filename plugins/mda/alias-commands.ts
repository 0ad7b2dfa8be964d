/** `posthouse alias …`: the aliases of the file and those kept by command, which hold at once and in all workers. */
import { userInfo } from 'node:os'
import { type Clock, type Command, CommandError, type CommandRun } from 'posthouse/api'
import { formatDate, printable } from 'posthouse/text'
import { type FileAliases, keyOf, MOST_TARGETS } from './aliases/file.js'
import { isPattern } from './aliases/pattern.js'
import { BY_COMMAND, keptTarget, MOST_ALIASES, type StoredAlias, type StoredAliases } from './aliases/stored.js'
import { writtenTarget } from './aliases/target.js'

export interface AliasCommandParts {
  readonly domains: ReadonlySet<string>
  readonly file: FileAliases
  readonly stored: StoredAliases
  readonly clock: Clock
}

/** As `--json` prints it. */
interface Shown {
  readonly alias: string
  readonly targets: readonly string[]
  readonly origin: string
  readonly by?: string
  readonly since?: string
}

export function aliasCommands(parts: AliasCommandParts): readonly Command[] {
  return [
    {
      name: 'alias add',
      summary: 'let a name stand for other addresses, at once; replaces an alias of that name made by command',
      usage: 'NAME TARGET…',
      arity: [2, 1 + MOST_TARGETS],
      run: run => add(parts, run),
    },
    {
      name: 'alias remove',
      summary: 'take an alias away that was made by command',
      usage: 'NAME',
      arity: [1, 1],
      run: run => remove(parts, run),
    },
    {
      name: 'alias list',
      summary: 'show all aliases, or those with this text in them, and where each stands',
      usage: '[TEXT]',
      arity: [0, 1],
      run: run => list(parts, run),
    },
  ]
}

async function add({ domains, file, stored, clock }: AliasCommandParts, run: CommandRun): Promise<void> {
  const [name = '', ...texts] = run.args
  if (isPattern(name))
    throw new CommandError('aliases for many names stand in the alias file, in the order they are tried')
  const key = nameOf(name, domains)
  const inFile = file.has(key)
  if (inFile !== undefined) throw new CommandError(`${key} stands in ${inFile.origin}, which counts: change it there`)
  const targets = texts.map(text => {
    const target = keptTarget(text)
    if (target === undefined) throw new CommandError(`"${printable(text)}" is neither an address nor a name`)
    return target
  })
  const before = await stored.get(key)
  if (before === undefined && (await stored.size()) >= MOST_ALIASES)
    throw new CommandError(`there are ${MOST_ALIASES} aliases already`)
  const alias = { name: key, targets, by: userInfo().username, at: clock.now() }
  await stored.put(alias)
  if (run.json) return run.print(JSON.stringify(keptAs(alias)))
  const instead = before === undefined ? '' : `, and no longer for ${before.targets.join(', ')}`
  run.print(`${key} stands for ${targets.join(', ')} now${instead}`)
}

async function remove({ domains, file, stored }: AliasCommandParts, run: CommandRun): Promise<void> {
  const key = nameOf(run.args[0] ?? '', domains)
  const alias = await stored.get(key)
  if (alias === undefined) {
    const inFile = file.has(key)
    throw new CommandError(
      inFile === undefined ? `${key} is no alias` : `${key} stands in ${inFile.origin}: take it away there`,
    )
  }
  await stored.remove(key)
  if (run.json) return run.print(JSON.stringify(keptAs(alias)))
  run.print(`${key} no longer stands for ${alias.targets.join(', ')}`)
}

async function list({ file, stored }: AliasCommandParts, run: CommandRun): Promise<void> {
  const wanted = run.args[0]?.toLowerCase() ?? ''
  let shown = 0
  const show = (alias: Shown) => {
    const text = inWords(alias)
    if (!text.toLowerCase().includes(wanted)) return
    if (run.json) run.print(`${shown === 0 ? '[' : ','}${JSON.stringify(alias)}`)
    else run.print(text)
    shown += 1
  }
  for (const { name, targets, origin } of file.all) show({ alias: name, targets: targets.map(writtenTarget), origin })
  for await (const alias of stored.all()) show(keptAs(alias))
  if (run.json) run.print(shown === 0 ? '[]' : ']')
  else if (shown === 0) run.print(wanted === '' ? 'there are no aliases' : 'no such alias')
}

function nameOf(name: string, domains: ReadonlySet<string>): string {
  const key = keyOf(name, domains)
  if ('trouble' in key) throw new CommandError(key.trouble)
  return key.key
}

function keptAs({ name, targets, by, at }: StoredAlias): Shown {
  return { alias: name, targets, origin: BY_COMMAND, by, since: new Date(at).toISOString() }
}

function inWords({ alias, targets, origin, by, since }: Shown): string {
  const where = by === undefined ? origin : `by command of ${by}, ${formatDate(Date.parse(since!))}`
  return `${alias} → ${targets.join(', ')}  (${where})`
}
