/** What of other people's programs is installed. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export function programPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin']
  return folders.map(folder => join(folder, name)).find(path => existsSync(path))
}

export function hasPerlModule(name: string): boolean {
  return spawnSync('perl', [`-M${name}`, '-e', '1']).status === 0
}
