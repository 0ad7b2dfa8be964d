/**
 * The accounts file: JSON, one object per account, owner-only. Reading checks its shape; writing is whole or not at all
 * (temporary file, fsync, rename) and under a lock file, so that two commands at once cannot lose each other's change.
 * Nobody else touches the file's bytes.
 */
import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ACCOUNT_LIMITS, type AccountLimits } from 'posthouse/api'
import { prepareName } from 'posthouse/text'
import { FileError } from './file-error.js'
import { isForeign } from './foreign/schemes.js'
import { lockFile } from './lock-file.js'
import { isHash } from './password.js'
import { isProtocol, type Protocol } from './protocol.js'
import { areStoredKeys, type StoredKeys } from './scram.js'

/** A password of one program or machine, beside the account's own. */
export interface AppPassword {
  /** The person's name for it. */
  readonly name: string
  /** First group of the password: which entry it is. */
  readonly tag: string
  readonly password: string
  /** Left out: SCRAM does not take it. */
  readonly scram?: readonly StoredKeys[]
  readonly protocols: readonly Protocol[]
  /** Milliseconds since the epoch. */
  readonly created: number
}

export interface StoredAccount {
  readonly id: string
  readonly login: string
  readonly addresses: readonly string[]
  readonly quotaBytes?: number
  readonly quotaMessages?: number
  readonly quotaGracePercent?: number
  /** Of the plugin `places`. */
  readonly place?: string
  readonly disabled?: boolean
  readonly limits?: AccountLimits
  readonly password: string
  /** Of its own password; left out: SCRAM does not take that. */
  readonly scram?: readonly StoredKeys[]
  readonly appPasswords?: readonly AppPassword[]
  /** Where only app passwords count. */
  readonly mainPasswordNotFor?: readonly Protocol[]
  /** IMAP capabilities the account does without. */
  readonly imapDisable?: readonly string[]
}

interface AccountsFile {
  readonly format: 1
  readonly accounts: readonly StoredAccount[]
}

/** A missing file is no accounts. Throws `FileError` for a file that is not ours. */
export async function readAccounts(path: string): Promise<readonly StoredAccount[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? [] : parseAccounts(text)
}

export function parseAccounts(text: string): readonly StoredAccount[] {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    throw new FileError(`not JSON: ${(error as Error).message}`)
  }
  if (!isRecord(data) || data.format !== 1 || !Array.isArray(data.accounts)) {
    throw new FileError('expected { "format": 1, "accounts": […] }')
  }
  const seen = new Set<string>()
  data.accounts.forEach((account: unknown, index) => {
    const wrong = faultOf(account, seen)
    if (wrong !== undefined) throw new FileError(`account ${index + 1}: ${wrong}`)
  })
  return data.accounts as StoredAccount[]
}

/** One account by itself. Throws `FileError`. */
export function parseAccount(text: string): StoredAccount {
  const account: unknown = JSON.parse(text)
  const wrong = faultOf(account, new Set())
  if (wrong !== undefined) throw new FileError(wrong)
  return account as StoredAccount
}

/** Logins and addresses by what RFC 4013 makes of them, where that is something else: clients' names come so. */
export function preparedNames({ login, addresses }: Pick<StoredAccount, 'login' | 'addresses'>): readonly string[] {
  return [login, ...addresses].flatMap(text => {
    const name = prepareName(text)
    return name !== undefined && name !== text ? [name] : []
  })
}

/** All of one salt for each mechanism, those of its own password first. */
export function keysOf({ scram = [], appPasswords }: StoredAccount): readonly StoredKeys[] {
  return [...scram, ...appKeysOf(appPasswords)]
}

export function appKeysOf(appPasswords: readonly AppPassword[] = []): readonly StoredKeys[] {
  return appPasswords.flatMap(({ scram = [] }) => scram)
}

/** Changes the file under the lock. Resolves when it is on disk. What `change` throws leaves the file as it was. */
export async function changeAccounts(
  path: string,
  change: (accounts: readonly StoredAccount[]) => readonly StoredAccount[] | Promise<readonly StoredAccount[]>,
): Promise<void> {
  const unlock = await lockFile(`${path}.lock`)
  try {
    await write(path, await change(await readAccounts(path)))
  } finally {
    await unlock()
  }
}

function faultOf(account: unknown, seen: Set<string>): string | undefined {
  if (!isRecord(account)) return 'expected an object'
  const { id, login, addresses, password, scram, appPasswords, mainPasswordNotFor, imapDisable } = account
  if (typeof id !== 'string' || !/^[a-z0-9]{8,64}$/.test(id))
    return 'id: expected 8 to 64 lower-case letters and digits'
  if (typeof login !== 'string' || login === '') return 'login: expected a name'
  if (!Array.isArray(addresses) || !addresses.every(a => typeof a === 'string')) return 'addresses: expected a list'
  const bound = boundFault(account)
  if (bound !== undefined) return bound
  if (typeof password !== 'string' || !(isHash(password) || isForeign(password)))
    return 'password: expected $scrypt$… or a hash of another server like {SSHA512}…'
  if (scram !== undefined && !areStoredKeys(scram))
    return 'scram: expected a list of mechanism, salt, iterations, storedKey and serverKey'
  if (mainPasswordNotFor !== undefined && !areProtocols(mainPasswordNotFor))
    return 'mainPasswordNotFor: expected a list of imap, pop3, smtp'
  if (imapDisable !== undefined && !areNames(imapDisable)) return 'imapDisable: expected a list of IMAP capabilities'
  if (appPasswords !== undefined && !(Array.isArray(appPasswords) && appPasswords.every(isAppPassword)))
    return 'appPasswords: expected a list of name, tag, password, protocols and created'
  for (const key of [`id ${id}`, `login ${login.toLowerCase()}`, ...addresses.map(a => `address ${a.toLowerCase()}`)]) {
    if (seen.has(key)) return `${key} stands there twice`
    seen.add(key)
  }
  return undefined
}

function boundFault({
  quotaBytes,
  quotaMessages,
  quotaGracePercent,
  place,
  limits,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (quotaBytes !== undefined && !(typeof quotaBytes === 'number' && quotaBytes >= 0))
    return 'quotaBytes: expected octets'
  if (quotaMessages !== undefined && !(Number.isSafeInteger(quotaMessages) && Number(quotaMessages) >= 0))
    return 'quotaMessages: expected a number of messages'
  if (quotaGracePercent !== undefined && !(typeof quotaGracePercent === 'number' && quotaGracePercent >= 0))
    return 'quotaGracePercent: expected hundredths of the quota'
  if (place !== undefined && typeof place !== 'string') return 'place: expected the name of a place'
  if (limits !== undefined && !areLimits(limits))
    return `limits: expected texts for some of ${ACCOUNT_LIMITS.join(', ')}`
  return undefined
}

/** What they say, whoever holds them reads. */
function areLimits(value: unknown): boolean {
  if (!isRecord(value)) return false
  return Object.entries(value).every(
    ([name, limit]) => ACCOUNT_LIMITS.some(known => known === name) && typeof limit === 'string',
  )
}

function isAppPassword(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { name, tag, password, scram, protocols, created } = value
  if (typeof name !== 'string' || typeof tag !== 'string' || typeof created !== 'number') return false
  if (scram !== undefined && !areStoredKeys(scram)) return false
  return typeof password === 'string' && isHash(password) && areProtocols(protocols)
}

/** Which names there are, the plugin that serves IMAP knows. */
function areNames(value: unknown): boolean {
  return Array.isArray(value) && value.every(name => typeof name === 'string' && /^[A-Z0-9=+-]+$/i.test(name))
}

function areProtocols(value: unknown): boolean {
  return Array.isArray(value) && value.every(isProtocol)
}

async function write(path: string, accounts: readonly StoredAccount[]): Promise<void> {
  const content: AccountsFile = { format: 1, accounts }
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

/** The rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
