/**
 * `posthouse user …`: the people side of the accounts file. They may run beside the server, which sees the change at its next look-up.
 * A password comes from standard input or is made up and printed once; it never stands on a command line.
 */
import { access } from 'node:fs/promises'
import { type Command, CommandError, type CommandRun, type Services } from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import { appKeysOf, changeAccounts, keysOf, readAccounts, type StoredAccount } from './accounts-file.js'
import { clearly } from './clearly.js'
import { makePassword } from './password.js'
import {
  addressesOf,
  choosePassword,
  findLogin,
  newAccountId,
  readCapabilities,
  readLogin,
  readMessages,
  readProtocolList,
  readQuota,
  refuseTaken,
} from './reading.js'
import { areOfOneSalt, type StoredKeys } from './scram.js'

/** What is kept of a password. SCRAM keys are made to stand beside those others of the account. */
export type MakeSecrets = (
  password: string,
  beside: readonly StoredKeys[],
) => Promise<Pick<StoredAccount, 'password' | 'scram'>>

export interface UserCommandParts {
  readonly path: string
  readonly domains: ReadonlySet<string>
  readonly demo: boolean
  readonly services: Services
  readonly makeSecrets: MakeSecrets
}

const PASSWORD_STDIN = {
  type: 'boolean',
  description: 'read the password from the first line of standard input instead of making one up',
} as const

const QUOTA = { type: 'string', value: 'SIZE', description: 'most mail the account may hold, as 1GB' } as const

const CHANGES = {
  quota: { type: 'string', value: 'SIZE', description: 'most mail the account may hold, as 1GB; none for no bound' },
  'quota-messages': {
    type: 'string',
    value: 'NUMBER',
    description: 'most messages the account may hold; none for no bound',
  },
  disable: { type: 'boolean', description: 'nobody can log in any more; mail still comes in' },
  enable: { type: 'boolean', description: 'its password counts again' },
  'no-main-password': {
    type: 'string',
    value: 'PROTOCOLS',
    description: 'where only app passwords count, as imap,smtp; none: its own password counts everywhere',
  },
  'imap-disable': {
    type: 'string',
    value: 'NAMES',
    description: 'IMAP capabilities it does without, as CONDSTORE,COMPRESS=DEFLATE; none: it has all of the server',
  },
} as const

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
    {
      name: 'user change',
      summary: 'give an account other addresses or another quota, or close it for log-ins',
      usage: 'LOGIN [ADDRESS…]',
      arity: [1, 100],
      options: CHANGES,
      run: run => clearly(() => change(parts, run)),
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
  refuseTaken(await readAccounts(parts.path), login, addresses)
  const { password, shown } = await choosePassword(run)
  const secrets = await parts.makeSecrets(password, [])
  const id = newAccountId()
  await changeAccounts(parts.path, accounts => {
    refuseTaken(accounts, login, addresses)
    return [...accounts, { id, login, addresses, ...(quotaBytes !== undefined && { quotaBytes }), ...secrets }]
  })
  if (run.json) run.print(JSON.stringify({ id, login, addresses, quotaBytes, password: shown }))
  else {
    run.print(`added ${login} (${addresses.join(', ')})`)
    if (shown !== undefined) run.print(`password: ${shown}`)
  }
}

async function passwd(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const { login, appPasswords } = findLogin(await readAccounts(parts.path), run.args[0]!)
  const { password, shown } = await choosePassword(run)
  // RFC 5802 §5.1: the salt is the user's, and nothing wants another with another password. Where app passwords have keys it has to stay, with
  // its count: their keys cannot be made anew without those passwords. Otherwise both are new, as a raised `scram_iterations` shall count.
  const secrets = await parts.makeSecrets(password, appKeysOf(appPasswords))
  await changeAccounts(parts.path, accounts => {
    const found = findLogin(accounts, login)
    const changed = { ...found, scram: undefined, ...secrets }
    if (!areOfOneSalt(keysOf(changed))) throw new CommandError(`${login} got an app password meanwhile; try again`)
    return accounts.map(account => (account.id === found.id ? changed : account))
  })
  if (run.json) run.print(JSON.stringify({ login, password: shown }))
  else run.print(shown === undefined ? `new password set for ${login}` : `password: ${shown}`)
}

/** What is not said stays; addresses take the place of all there were. */
async function change(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const { login } = findLogin(await readAccounts(parts.path), run.args[0]!)
  const given = run.args.slice(1)
  if (given.length === 0 && !Object.keys(CHANGES).some(name => (run.options[name] ?? false) !== false))
    throw new CommandError(`nothing to change: give addresses, --${Object.keys(CHANGES).join(', --')}`)
  const wish = {
    ...(given.length > 0 && { addresses: addressesOf(login, given, parts.domains) }),
    ...wishOf(run.options),
  }
  let changed: StoredAccount | undefined
  await changeAccounts(parts.path, accounts => {
    const { id } = findLogin(accounts, login)
    const others = accounts.filter(account => account.id !== id)
    refuseTaken(others, login, wish.addresses ?? [])
    return accounts.map(account => {
      if (account.id !== id) return account
      changed = { ...account, ...wish }
      return changed
    })
  })
  run.print(run.json ? JSON.stringify(told(changed!)) : `changed ${line(changed!, 0)}`)
}

/** What the options want otherwise; `undefined` takes a bound away. */
function wishOf(options: CommandRun['options']): Partial<StoredAccount> {
  const { quota, disable, enable } = options
  const noMain = options['no-main-password']
  const imapDisable = options['imap-disable']
  const messages = options['quota-messages']
  if (disable === true && enable === true) throw new CommandError('--disable and --enable cannot both be meant')
  return {
    ...(quota !== undefined && { quotaBytes: quota === 'none' ? undefined : readQuota(quota) }),
    ...(messages !== undefined && { quotaMessages: messages === 'none' ? undefined : readMessages(messages) }),
    ...(disable === true && { disabled: true }),
    ...(enable === true && { disabled: undefined }),
    ...(noMain !== undefined && {
      mainPasswordNotFor: noMain === 'none' ? undefined : readProtocolList('--no-main-password', noMain),
    }),
    ...(imapDisable !== undefined && {
      imapDisable: imapDisable === 'none' ? undefined : readCapabilities(imapDisable),
    }),
  } as Partial<StoredAccount>
}

async function list(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const accounts = await readAccounts(parts.path)
  if (run.json) {
    run.print(JSON.stringify(accounts.map(told), null, 2))
    return
  }
  if (accounts.length === 0) run.warn('no accounts yet; add one with: posthouse user add LOGIN')
  const width = Math.max(0, ...accounts.map(account => account.login.length))
  for (const account of accounts) run.print(line(account, width))
}

/** An account as data, without its secrets. */
function told(account: StoredAccount): object {
  const { id, login, addresses, quotaBytes, disabled, appPasswords, mainPasswordNotFor, imapDisable } = account
  return {
    id,
    login,
    addresses,
    quotaBytes: quotaBytes ?? null,
    quotaMessages: account.quotaMessages ?? null,
    disabled: disabled ?? false,
    appPasswords: appPasswords?.length ?? 0,
    mainPasswordNotFor: mainPasswordNotFor ?? [],
    imapDisable: imapDisable ?? [],
  }
}

function line(account: StoredAccount, width: number): string {
  const {
    login,
    addresses,
    quotaBytes,
    quotaMessages,
    disabled,
    appPasswords = [],
    mainPasswordNotFor = [],
    imapDisable = [],
  } = account
  const notes = [
    quotaBytes === undefined ? '' : `quota ${formatSize(quotaBytes)}`,
    quotaMessages === undefined ? '' : `quota ${quotaMessages} messages`,
    disabled ? 'disabled' : '',
    appPasswords.length === 0 ? '' : `${appPasswords.length} app passwords`,
    mainPasswordNotFor.length === 0 ? '' : `own password not for ${mainPasswordNotFor.join(', ')}`,
    imapDisable.length === 0 ? '' : `IMAP without ${imapDisable.join(', ')}`,
  ]
  return [login.padEnd(width), addresses.join(', '), ...notes.filter(note => note !== '')].join('  ')
}

async function remove(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const deleteMail = run.options['delete-mail'] === true
  const store = parts.services.find('store')
  if (deleteMail && store === undefined) throw new CommandError('no store is configured, so no mail can be deleted')
  let gone: StoredAccount | undefined
  await changeAccounts(parts.path, accounts => {
    const found = findLogin(accounts, run.args[0]!)
    gone = found
    return accounts.filter(account => account.id !== found.id)
  })
  const { id, login } = gone!
  if (deleteMail) await store?.mail.removeAccount(id)
  if (run.json) run.print(JSON.stringify({ id, login, mailDeleted: deleteMail }))
  else run.print(deleteMail ? `removed ${login} and its mail` : `removed ${login}; its mail is kept under the id ${id}`)
}

/** For the first start of the shipped config: prints what it made, once. */
async function demo(parts: UserCommandParts, run: CommandRun): Promise<void> {
  const [domain] = parts.domains
  const made: { readonly login: string; readonly password: string }[] = []
  if (parts.demo && domain !== undefined && !(await exists(parts.path))) {
    const accounts: StoredAccount[] = []
    for (const name of ['alice', 'bob']) {
      const [login, password] = [`${name}@${domain}`, makePassword()]
      accounts.push({ id: newAccountId(), login, addresses: [login], ...(await parts.makeSecrets(password, [])) })
      made.push({ login, password })
    }
    await changeAccounts(parts.path, there => {
      if (there.length > 0) throw new CommandError('another process made accounts meanwhile')
      return accounts
    })
  }
  if (run.json) run.print(JSON.stringify(made))
  else for (const { login, password } of made) run.print(`${login}  ${password}`)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
