/**
 * What tests may borrow from around the project: the folder of shared material (real mail, suites) and Debian's programs.
 * Both may be missing on a reader's machine, so both come back `undefined` and the test skips with a reason.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Repository root, seen from `dist/test/harness/`. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** The folder `shared` beside the repository, or where POSTHOUSE_SHARED says. */
export function sharedDir(): string | undefined {
  const folder = process.env.POSTHOUSE_SHARED ?? join(ROOT, '..', 'shared')
  return existsSync(folder) ? folder : undefined
}

/** Path of a program that is installed here. */
export function program(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin']
  return folders
    .filter(folder => folder !== '')
    .map(folder => join(folder, name))
    .find(runnable)
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
