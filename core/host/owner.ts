/**
 * Giving up root: `user` and `group` of server.yaml. The supervisor keeps root to open ports below 1024 and runs no plugin;
 * workers give it up for good before they run any. Started by anyone else, both keys mean nothing, as with other servers.
 */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/types.js'

export function giveUpRoot(config: Config): void {
  if (config.user === undefined || process.getuid?.() !== 0) return
  const group = config.group ?? idOf(config.user, 'g')
  const { initgroups } = process as typeof process & { initgroups?: (user: string, group: string | number) => void }
  initgroups?.(config.user, group)
  process.setgid?.(group)
  process.setuid?.(config.user)
  if (process.getuid?.() === 0) throw new Error(`root could not be given up for ${config.user}`)
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
  return Number(
    execFileSync('id', [`-${which}`, '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
}

function groupId(group: string): number {
  const line = execFileSync('getent', ['group', '--', group], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return Number(line.split(':')[2])
}
