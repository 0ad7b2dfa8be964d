/** `posthouse postmaster show`: what the next digest would say. */
import type { Command } from 'posthouse/api'
import { formatDuration } from 'posthouse/text'
import type { Book } from './book.js'
import { pageLines } from './digest.js'

export interface CommandDeps {
  readonly book: Book
  readonly everyMs: number
  readonly tell: readonly string[]
}

export function postmasterCommands({ book, everyMs, tell }: CommandDeps): readonly Command[] {
  return [
    {
      name: 'postmaster show',
      summary: 'show what waits to be told to the postmaster',
      arity: [0, 0],
      async run(run) {
        const pages = await book.pages()
        if (run.json) return run.print(JSON.stringify({ tell, everyMs, pages }, null, 2))
        for (const line of pages.flatMap(pageLines)) run.print(line)
        if (pages.length === 0) run.print('nothing waits')
        run.print(`told: ${tell.join(', ') || 'nothing'}; at most every ${formatDuration(everyMs)}`)
      },
    },
  ]
}
