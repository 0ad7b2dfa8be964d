/**
 * `posthouse user …`: the people side of the accounts file. They may run beside the server, which sees the change at its next look-up.
 * A password comes from standard input or is made up and printed once; it never stands on a command line.
 */
import {
  ACCOUNT_CLOSED,
  type Account,
  type Bus,
  type Command,
  CommandError,
  type CommandRun,
  MailError,
  type Services,
} from 'posthouse/api'
import { printable } from 'posthouse/text'
import { appKeysOf, keysOf, type StoredAccount } from './accounts-file.js'
import { type Book, refuseNames } from './book.js'
import { clearly } from './clearly.js'
import { makePassword } from './password.js'
import { addressesOf, choosePassword, newAccountId, readLogin, readQuota } from './reading.js'
import { areOfOneSalt, type StoredKeys } from './scram.js'
import { line, told } from './told.js'
import { changeOwn, ownAccount } from './whose.js'

/** What is kept of a password. SCRAM keys are made to stand beside those others of the account. */
export type MakeSecrets = (
  password: string,
  beside: readonly StoredKeys[],
) => Promise<Pick<StoredAccount, 'password' | 'scram'>>

export interface UserCommandParts {
  readonly book: Book
  readonly domains: ReadonlySet<string>
  readonly demo: boolean
  readonly services: Services
  readonly makeSecrets: MakeSecrets
  readonly bus: Pick<Bus, 'publish'>
}

const PASSWORD_STDIN = {
  type: 'boolean',
  description: 'read the password from the first line of standard input instead of making one up',
} as const

const QUOTA = { type: 'string', value: 'SIZE', description: 'most mail the account may hold, as 1GB' } as const

export function userCommands(parts: UserCommandParts): readonly Command[] {
  return [
    {
      name: 'user add',
      summary: 'add an account',
      usage: 'LOGIN [ADDRESS…]',
      arity: [1, 100],
      options: { 'password-stdin': PASSWORD_STDIN, quota: QUOTA },
      run: run => clearly(() => add(parts, run)),
    },
    {
      name: 'user passwd',
      summary: 'give an account a new password',
      usage: 'LOGIN',
      arity: [1, 1],
      options: { 'password-stdin': PASSWORD_STDIN },
      run: run => clearly(() => passwd(parts, run)),
    },
    { name: 'user list', summary: 'list the accounts', arity: [0, 0], run: run => clearly(() => list(parts, run)) },
    {
      name: 'user remove',
      summary: 'remove an account; its mail stays unless told otherwise',
      usage: 'LOGIN',
      arity: [1, 1],
      options: { 'delete-mail': { type: 'boolean', description: 'remove its mail too, for ever' } },
      run: run => clearly(() => remove(parts, run)),
    },
    {
      name: 'user disconnect',
      summary: 'end the open sessions of an account, of whatever source; its programs may log in again',
      usage: 'LOGIN',
      arity: [1, 1],
      run: run => clearly(() => disconnect(parts, run)),
    },
    {
      name: 'user demo',
      summary: 'make the two demo accounts where there is no accounts file yet and the config wants them',
      arity: [0, 0],
      run: run => clearly(() => demo(parts, run)),
    },
  ]
}

async function add(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const login = readLogin(run.args[0]!)
  const addresses = addressesOf(login, run.args.slice(1), parts.domains)
  const quotaBytes = readQuota(run.options.quota)
  await refuseNames(parts.book, { login, addresses })
  const { password, shown } = await choosePassword(run)
  const secrets = await parts.makeSecrets(password, [])
  const id = newAccountId()
  await parts.book.add([{ id, login, addresses, ...(quotaBytes !== undefined && { quotaBytes }), ...secrets }])
  if (run.json) run.print(JSON.stringify({ id, login, addresses, quotaBytes, password: shown }))
  else {
    run.print(`added ${login} (${addresses.join(', ')})`)
    if (shown !== undefined) run.print(`password: ${shown}`)
  }
}

async function passwd(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const account = await ownAccount(parts, run.args[0]!)
  const { id, login, appPasswords } = account
  const { password, shown } = await choosePassword(run)
  // RFC 5802 §5.1: the salt is the user's, and nothing wants another with another password. Where app passwords have keys it has to stay, with
  // its count: their keys cannot be made anew without those passwords. Otherwise both are new, as a raised `scram_iterations` shall count.
  const secrets = await parts.makeSecrets(password, appKeysOf(appPasswords))
  await changeOwn(parts.book, account, found => {
    const changed = { ...found, scram: undefined, ...secrets } as StoredAccount
    if (!areOfOneSalt(keysOf(changed))) throw new CommandError(`${login} got an app password meanwhile; try again`)
    return changed
  })
  // Whoever is inside by the old one is not any more.
  parts.bus.publish(ACCOUNT_CLOSED, id)
  if (run.json) run.print(JSON.stringify({ login, password: shown }))
  else run.print(shown === undefined ? `new password set for ${login}` : `password: ${shown}`)
}

async function list(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const accounts = await parts.book.read()
  const others = await elsewhere(parts, new Set(accounts.map(({ id }) => id)), run)
  if (run.json) {
    run.print(JSON.stringify([...accounts.map(told), ...others.map(told)], null, 2))
    return
  }
  if (accounts.length + others.length === 0) run.warn('no accounts yet; add one with: posthouse user add LOGIN')
  const width = [...accounts, ...others].reduce((most, { login }) => Math.max(most, login.length), 0)
  for (const account of accounts) run.print(line(account, width))
  for (const account of others) run.print(`${line(account, width)}  from ${account.source}`)
}

/** Those of other sources. One that is down costs nobody the list of the file. */
async function elsewhere(
  { services }: UserCommandParts,
  own: ReadonlySet<string>,
  run: CommandRun,
): Promise<readonly Account[]> {
  try {
    const all = (await services.find('accounts')?.list()) ?? []
    return all.filter(({ id }) => !own.has(id))
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    run.warn(`accounts of other sources are not shown: ${error.message}`)
    return []
  }
}

async function remove(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const deleteMail = run.options['delete-mail'] === true
  const store = parts.services.find('store')
  if (deleteMail && store === undefined) throw new CommandError('no store is configured, so no mail can be deleted')
  const { id, login } = await ownAccount(parts, run.args[0]!)
  await parts.book.change([id], () => undefined)
  parts.bus.publish(ACCOUNT_CLOSED, id)
  if (deleteMail) await store?.mail.removeAccount(id)
  if (run.json) run.print(JSON.stringify({ id, login, mailDeleted: deleteMail }))
  else run.print(deleteMail ? `removed ${login} and its mail` : `removed ${login}; its mail is kept under the id ${id}`)
}

async function disconnect({ services, bus }: UserCommandParts, run: CommandRun): Promise<void> {
  const [who = ''] = run.args
  const accounts = services.find('accounts')
  const found = (await accounts?.byLogin(who)) ?? (await accounts?.byAddress(who.toLowerCase()))
  if (found === undefined) throw new CommandError(`no account "${printable(who, 80)}"`)
  bus.publish(ACCOUNT_CLOSED, found.id)
  run.print(run.json ? JSON.stringify({ id: found.id, login: found.login }) : `sessions of ${found.login} end now`)
}

/** For the first start of the shipped config: prints what it made, once. */
async function demo(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const [domain] = parts.domains
  const made: { readonly login: string; readonly password: string }[] = []
  if (parts.demo && domain !== undefined && (await parts.book.isNew())) {
    const accounts: StoredAccount[] = []
    for (const name of ['alice', 'bob']) {
      const [login, password] = [`${name}@${domain}`, makePassword()]
      accounts.push({ id: newAccountId(), login, addresses: [login], ...(await parts.makeSecrets(password, [])) })
      made.push({ login, password })
    }
    await parts.book.add(accounts)
  }
  if (run.json) run.print(JSON.stringify(made))
  else for (const { login, password } of made) run.print(`${login}  ${password}`)
}
