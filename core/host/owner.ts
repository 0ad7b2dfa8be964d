/**
 * Giving up root: `user` and `group` of server.yaml. The supervisor keeps root to open ports below 1024 and runs no plugin;
 * workers give it up for good before they run any. Started by anyone else, both keys mean nothing, as with other servers.
 */
import { execFileSync } from 'node:child_process'
import { accessSync, chownSync, constants, existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../api/index.js'
import type { Config } from '../config/types.js'

/** Throws `ConfigError` when there is no such user, or when it cannot read the configuration. */
export function giveUpRoot(config: Config): void {
  if (config.user === undefined || !givesUpRoot(config)) return
  const group = config.group === undefined ? idOf(config.user, 'g') : groupId(config.group)
  const { initgroups } = process as typeof process & { initgroups?: (user: string, group: string | number) => void }
  initgroups?.(config.user, group)
  process.setgid?.(group)
  process.setuid?.(config.user)
  if (process.getuid?.() === 0) throw new Error(`root could not be given up for ${config.user}`)
  mustRead(config.user, config.group ?? from('id', ['-gn', '--', config.user]), config.dir)
}

export function givesUpRoot({ user }: Pick<Config, 'user'>): boolean {
  return user !== undefined && process.getuid?.() === 0
}

/** `init` lets its own group read, and that of root is not ours. */
function mustRead(user: string, group: string, dir: string): void {
  const files = ['', 'server.yaml', 'plugins.yaml', 'access.yaml', 'aliases.yaml', 'local.yaml']
  const closed = files.map(name => join(dir, name)).find(path => !canRead(path))
  if (closed !== undefined)
    throw faulty(`the user ${user} cannot read ${closed}; let its group do so: chgrp -R ${group} ${dir}`)
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function faulty(message: string): ConfigError {
  return new ConfigError([{ file: 'server.yaml', line: 1, column: 1, message }])
}

/** Makes the data directory, and what the supervisor has put into it, the workers' own. */
export function handOver(config: Config, dir: string): void {
  if (config.user === undefined || process.getuid?.() !== 0) return
  const uid = idOf(config.user, 'u')
  const gid = config.group === undefined ? idOf(config.user, 'g') : groupId(config.group)
  own(dir, uid, gid)
}

function own(path: string, uid: number, gid: number): void {
  if (!existsSync(path)) return
  const at = lstatSync(path)
  // a link could lead out of the directory
  if (at.isSymbolicLink()) return
  if (at.uid !== uid || at.gid !== gid) chownSync(path, uid, gid)
  if (at.isDirectory()) for (const name of readdirSync(path)) own(join(path, name), uid, gid)
}

/** node:os tells only of the user we are. */
function idOf(user: string, which: 'u' | 'g'): number {
  return numberFrom('id', [`-${which}`, '--', user], `there is no user ${user}; make one: useradd --system ${user}`)
}

function groupId(group: string): number {
  return numberFrom(
    'getent',
    ['group', '--', group],
    `there is no group ${group}; make one: groupadd --system ${group}`,
  )
}

/** The number alone, or the third field of a line. */
function numberFrom(program: string, args: readonly string[], otherwise: string): number {
  try {
    const line = from(program, args)
    return Number(line.split(':')[2] ?? line)
  } catch {
    throw faulty(otherwise)
  }
}

function from(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
