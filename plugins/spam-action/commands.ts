/** `posthouse spam-action …`: thresholds of users, set by an admin at run time, and whose thresholds hold for whom. */
import {
  type Account,
  type Accounts,
  type Command,
  CommandError,
  type CommandRun,
  type ServiceTable,
} from 'posthouse/api'
import { closest, parseAddress, printable } from 'posthouse/text'
import { LINES, type Line, measureOf, type Own, type Source } from './thresholds.js'
import type { Users } from './users.js'

export interface CommandParts {
  readonly users: Users
  readonly find: <K extends keyof ServiceTable>(name: K) => ServiceTable[K] | undefined
  readonly sources: (listener: string, domain: string) => readonly Source[]
}

const MOST_POINTS = 1000

export function spamActionCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'spam-action ls',
      summary: 'list the users with thresholds of their own, as set by command',
      arity: [0, 0],
      run: run => ls(run, parts),
    },
    {
      name: 'spam-action set',
      summary: 'give a user thresholds of their own; servers that run use them at once',
      usage: 'LOGIN [greylist|header|junk|reject]=POINTS|off|default…',
      arity: [2, 5],
      run: run => set(run, parts),
    },
    {
      name: 'spam-action thresholds',
      summary: 'say which thresholds hold for mail to an address, and whose they are',
      usage: 'ADDRESS',
      arity: [1, 1],
      options: { listener: { type: 'string', value: 'NAME', description: 'by which it comes; default mx' } },
      run: run => thresholds(run, parts),
    },
  ]
}

async function ls(run: CommandRun, { users, find }: CommandParts): Promise<void> {
  const all: { login: string; own: Own }[] = []
  for (const [id, own] of await users.list()) all.push({ login: (await find('accounts')?.byId(id))?.login ?? id, own })
  if (run.json) return run.print(JSON.stringify(Object.fromEntries(all.map(({ login, own }) => [login, own])), null, 2))
  for (const { login, own } of all) run.print(`${login}  ${inWords(own)}`)
  if (all.length === 0) run.print('nobody has thresholds of their own')
}

async function set(run: CommandRun, { users, find }: CommandParts): Promise<void> {
  const [login = '', ...settings] = run.args
  const account = await accountOf(login, find('accounts'))
  const changed = new Map(Object.entries((await users.list()).get(account.id) ?? {}) as [Line, number | 'off'][])
  for (const [line, value] of settings.map(readSetting)) {
    if (value === 'default') changed.delete(line)
    else changed.set(line, value)
  }
  const own: Own = Object.fromEntries(changed)
  await users.put(account.id, own)
  if (run.json) run.print(JSON.stringify({ login: account.login, own }))
  else run.print(`${account.login}  ${changed.size === 0 ? 'has the thresholds of everybody' : inWords(own)}`)
}

async function thresholds(run: CommandRun, { users, sources }: CommandParts): Promise<void> {
  const [text = ''] = run.args
  const address = parseAddress(text)
  if (address === undefined) throw new CommandError(`"${printable(text)}" is no address`, 2)
  const listener = String(run.options.listener ?? 'mx')
  const all = [...(await users.sourcesFor(address)), ...sources(listener, address.domain)]
  const { thresholds: at, whose } = measureOf(all)
  if (run.json) return run.print(JSON.stringify({ thresholds: at, whose }, null, 2))
  for (const line of LINES) {
    const owner = whose[line] ?? all.find(source => source.own[line] !== undefined)?.name
    run.print(`${line.padEnd(8)}  ${at[line] ?? 'off'}${owner === undefined ? '' : `  (${owner})`}`)
  }
}

async function accountOf(login: string, accounts: Accounts | undefined): Promise<Account> {
  if (accounts === undefined) throw new CommandError('no entry supplies the service "accounts"')
  const found = (await accounts.byLogin(login)) ?? (await accounts.byAddress(login.toLowerCase()))
  if (found !== undefined) return found
  const meant = closest(
    login,
    (await accounts.list()).map(account => account.login),
  )
  throw new CommandError(`there is no user ${printable(login)}${meant === undefined ? '' : `, did you mean ${meant}?`}`)
}

function readSetting(text: string): readonly [Line, number | 'off' | 'default'] {
  const [name = '', value = ''] = text.split('=', 2)
  const line = LINES.find(one => one === name)
  if (line === undefined) {
    const meant = closest(name, LINES)
    const hint = meant === undefined ? '' : `, did you mean "${meant}=${printable(value)}"?`
    throw new CommandError(`expected ${LINES.join('=…, ')}=…, got "${printable(text)}"${hint}`, 2)
  }
  if (value === 'off' || value === 'default') return [line, value]
  const points = Number(value)
  if (!/^-?\d/.test(value) || !(Math.abs(points) <= MOST_POINTS))
    throw new CommandError(`expected points, off or default for ${line}, got "${printable(value)}"`, 2)
  return [line, points]
}

function inWords(own: Own): string {
  return LINES.flatMap(line => (own[line] === undefined ? [] : [`${line}=${own[line]}`])).join(' ')
}
