/**
 * Appends to a mailbox file that other programs read and write meanwhile. Locked before it is looked at, flushed before it is given back, and cut back to
 * what it was when the whole message does not fit.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { mustBelong } from '../owner.js'
import type { MboxPlace } from '../place.js'
import { Trouble } from '../trouble.js'
import { syncFolder } from '../write.js'
import { dotlock } from './dotlock.js'
import { lockFile } from './fcntl-lock.js'

export interface MboxFile {
  readonly path: string
  /** Whose it should be. */
  readonly user: string
  readonly place: Pick<MboxPlace, 'locks' | 'lockWaitMs' | 'anyOwner' | 'create'>
}

const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants
/** As mail spools have it: for its owner and the group mail. */
const MODE = 0o660
const LF = 10
/** A mail program may remove a file that has become empty, or put another in its place, while we wait for the lock. */
const MOST_OPENINGS = 5

/** One at a time for each file: those of this process need not wait with a child each. */
const LINES = new Map<string, Promise<void>>()

/** Resolves when the message is on disk. `separator` is its "From " line. */
export async function appendMessage(
  file: MboxFile,
  separator: string,
  copy: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const before = LINES.get(file.path) ?? Promise.resolve()
  const turn = before.then(() => append(file, separator, copy, signal))
  const over = turn.catch(() => undefined)
  LINES.set(file.path, over)
  try {
    await turn
  } finally {
    if (LINES.get(file.path) === over) LINES.delete(file.path)
  }
}

async function append(
  file: MboxFile,
  separator: string,
  copy: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const { handle, release } = await openLocked(file, signal)
  try {
    const { size } = await handle.stat()
    const gap = await gapAt(handle, size)
    try {
      await write(handle, size, `${gap}${separator}\n`, copy, signal)
      await handle.sync()
    } catch (error) {
      // Half a message would run into the next one.
      await handle.truncate(size)
      throw error
    }
  } finally {
    try {
      await release?.()
    } finally {
      // The fcntl lock ends here.
      await handle.close()
    }
  }
}

async function openLocked(file: MboxFile, signal: AbortSignal) {
  for (let opened = 0; opened < MOST_OPENINGS; opened += 1) {
    const handle = await openFile(file)
    let release: (() => Promise<void>) | undefined
    try {
      await mustBeMailbox(handle, file)
      for (const kind of file.place.locks) {
        if (kind === 'fcntl') await lockFile(handle.fd, file.place.lockWaitMs, signal)
        else release = await dotlock(file.path, file.place.lockWaitMs, signal)
      }
      if (await isStill(handle, file.path)) return { handle, release }
    } catch (error) {
      await release?.()
      await handle.close()
      throw error
    }
    await release?.()
    await handle.close()
  }
  throw new Trouble('4.2.0', 'the mailbox is always being replaced')
}

async function openFile({ path, place }: MboxFile): Promise<FileHandle> {
  // Neither through a link that somebody has put there, nor waiting for the other end of a FIFO.
  const flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
  try {
    return await open(path, flags)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !place.create) throw error
  }
  try {
    const made = await open(path, flags | O_CREAT | O_EXCL, MODE)
    await syncFolder(dirname(path))
    return made
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return open(path, flags)
  }
}

async function mustBeMailbox(handle: FileHandle, { user, place }: MboxFile): Promise<void> {
  const stat = await handle.stat()
  if (!stat.isFile()) throw new Trouble('4.3.5', 'the mailbox is not a file')
  // A second name may be in another folder: whoever has made it reads along.
  if (stat.nlink > 1) throw new Trouble('4.3.5', 'the mailbox is a file with several names')
  if (!place.anyOwner) await mustBelong(stat, user)
}

async function isStill(handle: FileHandle, path: string): Promise<boolean> {
  const [ours, there] = await Promise.all([handle.stat(), lstat(path).catch(gone)])
  return there !== undefined && ours.ino === there.ino && ours.dev === there.dev
}

function gone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}

/** What is between the last message and ours: an empty line, as far as it is not there. */
async function gapAt(handle: FileHandle, size: number): Promise<string> {
  if (size === 0) return ''
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, Math.max(0, size - 2))
  const last = buffer.subarray(0, bytesRead)
  if (last.at(-1) !== LF) return '\n\n'
  return last.at(-2) === LF ? '' : '\n'
}

async function write(
  handle: FileHandle,
  from: number,
  first: string,
  copy: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  let at = from
  const put = async (bytes: Buffer) => {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at)
      done += bytesWritten
      at += bytesWritten
    }
  }
  await put(Buffer.from(first))
  for await (const piece of copy) {
    signal.throwIfAborted()
    await put(piece)
  }
  await put(Buffer.from('\n'))
}
