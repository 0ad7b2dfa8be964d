/**
 * The mark of a data directory: which format its contents have, and that a first start was made. A server of an older format refuses a
 * newer one instead of reading what it cannot know.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FORMAT = 1

export type DataDirState = 'new' | 'known'

/** Throws when the directory is of a newer format or its mark cannot be read. */
export async function readMark(dataDir: string): Promise<DataDirState> {
  const path = join(dataDir, 'format.json')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return 'new'
  const format = /"format":\s*(\d+)/.exec(text)?.[1]
  if (format === undefined) throw new DataDirError(`${path} does not say which format the data has`)
  if (Number(format) > FORMAT) {
    throw new DataDirError(`${dataDir} has data of format ${format}, and this server knows up to ${FORMAT}`)
  }
  return 'known'
}

export async function writeMark(dataDir: string, now: number): Promise<void> {
  const path = join(dataDir, 'format.json')
  const text = `${JSON.stringify({ format: FORMAT, created: new Date(now).toISOString() })}\n`
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

export class DataDirError extends Error {}
