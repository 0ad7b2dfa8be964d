/** What is wrong with server.yaml and shows only after it was read: at its line, as the faults that are found while reading. */
import { join } from 'node:path'
import type { Fault, YamlPath } from '../api/index.js'
import { readSource, shownPath } from '../config/files.js'
import type { Config } from '../config/types.js'

export async function serverFault({ dir }: Pick<Config, 'dir'>, key: YamlPath, message: string): Promise<Fault> {
  const path = join(dir, 'server.yaml')
  const { source } = await readSource(path)
  return source?.fault(key, message) ?? { file: shownPath(path), line: 1, column: 1, message }
}
