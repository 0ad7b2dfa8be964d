/** `posthouse filing …`: rules of accounts, as an admin sets them. They hold with the next message, in all workers. */
import { userInfo } from 'node:os'
import {
  type Account,
  type Accounts,
  type ArrivedMail,
  accountNamed,
  type Clock,
  type Command,
  CommandError,
  type CommandRun,
} from 'posthouse/api'
import { closest, formatDate, parseAddress, printable, scanHeader } from 'posthouse/text'
import { Seen } from './conditions.js'
import { run } from './engine.js'
import { ADD_OPTIONS, givenIn } from './options.js'
import { MOST_RULES, readRules } from './read.js'
import type { Given, Rule } from './rule.js'
import { type Kept, MAX_KEPT_BYTES, type StoredRules } from './stored.js'
import { actionInWords, ruleInWords } from './words.js'

export interface CommandParts {
  readonly stored: StoredRules
  readonly accounts: Accounts
  readonly clock: Clock
}

export function filingCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'filing list',
      summary: 'list the accounts with filing rules',
      arity: [0, 0],
      run: run => list(parts, run),
    },
    {
      name: 'filing show',
      summary: "show an account's filing rules, as filing set reads them",
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => show(parts, run),
    },
    {
      name: 'filing set',
      summary: "put the rules from standard input (YAML) in place of all of an account's",
      usage: 'LOGIN < rules.yaml',
      arity: [1, 1],
      run: run => set(parts, run),
    },
    {
      name: 'filing add',
      summary: 'give an account one more filing rule; replaces one of that name where it stands',
      usage: 'LOGIN NAME',
      arity: [2, 2],
      options: ADD_OPTIONS,
      run: run => add(parts, run),
    },
    {
      name: 'filing remove',
      summary: 'take a filing rule from an account, or all of them',
      usage: 'LOGIN [NAME]',
      arity: [1, 2],
      options: { all: { type: 'boolean', description: 'all of them' } },
      run: run => remove(parts, run),
    },
    {
      name: 'filing try',
      summary: 'say what the rules of an account make of the message on standard input; nothing is done',
      usage: 'LOGIN < message',
      arity: [1, 1],
      options: {
        sender: { type: 'string', value: 'ADDRESS', description: 'envelope sender; default: its Return-Path' },
        junk: { type: 'boolean', description: 'as if it had been taken for spam' },
      },
      run: run => tryOut(parts, run),
    },
  ]
}

async function list({ stored, accounts }: CommandParts, run: CommandRun): Promise<void> {
  const all: { readonly login: string; readonly rules: number; readonly since: string; readonly by: string }[] = []
  for await (const [id, { rules, by, at }] of stored.all()) {
    const login = (await accounts.byId(id))?.login ?? `${id} (no account any more)`
    all.push({ login, rules: rules.length, since: new Date(at).toISOString(), by })
  }
  if (run.json) return run.print(JSON.stringify(all))
  if (all.length === 0) run.print('no account has filing rules')
  for (const { login, rules, since, by } of all)
    run.print(
      `${login}  ${rules} ${rules === 1 ? 'rule' : 'rules'}  (by command of ${by}, ${formatDate(Date.parse(since))})`,
    )
}

async function show({ stored, accounts }: CommandParts, run: CommandRun): Promise<void> {
  const { id, login } = await accountNamed(accounts, run.args[0]!)
  const { rules = [] } = (await stored.get(id)) ?? {}
  if (run.json) return run.print(JSON.stringify({ login, rules }))
  if (rules.length === 0) run.print(`# ${login} has no filing rules`)
  else run.print((await import('yaml')).stringify({ rules }).trimEnd())
}

async function set(parts: CommandParts, run: CommandRun): Promise<void> {
  const account = await accountNamed(parts.accounts, run.args[0]!)
  const text = await run.stdin()
  const { parse } = await import('yaml')
  let given: unknown
  try {
    // Aliases of YAML can make much of little; nobody needs them in a rule.
    given = parse(text, { maxAliasCount: 0, prettyErrors: true })
  } catch (error) {
    throw new CommandError(`the rules are no YAML: ${(error as Error).message.split('\n')[0]}`)
  }
  const rules = soundRules(given ?? [], account)
  await keep(parts, account, rules)
  tell(run, account, rules, rules.length === 0 ? 'has no filing rules any more' : `has ${countOf(rules)} now`)
}

async function add(parts: CommandParts, run: CommandRun): Promise<void> {
  const [login = '', name = ''] = run.args
  const account = await accountNamed(parts.accounts, login)
  const before = (await parts.stored.get(account.id))?.rules ?? []
  const given = { name, ...givenIn(run.options) }
  const at = before.findIndex(one => one.name === name)
  const above = run.options.above
  if (above !== undefined && !before.some(one => one.name === above))
    throw new CommandError(`there is no rule "${printable(String(above))}"${meant(String(above), before)}`)
  const others = above === undefined ? before : before.filter(one => one.name !== name)
  const place = above === undefined ? at : others.findIndex(one => one.name === above)
  const after =
    place < 0
      ? [...others, given]
      : [...others.slice(0, place), given, ...others.slice(above === undefined ? place + 1 : place)]
  const rules = soundRules(after, account)
  await keep(parts, account, rules)
  tell(run, account, rules, `has ${countOf(rules)} now`)
}

async function remove(parts: CommandParts, run: CommandRun): Promise<void> {
  const [login = '', name] = run.args
  const account = await accountNamed(parts.accounts, login)
  const before = (await parts.stored.get(account.id))?.rules ?? []
  if ((name === undefined) !== (run.options.all === true))
    throw new CommandError('name the rule to take away, or say --all', 2)
  if (name !== undefined && !before.some(one => one.name === name))
    throw new CommandError(`${account.login} has no rule "${printable(name)}"${meant(name, before)}`)
  const rules = soundRules(name === undefined ? [] : before.filter(one => one.name !== name), account)
  await keep(parts, account, rules)
  tell(run, account, rules, rules.length === 0 ? 'has no filing rules any more' : `has ${countOf(rules)} now`)
}

function meant(name: string, rules: readonly Given[]): string {
  const near = closest(
    name,
    rules.map(one => String(one.name)),
  )
  return near === undefined ? '' : `, did you mean "${near}"?`
}

/** Throws with all faults. */
function soundRules(given: unknown, { addresses, login }: Account): readonly Rule[] {
  const read = readRules(given)
  if (read.kind === 'faults') throw new CommandError(read.faults.join('\n'))
  for (const { name, actions } of read.rules) {
    const own = actions.forward.find(({ local, domain }) => addresses.includes(`${local}@${domain}`.toLowerCase()))
    if (own !== undefined)
      throw new CommandError(
        `rule "${name}" sends on to ${own.local}@${own.domain}, which is ${login}: use keep or file`,
      )
  }
  return read.rules
}

async function keep({ stored, clock }: CommandParts, { id }: Account, rules: readonly Rule[]): Promise<void> {
  const kept: Kept = { rules: rules.map(({ given }) => given), by: userInfo().username, at: clock.now() }
  if (Buffer.byteLength(JSON.stringify(kept)) > MAX_KEPT_BYTES)
    throw new CommandError(
      `the rules take more than ${MAX_KEPT_BYTES / 1024} KB; at most ${MOST_RULES} rules are meant`,
    )
  await stored.put(id, kept)
}

function tell(run: CommandRun, { login }: Account, rules: readonly Rule[], says: string): void {
  if (run.json) {
    run.print(JSON.stringify({ login, rules: rules.map(({ given }) => given) }))
    return
  }
  run.print(`${login} ${says}`)
  for (const rule of rules) run.print(`  ${ruleInWords(rule)}`)
}

function countOf({ length }: readonly Rule[]): string {
  return `${length} filing ${length === 1 ? 'rule' : 'rules'}`
}

async function tryOut({ stored, accounts }: CommandParts, command: CommandRun): Promise<void> {
  const account = await accountNamed(accounts, command.args[0]!)
  const bytes = Buffer.from(await command.stdin())
  const { fields } = scanHeader(bytes)
  const returned = fields.find(({ name }) => name.toLowerCase() === 'return-path')?.raw.replace(/[<>\s]/g, '') ?? ''
  const sender = parseAddress(String(command.options.sender ?? returned)) ?? null
  const [first = `${account.login}@localhost`] = account.addresses
  const mail: ArrivedMail = {
    id: 'try',
    sender,
    recipient: parseAddress(first) ?? { local: account.login, domain: '' },
    size: bytes.length,
    ...(command.options.junk === true && { junk: 'tried' }),
    header: async () => fields,
  }
  const { actions, held } = run(await stored.rulesOf(account.id), new Seen(mail, fields))
  if (command.json) return command.print(JSON.stringify({ login: account.login, held, actions }))
  command.print(
    held.length === 0 ? 'no rule holds: it is kept as without rules' : `rules that hold: ${held.join(', ')}`,
  )
  for (const action of actions) command.print(`  ${actionInWords(action)}`)
}
