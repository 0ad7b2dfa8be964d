/**
 * `FILE.lock`, made as `dotlockfile`, procmail and mutt make it: a file of our own that is linked to that name, which happens once or not at all, on network
 * file systems too. It holds our process id. A lock whose process is dead, or that nobody has touched for five minutes, is taken away.
 */
import { randomBytes } from 'node:crypto'
import { link, lstat, open, readFile, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { Trouble } from '../trouble.js'

const STALE_MS = 5 * 60_000
/** A process id and a line feed. */
const PID = /^\s*([1-9][0-9]{0,9})\s*$/

/** Resolves to what gives it back, or to nothing when it is somebody else's. */
export async function tryDotlock(path: string): Promise<(() => Promise<void>) | undefined> {
  const lock = `${path}.lock`
  const own = `${path}.${hostname().slice(0, 60)}.${process.pid}.${randomBytes(6).toString('hex')}`
  const made = await writeOwn(own)
  try {
    const ours = (await linked(own, lock)) || ((await removedStale(lock, made.mtimeMs)) && (await linked(own, lock)))
    return ours ? () => giveBack(lock, made) : undefined
  } finally {
    await rm(own, { force: true })
  }
}

interface Made {
  readonly ino: number
  readonly mtimeMs: number
}

async function writeOwn(own: string): Promise<Made> {
  try {
    const handle = await open(own, 'wx', 0o644)
    try {
      await handle.write(`${process.pid}\n`)
      return await handle.stat()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    const detail = `no ${own} can be made: the group of its folder (mail, usually) is wanted, or locks: [fcntl]`
    throw new Trouble('4.3.5', 'the mailbox cannot be locked', detail, error)
  }
}

async function linked(own: string, lock: string): Promise<boolean> {
  try {
    await link(own, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Ours alone: should somebody have taken it for stale, theirs stays. */
async function giveBack(lock: string, { ino }: Made): Promise<void> {
  const there = await lstat(lock).catch(missing)
  if (there?.ino === ino) await rm(lock, { force: true })
}

/** `now`: by the clock of the file system, which may be another machine's. */
async function removedStale(lock: string, now: number): Promise<boolean> {
  const there = await lstat(lock).catch(missing)
  if (there === undefined) return true
  const holder = there.isFile() && there.size < 100 ? await readFile(lock, 'latin1').catch(missing) : ''
  if (!isDead(holder ?? '') && now - there.mtimeMs < STALE_MS) return false
  // Two may find it stale: what is taken away must be what was looked at.
  const aside = `${lock}.${process.pid}.${randomBytes(6).toString('hex')}`
  const moved = await rename(lock, aside).then(() => true, missing)
  if (moved === undefined) return true
  const taken = await lstat(aside)
  if (taken.ino !== there.ino) await linked(aside, lock)
  await rm(aside, { force: true })
  return true
}

function isDead(content: string): boolean {
  const pid = PID.exec(content)?.[1]
  if (pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function missing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}
