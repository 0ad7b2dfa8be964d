/**
 * `posthouse user import`: accounts with the password hashes they had elsewhere. All lines are read before anything is written, and all of them are
 * taken or none, unless what cannot be read shall be left out. Who is there already stays as it is, so that an import can be run again.
 */
import { readFile } from 'node:fs/promises'
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import { printable } from 'posthouse/text'
import type { StoredAccount } from './accounts-file.js'
import type { Book } from './book.js'
import { clearly } from './clearly.js'
import type { MakeSecrets } from './commands.js'
import { type ForeignHash, type ForeignScram, readForeign, SCHEMES } from './foreign/schemes.js'
import { type PasswdLine, readPasswdLine } from './passwd-lines.js'
import { MAX_PASSWORD_BYTES } from './password.js'
import { addressesOf, newAccountId, readLogin } from './reading.js'
import type { StoredKeys } from './scram.js'

export interface ImportParts {
  readonly book: Book
  readonly domains: ReadonlySet<string>
  readonly makeSecrets: MakeSecrets
  /** SCRAM keys that come along are used for SCRAM. */
  readonly keepScram: boolean
}

const OPTIONS = {
  domain: {
    type: 'string',
    value: 'DOMAIN',
    description: 'names without a domain are of this one, in their login too',
  },
  scheme: { type: 'string', value: 'NAME', description: 'of hashes that name none, as PLAIN; CRYPT when left out' },
  skip: { type: 'boolean', description: 'leave out what cannot be taken, instead of taking nothing' },
  'dry-run': { type: 'boolean', description: 'only say what would be done' },
} as const

interface Found {
  readonly line: number
  readonly account: Omit<StoredAccount, 'password' | 'scram'>
  readonly text: string
  readonly hash: ForeignHash
}

/** A line that is not taken. */
interface Left {
  readonly line: number
  readonly name: string
  readonly why: string
}

interface Plan {
  readonly found: readonly Found[]
  readonly faults: readonly Left[]
  readonly noPassword: readonly Left[]
  /** Who was named and does not stand there. */
  readonly absent: readonly string[]
}

export function importCommand(parts: ImportParts): Command {
  return {
    name: 'user import',
    summary: 'add accounts of a passwd-style or Dovecot passwd-file, with the passwords they have there',
    usage: 'FILE|- [LOGIN…]',
    arity: [1, 1000],
    options: OPTIONS,
    run: run => clearly(() => importFrom(parts, run)),
  }
}

async function importFrom(parts: ImportParts, run: CommandRun): Promise<void> {
  const [file = '', ...only] = run.args
  const plan = planOf(await textOf(file, run), new Set(only), parts, run.options)
  if (plan.absent.length > 0)
    throw new CommandError(`${file} has no line for ${plan.absent.map(name => printable(name, 80)).join(', ')}`)
  const skip = run.options.skip === true
  if (plan.faults.length > 0 && !skip) throw new CommandError(refusal(file, plan.faults))
  const taken = takenOf(await parts.book.read())
  const fresh = plan.found.filter(({ account }) => !taken.logins.has(account.login))
  const clashes = clashesOf(fresh, taken.addresses)
  if (clashes.length > 0 && !skip) throw new CommandError(refusal(file, clashes))
  const clashed = new Set(clashes.map(({ line }) => line))
  const wanted = fresh.filter(({ line }) => !clashed.has(line))
  if (run.options['dry-run'] !== true) await take(parts, wanted)
  tell(run, {
    imported: wanted.map(({ account }) => account.login),
    there: plan.found.length - fresh.length,
    left: [...plan.faults, ...clashes],
    noPassword: plan.noPassword,
  })
}

/** What other servers keep so is mostly for root alone, and commands run as the user of this one. */
async function textOf(file: string, run: CommandRun): Promise<string> {
  if (file === '-') return run.stdin()
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error
    throw new CommandError(
      `${file}: the user of this server may not read it; hand it over: posthouse user import - < ${file}`,
    )
  })
}

function planOf(
  text: string,
  only: ReadonlySet<string>,
  { domains }: Pick<ImportParts, 'domains'>,
  options: CommandRun['options'],
): Plan {
  const scheme = schemeOf(options.scheme)
  const domain = options.domain === undefined ? undefined : String(options.domain).toLowerCase()
  const found: Found[] = []
  const [faults, noPassword]: [Left[], Left[]] = [[], []]
  const seen = new Map<string, number>()
  const absent = new Set(only)
  for (const [at, content] of text.split(/\r?\n/).entries()) {
    const line = at + 1
    const entry = readPasswdLine(content)
    const name = entry === undefined || entry.kind === 'fault' ? '' : entry.name
    absent.delete(name)
    if (entry === undefined || (only.size > 0 && !only.has(name))) continue
    if (entry.kind === 'no password') {
      noPassword.push({ line, name, why: 'has no password' })
      continue
    }
    const read = entry.kind === 'fault' ? entry.why : accountOf(entry, { domain, domains, scheme })
    const twice = typeof read === 'string' ? undefined : seen.get(read.account.login)
    if (typeof read === 'string') faults.push({ line, name, why: read })
    else if (twice !== undefined) faults.push({ line, name, why: `stands in line ${twice} already` })
    else {
      seen.set(read.account.login, line)
      found.push({ line, ...read })
    }
  }
  return { found, faults, noPassword, absent: [...absent] }
}

/** Or what is wrong. */
function accountOf(
  { name, hash: text, disabled, quotaBytes, quotaMessages }: Extract<PasswdLine, { kind: 'entry' }>,
  {
    domain,
    domains,
    scheme,
  }: { readonly domain: string | undefined; readonly domains: ReadonlySet<string>; readonly scheme: string },
): Omit<Found, 'line'> | string {
  const hash = readForeign(text, scheme)
  if (hash.kind === 'unreadable') return `its password hash ${hash.why}`
  if (hash.kind === 'plain' && (Buffer.byteLength(hash.password) > MAX_PASSWORD_BYTES || hash.password === ''))
    return `its password has none or more than ${MAX_PASSWORD_BYTES} octets`
  try {
    const login = readLogin(domain === undefined || name.includes('@') ? name : `${name}@${domain}`)
    const account = {
      ...{ id: newAccountId(), login, addresses: addressesOf(login, login.includes('@') ? [login] : [], domains) },
      ...(quotaBytes !== undefined && { quotaBytes }),
      ...(quotaMessages !== undefined && { quotaMessages }),
      ...(disabled && { disabled }),
    }
    return { account, text: named(text, scheme), hash }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return error.message
  }
}

/** In the file a hash of another server names its scheme. */
function named(text: string, scheme: string): string {
  return text.startsWith('{') ? text : `{${scheme}}${text}`
}

function schemeOf(option: string | boolean | undefined): string {
  if (option === undefined) return 'CRYPT'
  const scheme = String(option).toUpperCase()
  if (SCHEMES.includes(scheme)) return scheme
  throw new CommandError(`--scheme: expected one of ${SCHEMES.join(', ')}, got "${printable(scheme, 40)}"`)
}

function takenOf(accounts: readonly StoredAccount[]) {
  return {
    logins: new Set(accounts.map(({ login }) => login.toLowerCase())),
    addresses: new Map(accounts.flatMap(({ login, addresses }) => addresses.map(address => [address, login] as const))),
  }
}

function clashesOf(found: readonly Found[], addresses: Map<string, string>): readonly Left[] {
  const clashes: Left[] = []
  for (const { line, account } of found) {
    const taken = account.addresses.find(address => addresses.has(address))
    if (taken === undefined) for (const address of account.addresses) addresses.set(address, account.login)
    else clashes.push({ line, name: account.login, why: `${taken} already belongs to ${addresses.get(taken)}` })
  }
  return clashes
}

/** Passwords as they are become hashes before anything is written; hashes stay what they are until somebody logs in. */
async function take(parts: ImportParts, wanted: readonly Found[]): Promise<void> {
  const accounts: StoredAccount[] = []
  for (const { account, text, hash } of wanted) {
    if (hash.kind === 'plain') accounts.push({ ...account, ...(await parts.makeSecrets(hash.password, [])) })
    else {
      const scram = hash.kind === 'scram' && parts.keepScram ? [keysOf(hash)] : undefined
      accounts.push({ ...account, password: text, ...(scram && { scram }) })
    }
  }
  await parts.book.add(accounts)
}

function keysOf({ mechanism, iterations, salt, storedKey, serverKey }: ForeignScram): StoredKeys {
  const text = (bytes: Buffer) => bytes.toString('base64')
  return { mechanism, iterations, salt: text(salt), storedKey: text(storedKey), serverKey: text(serverKey) }
}

const MOST_FAULTS = 20

function refusal(file: string, faults: readonly Left[]): string {
  const lines = faults.slice(0, MOST_FAULTS).map(left => `${file}:${inWords(left)}`)
  const more = faults.length > MOST_FAULTS ? [`and ${faults.length - MOST_FAULTS} more`] : []
  return [...lines, ...more, 'nothing was imported; --skip leaves these lines out'].join('\n')
}

function inWords({ line, name, why }: Left): string {
  return `${line}: ${name === '' ? '' : `${printable(name, 80)}: `}${why}`
}

function tell(
  run: CommandRun,
  done: {
    readonly imported: readonly string[]
    readonly there: number
    readonly left: readonly Left[]
    readonly noPassword: readonly Left[]
  },
): void {
  const dryRun = run.options['dry-run'] === true
  for (const left of run.json ? [] : done.left) run.warn(`left out ${inWords(left)}`)
  const sentence = [
    `${dryRun ? 'would import' : 'imported'} ${done.imported.length} accounts`,
    ...(done.there === 0 ? [] : [`${done.there} were there already`]),
    ...(done.noPassword.length === 0 ? [] : [`${done.noPassword.length} without a password were left out`]),
    ...(done.left.length === 0 ? [] : [`${done.left.length} could not be taken`]),
  ]
  run.print(run.json ? JSON.stringify({ ...done, dryRun }) : sentence.join('; '))
}
