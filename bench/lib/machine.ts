/** Where and on what figures were taken: without this a figure says nothing. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileSystemOf } from './flush.js'
import { ROOT } from './root.js'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly fileSystem: string
  readonly node: string
  readonly lmdb: string
  readonly version: string
  /** Short commit, with `+` when the tree has changes; `unknown` outside a clone. */
  readonly commit: string
}

export function machineOf(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()} ${arch()}`,
    fileSystem: fileSystemOf(folder).name,
    node: process.version,
    lmdb: versionIn('node_modules/lmdb/package.json'),
    version: versionIn('package.json'),
    commit: commit(),
  }
}

export function machineText(machine: Machine): string {
  return (
    `Posthouse ${machine.version} (${machine.commit}), Node ${machine.node}, lmdb ${machine.lmdb}; ` +
    `${machine.cores} × ${machine.cpu}, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GB, ` +
    `${machine.system}, data on ${machine.fileSystem}`
  )
}

function versionIn(path: string): string {
  try {
    return (JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { version: string }).version
  } catch {
    return 'unknown'
  }
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}
