/** A process of its own on accounts in rows: `row-worker.js change|dump FOLDER [FIRST]`. It says each step that is done, and is killed. */
import { join } from 'node:path'
import { NameTaken } from '../../../plugins/auth-file/book.js'
import { RowBook } from '../../../plugins/auth-file/row-book.js'
import { LmdbTables } from '../../../plugins/store-lmdb/tables.js'
import { quietLog } from '../../harness/log.js'
import { stepOf } from './row-steps.js'

const [verb, folder = '', first = '0'] = process.argv.slice(2)
const tables = new LmdbTables({ path: join(folder, 'tables.lmdb'), mapBytes: 64 * 1024 ** 2 })
const table = tables.table('auth-file/accounts')

if (verb === 'dump') {
  process.stdout.write(JSON.stringify(await table.list('', undefined, 100_000)))
} else {
  const book = new RowBook({ table: () => table, path: join(folder, 'accounts.json'), log: quietLog })
  for (let n = Number(first); ; n++) {
    const { add, ids, turn } = stepOf(n)
    const [there] = add.length === 0 ? [] : [await book.byId(add[0]!.id)]
    const step = add.length === 0 ? book.change(ids, turn) : there === undefined ? book.add(add) : undefined
    await step?.catch((error: unknown) => {
      if (!(error instanceof NameTaken)) throw error
    })
    process.stdout.write(`${n}\n`)
  }
}
