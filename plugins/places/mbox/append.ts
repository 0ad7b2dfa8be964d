/**
 * Appends to a mailbox file that other programs read and write meanwhile. Locked before it is looked at, flushed before it is given back, and cut back to
 * what it was when the whole message does not fit.
 */
import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { mustBelong } from '../owner.js'
import type { MboxPlace } from '../place.js'
import { Trouble } from '../trouble.js'
import { syncFolder } from '../write.js'
import { tryDotlock } from './dotlock.js'
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
/** Octets that are held back to be written in one go: a process that is killed has then written all of such a message, or nothing. */
const AT_ONCE = 256 * 1024
/** Before everything is tried again. */
const STEPS_MS = [50, 100, 200, 400, 800] as const

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
    await giveUp(handle, release)
  }
}

interface Locked {
  readonly handle: FileHandle
  /** Gives the dotlock back; the fcntl lock ends with the handle. */
  readonly release: (() => Promise<void>) | undefined
}

/**
 * Only the first lock is waited for: procmail takes them the other way round, and whoever held one while waiting for the other would wait for somebody
 * who waits for them. What is not there at once, all is given back and tried again a little later.
 */
async function openLocked(file: MboxFile, signal: AbortSignal): Promise<Locked> {
  signal.throwIfAborted()
  const until = performance.now() + file.place.lockWaitMs
  for (let step = 0; ; step += 1) {
    const handle = await openFile(file)
    let release: (() => Promise<void>) | undefined
    try {
      await mustBeMailbox(handle, file)
      const locked = await lockAll(handle, file, until, signal)
      release = locked?.release
      // A mail program may have removed a file that was empty, or put another in its place.
      if (locked !== undefined && (await isStill(handle, file.path))) return { handle, release }
    } catch (error) {
      await giveUp(handle, release)
      throw error
    }
    await giveUp(handle, release)
    if (performance.now() >= until) throw new Trouble('4.2.0', 'somebody else has locked the mailbox')
    // Not in step with others that do the same.
    await pause(STEPS_MS[Math.min(step, STEPS_MS.length - 1)]! * (0.5 + Math.random()), undefined, { signal })
  }
}

/** `undefined`: one of them is somebody else's. */
async function lockAll(
  handle: FileHandle,
  { path, place }: MboxFile,
  until: number,
  signal: AbortSignal,
): Promise<Pick<Locked, 'release'> | undefined> {
  let release: (() => Promise<void>) | undefined
  for (const [at, kind] of place.locks.entries()) {
    if (kind === 'dotlock') {
      release = await tryDotlock(path)
      if (release === undefined) return undefined
      continue
    }
    try {
      const wait = at === 0 ? Math.max(0, until - performance.now()) : 0
      if (await lockFile(handle.fd, wait, signal)) continue
    } catch (error) {
      await release?.()
      throw error
    }
    await release?.()
    return undefined
  }
  return { release }
}

async function giveUp(handle: FileHandle, release: Locked['release']): Promise<void> {
  try {
    await release?.()
  } finally {
    await handle.close()
  }
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
  let held: Buffer[] = [Buffer.from(first)]
  let octets = 0
  for await (const piece of copy) {
    signal.throwIfAborted()
    held.push(piece)
    octets += piece.length
    if (octets < AT_ONCE) continue
    await put(Buffer.concat(held))
    held = []
    octets = 0
  }
  await put(Buffer.concat([...held, Buffer.from('\n')]))
}
