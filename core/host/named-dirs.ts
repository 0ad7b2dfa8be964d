/**
 * The directories that server.yaml names and the server makes. Where that cannot be done, it is a fault at the line that names it: what the
 * system says alone tells nobody where to look.
 */
import { dirname } from 'node:path'
import { ConfigError, type YamlPath } from '../api/plugin.js'
import { makeDir } from '../config/files.js'
import type { Config } from '../config/types.js'
import { type OpenLog, openLog } from '../log/log.js'
import { serverFault } from './server-fault.js'

/** Why the system does not want to; else its own word is said. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EISDIR: 'it is a directory',
  ENOENT: 'the system makes nothing there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'what stands above it is no directory',
  EPERM: 'the system does not permit it',
  EROFS: 'that file system is read-only',
}

/** Throws `ConfigError`. */
export async function makeDataDir(config: Config): Promise<void> {
  const { dataDir } = config
  const wish = 'data names the directory for all data'
  await placed(config, ['data'], `${dataDir} cannot be made`, wish, () => makeDir(dataDir, 0o700))
}

/** Throws `ConfigError`. */
export async function makeLogDir(config: Config): Promise<void> {
  const { file } = config.log
  if (file === '-') return
  await placed(config, ['log', 'file'], `${dirname(file)} cannot be made`, LOG_WISH, () =>
    makeDir(dirname(file), 0o755),
  )
}

/** Throws `ConfigError`. With its directory: pino, which tries that too, tries it for ever where nothing can be made. */
export async function openNamedLog(config: Config): Promise<OpenLog> {
  await makeLogDir(config)
  const what = `${config.log.file} cannot be opened`
  return placed(config, ['log', 'file'], what, LOG_WISH, async () => openLog(config.log))
}

const LOG_WISH = 'log.file names the file to write to, and "-" is standard output'

async function placed<T>(
  config: Config,
  key: YamlPath,
  what: string,
  wish: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new ConfigError([await serverFault(config, key, `${what}: ${REASONS[code] ?? code}; ${wish}`)])
  }
}
