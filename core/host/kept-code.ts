/**
 * What was compiled, kept in the data directory (`kept-code/`) from one start to the next. Modules that Node itself loads are kept by Node 22.1 and later,
 * those that workers load (`kept-modules.ts`) with any. Whoever writes there has us run what they like, so it must be a directory of our own below
 * directories that nobody else can change, and root keeps nothing where its workers give root up. Trouble is no trouble: the code is compiled anew.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'

const FOLDER = 'kept-code'
/** When the start is long over, what other versions of Node have left goes. */
const TIDY_MS = 60_000
const STICKY = 0o1000
const OTHERS_WRITE = 0o022
const OTHERS = 0o077

/** Of Node 22.1 and 22.8; the types are those of Node 20. */
const { enableCompileCache, getCompileCacheDir } = nodeModule as {
  enableCompileCache?: (folder: string) => unknown
  getCompileCacheDir?: () => string | undefined
}

/** To be called before anything else is loaded. `folder`: `codeFolder` of this start. */
export function keepCode(folder: string | undefined): void {
  if (enableCompileCache === undefined || folder === undefined) return
  enableCompileCache(folder)
  setTimeout(() => tidy(folder), TIDY_MS).unref()
}

/** Made when it is not there; nothing where code may not be kept. Nobody has checked server.yaml yet: what it seems to say is a hint. */
export function codeFolder(configDir: string): string | undefined {
  try {
    const server = readFileSync(join(configDir, 'server.yaml'), 'utf8')
    const named = /^data: *["']?([^\s"'#]+)/m.exec(server)?.[1]
    if (named === undefined || (process.geteuid?.() === 0 && /^["']?user\b/m.test(server))) return undefined
    const data = realpathSync(resolve(configDir, named))
    if (!isOurs(statSync(data), OTHERS_WRITE) || !isSafe(dirname(data))) return undefined
    const folder = join(data, FOLDER)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return isOurs(lstatSync(folder), OTHERS) ? folder : undefined
  } catch {
    // no configuration, no data directory: that is told by others
    return undefined
  }
}

interface About {
  isDirectory(): boolean
  readonly uid: number
  readonly mode: number
}

function isOurs(about: About, notFor: number): boolean {
  return about.isDirectory() && about.uid === process.geteuid?.() && (about.mode & notFor) === 0
}

/** Nobody but us and root can put another directory in the place of what is below it. */
function isSafe(path: string): boolean {
  const { uid, mode } = statSync(path)
  const ours = uid === 0 || uid === process.geteuid?.()
  if (!ours || ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)) return false
  return dirname(path) === path || isSafe(dirname(path))
}

/** Node has a folder for each of its versions. */
function tidy(folder: string): void {
  const current = getCompileCacheDir?.()
  if (current === undefined || dirname(current) !== folder) return
  try {
    for (const one of readdirSync(folder, { withFileTypes: true }))
      if (one.isDirectory() && one.name !== basename(current))
        rmSync(join(folder, one.name), { recursive: true, force: true })
  } catch {
    // somebody else was quicker
  }
}
