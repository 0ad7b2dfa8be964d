/** `posthouse user copy-to`: all accounts from where they are kept into the other place, before `keep` is changed. Nothing is lost on the way, or back. */
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import type { Book } from './book.js'
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
  let copied = 0
  const from = (book: Book) => async () => {
    const accounts = await book.read()
    copied = accounts.length
    return accounts
  }
  if (to === 'store') await rows.replace(from(file))
  else {
    await rows.begin()
    await file.replace(from(rows))
    await rows.fileIsAlike()
  }
  if (run.json) run.print(JSON.stringify({ copied, to }))
  else
    run.print(
      `copied ${copied} accounts to ${IN_WORDS[to]}; now say keep: ${to} for auth-file in plugins.yaml, and reload the server`,
    )
}
