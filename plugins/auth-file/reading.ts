/**
 * What the user commands take from the terminal, read and refused in clear words: names, addresses, quotas, passwords.
 * Pure but for standard input; the commands themselves stand in commands.ts.
 */
import { randomBytes } from 'node:crypto'
import { type AccountLimits, CommandError, type CommandRun } from 'posthouse/api'
import { addressKey, closest, parseAddress, parseSize, printable, ReadError, readRate } from 'posthouse/text'
import { MAX_PASSWORD_BYTES, makePassword } from './password.js'
import { PROTOCOLS, type Protocol, readProtocols } from './protocol.js'

/** Immutable and never an address: 100 random bits. */
export function newAccountId(): string {
  return `a${BigInt(`0x${randomBytes(13).toString('hex')}`).toString(36)}`
}

export function readLogin(text: string): string {
  const login = text.normalize('NFC')
  if (login.length > 254) throw new CommandError('the login name is too long: 254 letters at most')
  if (!/^[^\p{Cc}\s"\\<>,:;]+$/u.test(login)) {
    throw new CommandError(`"${printable(text, 80)}" cannot be a login name: no spaces, quotes or <>,:;`)
  }
  return login.toLowerCase()
}

/** A login that is an address of ours is one of its own; a bare one without addresses gets the first domain. */
export function addressesOf(login: string, given: readonly string[], domains: ReadonlySet<string>): readonly string[] {
  const ours = domains.has(parseAddress(login)?.domain ?? '')
  const own = ours || given.length === 0 ? [ownAddress(login, domains)] : []
  return [...new Set([...own, ...given].map(text => readAddress(text, domains)))]
}

function ownAddress(login: string, domains: ReadonlySet<string>): string {
  if (login.includes('@')) return login
  const [domain] = domains
  if (domain === undefined) throw new CommandError('server.yaml names no domains; give the account an address')
  return `${login}@${domain}`
}

export function readAddress(text: string, domains: ReadonlySet<string>): string {
  const address = parseAddress(text)
  if (address === undefined) throw new CommandError(`"${printable(text, 80)}" is not an address like user@example.org`)
  if (!domains.has(address.domain)) {
    const near = closest(address.domain, domains)
    const hint = near === undefined ? `ours are: ${[...domains].join(', ')}` : `did you mean ${near}?`
    throw new CommandError(`${printable(address.domain, 80)} is not among the domains of server.yaml; ${hint}`)
  }
  return addressKey(address)
}

export function readQuota(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const bytes = typeof value === 'string' ? parseSize(value) : undefined
  if (bytes === undefined) throw new CommandError(`--quota: expected a size like 500MB or 1GB, got "${value}"`)
  return bytes
}

export function readMessages(value: string | boolean): number {
  const messages = /^[0-9]{1,12}$/.test(String(value)) ? Number(value) : undefined
  if (messages === undefined) throw new CommandError(`--quota-messages: expected a number like 10000, got "${value}"`)
  return messages
}

const MOST_GRACE = 100

export function readGrace(value: string | boolean): number {
  const percent = /^([0-9]{1,3})%?$/.exec(String(value))?.[1]
  if (percent !== undefined && Number(percent) <= MOST_GRACE) return Number(percent)
  throw new CommandError(
    `--quota-grace: expected hundredths of the quota like 10, ${MOST_GRACE} at most, got "${value}"`,
  )
}

/** Whether there is one of that name, the plugin `places` knows. */
export function readPlace(value: string | boolean): string {
  if (/^[a-z0-9][a-z0-9_-]{0,40}$/.test(String(value))) return String(value)
  throw new CommandError(`--place: expected a name like spool, got "${value}"`)
}

/** As it was written; whoever holds it reads it again. */
export function readLimit(name: keyof AccountLimits, text: string): string {
  if (name === 'concurrent') {
    if (text === 'unlimited' || /^[0-9]{1,9}$/.test(text)) return text
    throw new CommandError(
      `--limit-concurrent: expected a number like 5, unlimited or none, got "${printable(text, 40)}"`,
    )
  }
  try {
    readRate(text, name === 'bytes' ? 'size' : 'count')
    return text.trim()
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    throw new CommandError(`--limit-${name}: ${error.message}`)
  }
}

/** `undefined` when the option was not given. */
export function readProtocolList(option: string, value: string | boolean | undefined): readonly Protocol[] | undefined {
  if (value === undefined) return undefined
  const { protocols, wrong } = readProtocols(String(value))
  if (wrong === undefined) return protocols
  const near = closest(wrong, PROTOCOLS)
  const hint = near === undefined ? '' : `, did you mean ${near}?`
  throw new CommandError(`${option}: expected some of ${PROTOCOLS.join(', ')}, got "${printable(wrong, 40)}"${hint}`)
}

/** Which names there are, the plugin that serves IMAP knows: it says so at the next login. */
export function readCapabilities(value: string | boolean): readonly string[] {
  const names = String(value).toUpperCase().split(',')
  const wrong = names.find(name => !/^[A-Z0-9][A-Z0-9=+-]*$/.test(name))
  if (wrong === undefined) return names
  throw new CommandError(`--imap-disable: expected capabilities like CONDSTORE,MOVE, got "${printable(wrong, 40)}"`)
}

/** `shown` is what must be printed, because nobody has seen it yet. */
export async function choosePassword(run: CommandRun): Promise<{ readonly password: string; readonly shown?: string }> {
  if (run.options['password-stdin'] !== true) {
    const password = makePassword()
    return { password, shown: password }
  }
  const password = (await run.stdin()).split(/\r?\n/, 1)[0]!
  if (password === '') throw new CommandError('--password-stdin: the first line of standard input is empty')
  if (/\p{Cc}/u.test(password)) throw new CommandError('--password-stdin: control characters cannot be in a password')
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new CommandError(`--password-stdin: ${MAX_PASSWORD_BYTES} octets at most`)
  }
  if (password.length < 8) run.warn('that password is shorter than 8 letters and easily guessed')
  return { password }
}
