/** `posthouse store …`: what the file of the store is made of. It may run beside the server: both see the same file. */
import type { Command, CommandRun } from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import type { StoreStats } from './environment.js'

export function storeCommands(stats: () => StoreStats): readonly Command[] {
  return [
    {
      name: 'store stats',
      summary: 'how large the store is, how much of it is free, and what lies in it',
      arity: [0, 0],
      run: async run => show(stats(), run),
    },
  ]
}

function show(stats: StoreStats, run: CommandRun): void {
  if (run.json) {
    run.print(JSON.stringify(stats))
    return
  }
  const { path, fileBytes, pageBytes, usedPages, freePages, databases } = stats
  run.print(`${path}: ${formatSize(fileBytes)}`)
  run.print(`${formatSize(usedPages * pageBytes)} in use, ${formatSize(freePages * pageBytes)} free for what comes`)
  for (const { name, entries, pages } of databases)
    if (entries > 0) run.print(`${name}  ${entries} entries, ${formatSize(pages * pageBytes)}`)
}
