/**
 * The public suites in `shared/data`, unpacked once into the system's temporary folder. `undefined` when they are not there, so that a
 * test can skip with a reason.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sharedDir } from './shared.js'

/** Folder that holds the contents of one archive: `smtp`, `mime`, `imap`. */
export function dataDir(name: string): string | undefined {
  const shared = sharedDir()
  const script = shared === undefined ? undefined : join(shared, 'data', 'unpack')
  if (script === undefined || !existsSync(script)) return undefined
  const folder = join(tmpdir(), `posthouse-data-${process.getuid?.() ?? 0}`)
  execFileSync(script, [folder, name], { stdio: 'ignore', timeout: 300_000 })
  return join(folder, name)
}
