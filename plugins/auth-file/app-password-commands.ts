/**
 * `posthouse user app-password …`: passwords for one program or machine each, made up here, shown once, and ended one by one. The
 * account's own password stays what it is; `user change --no-main-password` closes it for protocols.
 */
import {
  ACCOUNT_CLOSED,
  type Bus,
  type Command,
  CommandError,
  type CommandRun,
  MOST_SCRAM_CANDIDATES,
} from 'posthouse/api'
import { printable } from 'posthouse/text'
import { type AppPassword, keysOf, type StoredAccount } from './accounts-file.js'
import { clearly } from './clearly.js'
import type { MakeSecrets } from './commands.js'
import { type AppSecret, makeAppPassword } from './password.js'
import { PROTOCOLS, type Protocol } from './protocol.js'
import { readProtocolList } from './reading.js'
import { areOfOneSalt } from './scram.js'
import type { LastUse, Usage } from './usage.js'
import { changeOwn, type OwnParts, ownAccount } from './whose.js'

/** As many as SCRAM looks at, beside the account's own. An account that has more has a program that makes them. */
const MOST = MOST_SCRAM_CANDIDATES - 1
const NAME = /^[^\p{Cc}]{1,64}$/u

export interface AppPasswordParts extends OwnParts {
  readonly usage: Usage
  readonly now: () => number
  readonly makeSecrets: MakeSecrets
  readonly bus: Pick<Bus, 'publish'>
}

const FOR = {
  type: 'string',
  value: 'PROTOCOLS',
  description: 'where it counts, as imap,pop3,smtp (which is the default)',
} as const

export function appPasswordCommands(parts: AppPasswordParts): readonly Command[] {
  return [
    {
      name: 'user app-password add',
      summary: 'make a password for one program or machine of an account, and show it once',
      usage: 'LOGIN NAME',
      arity: [2, 2],
      options: { for: FOR },
      run: run => clearly(() => add(parts, run)),
    },
    {
      name: 'user app-password list',
      summary: 'list the app passwords of an account and when each was last used',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => clearly(() => list(parts, run)),
    },
    {
      name: 'user app-password remove',
      summary: 'end an app password',
      usage: 'LOGIN NAME',
      arity: [2, 2],
      run: run => clearly(() => remove(parts, run)),
    },
  ]
}

async function add(parts: AppPasswordParts, run: CommandRun): Promise<void> {
  const { book, now, makeSecrets } = parts
  const [who, given] = run.args as readonly [string, string]
  const name = given.trim().normalize('NFC')
  if (!NAME.test(name)) throw new CommandError('the name of an app password has 1 to 64 letters, without controls')
  const protocols = readProtocolList('--for', run.options.for) ?? PROTOCOLS
  const account = await ownAccount(parts, who)
  refuseMore(account, name)
  const { tag, password } = newSecret(account)
  const entry: AppPassword = { name, tag, ...(await makeSecrets(password, keysOf(account))), protocols, created: now() }
  await changeOwn(book, account, found => {
    refuseMore(found, name)
    if (found.appPasswords?.some(other => other.tag === tag))
      throw new CommandError('made another one meanwhile; try again')
    const changed = { ...found, appPasswords: [...(found.appPasswords ?? []), entry] }
    if (!areOfOneSalt(keysOf(changed)))
      throw new CommandError(`${account.login} got another password meanwhile; try again`)
    return changed
  })
  if (run.json) run.print(JSON.stringify({ login: account.login, name, for: protocols, password }))
  else run.print(`app password "${name}" of ${account.login} for ${protocols.join(', ')}: ${password}`)
}

async function list(parts: AppPasswordParts, run: CommandRun): Promise<void> {
  const { usage } = parts
  const account = await ownAccount(parts, run.args[0]!)
  const entries = account.appPasswords ?? []
  const uses = await Promise.all(entries.map(({ tag }) => usage.last(account.id, tag)))
  if (run.json)
    return run.print(
      JSON.stringify(
        entries.map((entry, at) => told(entry, uses[at])),
        null,
        2,
      ),
    )
  if (entries.length === 0) run.warn(`${account.login} has no app passwords`)
  for (const [at, { name, protocols, created }] of entries.entries())
    run.print(`${name}  for ${protocols.join(', ')}  made ${day(created)}  ${inWords(uses[at])}`)
}

async function remove(parts: AppPasswordParts, run: CommandRun): Promise<void> {
  const { book, usage, bus } = parts
  const [who, name] = run.args as readonly [string, string]
  const wanted = await ownAccount(parts, who)
  const { id, login } = wanted
  let tag = ''
  await changeOwn(book, wanted, account => {
    const entry = findEntry(account, name)
    tag = entry.tag
    return { ...account, appPasswords: account.appPasswords?.filter(other => other !== entry) }
  })
  await usage.forget(id, tag)
  // Which session it opened nobody knows; the others' programs log in again.
  bus.publish(ACCOUNT_CLOSED, id)
  if (run.json) run.print(JSON.stringify({ login, name }))
  else run.print(`the app password "${printable(name, 64)}" of ${login} counts no more`)
}

function findEntry(account: StoredAccount, name: string): AppPassword {
  const wanted = name.trim().normalize('NFC').toLowerCase()
  const found = account.appPasswords?.find(entry => entry.name.toLowerCase() === wanted)
  if (found !== undefined) return found
  const names = account.appPasswords?.map(entry => `"${entry.name}"`).join(', ') ?? ''
  throw new CommandError(
    `${account.login} has no app password "${printable(name, 64)}"${names === '' ? '' : `; there are: ${names}`}`,
  )
}

function refuseMore(account: StoredAccount, name: string): void {
  const entries = account.appPasswords ?? []
  if (entries.length >= MOST) throw new CommandError(`${account.login} has ${MOST} app passwords; remove one first`)
  if (entries.some(entry => entry.name.toLowerCase() === name.toLowerCase()))
    throw new CommandError(`${account.login} has an app password "${name}"; remove it first`)
}

function newSecret({ appPasswords = [] }: StoredAccount): AppSecret {
  for (;;) {
    const secret = makeAppPassword()
    if (!appPasswords.some(({ tag }) => tag === secret.tag)) return secret
  }
}

function told(entry: AppPassword, use: LastUse | undefined): object {
  const { name, protocols, created } = entry
  const last = use && { at: new Date(use.at).toISOString(), protocol: use.protocol, remote: use.remote }
  return {
    name,
    for: protocols satisfies readonly Protocol[],
    created: new Date(created).toISOString(),
    lastUsed: last ?? null,
  }
}

function inWords(use: LastUse | undefined): string {
  return use === undefined ? 'not used' : `last used ${day(use.at)} by ${use.protocol} from ${use.remote}`
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
