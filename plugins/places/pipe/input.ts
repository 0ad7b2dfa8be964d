/** What a program reads: one recipient's copy in a file that has no name any more, so that nothing is left of it whatever happens. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyOf } from '../copy.js'
import type { Errand } from '../errand.js'
import { Trouble } from '../trouble.js'

/** The caller closes it. It stands at its beginning, as we write by position. Throws Trouble when there is no room for it. */
export async function inputOf(errand: Errand): Promise<FileHandle> {
  const path = join(tmpdir(), `posthouse-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600).catch((error: unknown) => {
    throw troubleWith(error)
  })
  try {
    await unlink(path)
    await fill(file, errand)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

async function fill(file: FileHandle, { job, recipient, signal }: Errand): Promise<void> {
  let at = 0
  for await (const piece of copyOf(job, recipient, { quoteFrom: false })) {
    signal.throwIfAborted()
    for (let from = 0; from < piece.length; ) {
      const { bytesWritten } = await file.write(piece, from, piece.length - from, at).catch((error: unknown) => {
        throw troubleWith(error)
      })
      from += bytesWritten
      at += bytesWritten
    }
  }
}

function troubleWith(error: unknown): Trouble {
  const { code, message } = error as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const text = full ? 'there is no room for the mail of a program' : 'the mail of a program cannot be written'
  return new Trouble(full ? '4.3.1' : '4.3.0', text, `${tmpdir()}: ${message}`, error)
}
