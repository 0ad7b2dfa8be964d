/** `posthouse user logins`: who was here last when, and who was not here for long. */
import {
  type Account,
  type Accounts,
  accountNamed,
  type Clock,
  type Command,
  CommandError,
  type CommandRun,
} from 'posthouse/api'
import { parseDuration, printable } from 'posthouse/text'
import type { LastLogin, LoginBook } from './book.js'

export interface LoginsCommandParts {
  readonly book: LoginBook
  readonly accounts: Accounts
  readonly clock: Clock
}

interface Line {
  readonly account: Account
  /** The latest first. */
  readonly logins: readonly LastLogin[]
}

const OPTIONS = {
  unused: { type: 'string', value: 'TIME', description: 'only accounts nobody has used for so long, as 90d' },
} as const

export function loginsCommand(parts: LoginsCommandParts): Command {
  return {
    name: 'user logins',
    summary: 'say when accounts were last used, by which protocol and from where',
    usage: '[LOGIN]',
    arity: [0, 1],
    options: OPTIONS,
    run: run => show(parts, run),
  }
}

async function show({ book, accounts, clock }: LoginsCommandParts, run: CommandRun): Promise<void> {
  const [who] = run.args
  const unusedMs = readUnused(run.options.unused)
  const asked = who === undefined ? await accounts.list() : [await accountNamed(accounts, who)]
  const lines: Line[] = []
  // One after the other: there may be many, and a server at work beside us.
  for (const account of asked) {
    const logins = await book.of(account.id)
    const last = logins[0]?.at ?? Number.NEGATIVE_INFINITY
    if (unusedMs === undefined || clock.now() - last >= unusedMs) lines.push({ account, logins })
  }
  if (run.json) run.print(JSON.stringify(lines.map(told), null, 2))
  else for (const line of lines.flatMap(inWords)) run.print(line)
}

function readUnused(value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(String(value))
  if (ms === undefined)
    throw new CommandError(`--unused: expected a time like 90d, got "${printable(String(value), 40)}"`)
  return ms
}

/** As `--json` prints it. */
function told({ account: { id, login }, logins }: Line): object {
  return { id, login, logins: logins.map(({ at, ...rest }) => ({ ...rest, at: new Date(at).toISOString() })) }
}

function inWords({ account: { login }, logins }: Line): readonly string[] {
  if (logins.length === 0) return [`${login}  no login noted`]
  return logins.map(({ protocol, at, remote, mechanism }) => {
    return `${login}  ${new Date(at).toISOString()}  ${protocol}  from ${printable(remote, 60)}  by ${printable(mechanism, 40)}`
  })
}
