/**
 * Giving up root: `user` and `group` of server.yaml. The supervisor keeps root to open ports below 1024 and runs no plugin;
 * workers give it up for good before they run any. Started by anyone else, both keys mean nothing, as with other servers.
 */
import { execFileSync } from 'node:child_process'
import { accessSync, chownSync, constants, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../api/plugin.js'
import { shownPath } from '../config/files.js'
import type { Config } from '../config/types.js'

/** Throws `ConfigError` when there is no such user, or when it cannot read the configuration. */
export function giveUpRoot(config: Config): void {
  if (config.user === undefined || !givesUpRoot(config)) return
  const group = config.group === undefined ? idOf(config, config.user, 'g') : groupId(config, config.group)
  const { initgroups } = process as typeof process & { initgroups?: (user: string, group: string | number) => void }
  initgroups?.(config.user, group)
  process.setgid?.(group)
  process.setuid?.(config.user)
  if (process.getuid?.() === 0) throw new Error(`root could not be given up for ${config.user}`)
  mustRead(config, config.user, config.group ?? from('id', ['-gn', '--', config.user]))
}

export function givesUpRoot({ user }: Pick<Config, 'user'>): boolean {
  return user !== undefined && process.getuid?.() === 0
}

/** `init` lets its own group read, and that of root is not ours. */
function mustRead({ dir }: Config, user: string, group: string): void {
  const files = ['', 'server.yaml', 'plugins.yaml', 'access.yaml', 'aliases.yaml', 'local.yaml']
  const closed = files.map(name => join(dir, name)).find(path => !canRead(path))
  if (closed !== undefined)
    throw faulty(dir, 'user', `the user ${user} cannot read ${closed}; let its group do so: chgrp -R ${group} ${dir}`)
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** At the line of that key, or at the top of server.yaml where it cannot be read any more. */
function faulty(dir: string, key: 'user' | 'group', message: string): ConfigError {
  const path = join(dir, 'server.yaml')
  const lines = canRead(path) ? readFileSync(path, 'utf8').split('\n') : []
  const line =
    Math.max(
      0,
      lines.findIndex(text => text.startsWith(`${key}:`)),
    ) + 1
  return new ConfigError([{ file: shownPath(path), line, column: 1, message }])
}

/** Makes the data directory, and what the supervisor has put into it, the workers' own. */
export function handOver(config: Config, dir: string): void {
  if (config.user === undefined || process.getuid?.() !== 0) return
  const uid = idOf(config, config.user, 'u')
  const gid = config.group === undefined ? idOf(config, config.user, 'g') : groupId(config, config.group)
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
function idOf({ dir }: Config, user: string, which: 'u' | 'g'): number {
  const number = numberFrom('id', [`-${which}`, '--', user])
  if (number === undefined) throw faulty(dir, 'user', `there is no user ${user}; make one: useradd --system ${user}`)
  return number
}

function groupId({ dir }: Config, group: string): number {
  const number = numberFrom('getent', ['group', '--', group])
  if (number === undefined)
    throw faulty(dir, 'group', `there is no group ${group}; make one: groupadd --system ${group}`)
  return number
}

/** The number alone, or the third field of a line; nothing when the program knows nobody of that name. */
function numberFrom(program: string, args: readonly string[]): number | undefined {
  try {
    const line = from(program, args)
    return Number(line.split(':')[2] ?? line)
  } catch {
    return undefined
  }
}

function from(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}
