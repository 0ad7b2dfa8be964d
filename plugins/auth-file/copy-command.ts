/** `posthouse user copy-to`: all accounts from where they are kept into the other place, before `keep` is changed. Nothing is lost on the way, or back. */
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import { clearly } from './clearly.js'
import type { FileBook } from './file-book.js'
import type { RowBook } from './row-book.js'

export interface CopyParts {
  readonly keep: 'file' | 'store'
  readonly file: FileBook
  readonly rows: RowBook
}

const IN_WORDS = { file: 'the accounts file', store: 'the store' } as const

export function copyCommand(parts: CopyParts): Command {
  return {
    name: 'user copy-to',
    summary: 'copy all accounts of auth-file to where they shall be kept from now on; what was there is replaced',
    usage: 'file|store',
    arity: [1, 1],
    run: run => clearly(() => copy(parts, run)),
  }
}

async function copy({ keep, file, rows }: CopyParts, run: CommandRun): Promise<void> {
  const [to = ''] = run.args
  if (to !== 'file' && to !== 'store') throw new CommandError(`expected file or store, got "${to}"`)
  if (to === keep) throw new CommandError(`accounts are kept in ${IN_WORDS[to]} already (keep: ${keep})`)
  const accounts = await (keep === 'file' ? file : rows).read()
  if (to === 'store') await rows.replace(accounts)
  else {
    await file.replace(accounts)
    await rows.fileIsAlike()
  }
  if (run.json) run.print(JSON.stringify({ copied: accounts.length, to }))
  else
    run.print(
      `copied ${accounts.length} accounts to ${IN_WORDS[to]}; now say keep: ${to} for auth-file in plugins.yaml, and reload the server`,
    )
}
