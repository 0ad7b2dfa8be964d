/**
 * `posthouse store …`: what the files of the store are made of, and making them small. `stats` may run beside the server: both see the same
 * file; `compact` may not.
 */
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import { formatSize } from 'posthouse/text'
import { type Compactable, CompactError, type Compacted, compact } from './compact.js'
import { type StoreStats, usedBytes } from './stats.js'

export interface StoreCommandParts {
  stats(): StoreStats
  /** The files, and nothing else writes to them any more when this resolves. */
  files(): Promise<readonly Compactable[]>
}

export function storeCommands(parts: StoreCommandParts): readonly Command[] {
  return [
    {
      name: 'store stats',
      summary: 'how large the store is, how much of it is free, and what lies in it',
      arity: [0, 0],
      run: async run => show(parts.stats(), run),
    },
    {
      name: 'store compact',
      summary: 'make the files of the store small again; the server must not run',
      arity: [0, 0],
      run: run => shrink(parts, run),
    },
  ]
}

async function shrink(parts: StoreCommandParts, run: CommandRun): Promise<void> {
  const done: Compacted[] = []
  for (const file of await parts.files()) {
    run.warn(`${file.path}: copying ${formatSize(usedBytes(file.stats()))} …`)
    try {
      done.push(await compact(file))
    } catch (error) {
      if (error instanceof CompactError) throw new CommandError(error.message)
      throw error
    }
  }
  if (run.json) run.print(JSON.stringify(done))
  else
    for (const { path, beforeBytes, afterBytes } of done)
      run.print(`${path}: ${formatSize(beforeBytes)} before, ${formatSize(afterBytes)} now`)
}

function show(stats: StoreStats, run: CommandRun): void {
  if (run.json) {
    run.print(JSON.stringify(stats))
    return
  }
  const { path, fileBytes, pageBytes, freePages, databases } = stats
  run.print(`${path}: ${formatSize(fileBytes)}`)
  run.print(`${formatSize(usedBytes(stats))} in use, ${formatSize(freePages * pageBytes)} free for what comes`)
  for (const { name, entries, pages } of databases)
    if (entries > 0) run.print(`${name}  ${entries} entries, ${formatSize(pages * pageBytes)}`)
}
