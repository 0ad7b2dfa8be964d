/** Commands of the command line that a plugin brings: what they are asked, and how they refuse. */
import { printable } from '../text/sanitise.js'
import { closest } from '../text/suggest.js'
import type { Account, Accounts } from './accounts.js'

export interface CommandOption {
  readonly type: 'string' | 'boolean'
  readonly description: string
  /** What the value looks like in help: `BYTES`. */
  readonly value?: string
}

export interface CommandRun {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** `--json` was given: print data as JSON. */
  readonly json: boolean
  print(line: string): void
  /** For people, on standard error. */
  warn(line: string): void
  /** All of standard input, at most 64 MiB. */
  stdin(): Promise<string>
}

export interface Command {
  /** `user add` */
  readonly name: string
  readonly summary: string
  /** `LOGIN [ADDRESS…]`, for help. */
  readonly usage?: string
  /** Least and most arguments. */
  readonly arity: readonly [least: number, most: number]
  readonly options?: Readonly<Record<string, CommandOption>>
  /** It reads and keeps nothing in the data directory: where there is none, none is made for it. */
  readonly withoutData?: boolean
  /** The exit code; nothing means 0. Throw `CommandError` for a clear refusal. */
  run(run: CommandRun): Promise<number | void>
}

/** A command cannot do what was asked; the message is for the person at the terminal. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}

/** Whom a person at the terminal means, by login or address; throws `CommandError` that says who may have been meant. */
export async function accountNamed(accounts: Accounts, text: string): Promise<Account> {
  const found = (await accounts.byLogin(text)) ?? (await accounts.byAddress(text.toLowerCase()))
  if (found !== undefined) return found
  const logins = (await accounts.list()).map(({ login }) => login)
  const near = closest(text, logins)
  throw new CommandError(`no account "${printable(text, 80)}"${near === undefined ? '' : `; did you mean ${near}?`}`)
}
