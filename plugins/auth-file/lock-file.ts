/**
 * A lock between processes: a link that leads nowhere and says whose it is, since a link is made with what it says or not at all. Its holder touches it
 * while it works, so a lock that nobody touches, or whose process is dead, is nobody's and is taken away: `kill -9` in the middle of a change keeps
 * nobody out.
 */
import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { lstat, lutimes, readlink, rename, rm, symlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileError } from './file-error.js'

const WAIT_MS = 20_000
const TOUCH_MS = 2_000
/** Five touches, on a machine that is busy. */
const STALE_MS = 10_000

/** Resolves to what gives it back; throws `FileError` when another holds it for long. */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  const mine = [process.pid, processes(), randomBytes(8).toString('hex')].join(' ')
  const giveUp = Date.now() + WAIT_MS
  while (!(await create(path, mine))) {
    await breakStale(path)
    if (Date.now() > giveUp) throw new FileError(`another command holds ${path}`)
    await sleep(10 + Math.random() * 20)
  }
  const touching = setInterval(() => {
    const now = new Date()
    // A lock that is gone shows when it is given back; there is nothing to do about it here.
    lutimes(path, now, now).catch(() => undefined)
  }, TOUCH_MS)
  touching.unref()
  return async () => {
    clearInterval(touching)
    if ((await holderOf(path)) === mine) await rm(path, { force: true })
  }
}

async function create(path: string, holder: string): Promise<boolean> {
  try {
    await symlink(holder, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Renamed first, and given back when it turns out to be somebody's fresh one. */
async function breakStale(path: string): Promise<void> {
  if (!(await isStale(path))) return
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await rename(path, aside).catch(() => undefined)
  const taken = await holderOf(aside)
  if (taken !== '' && !(await isStale(aside))) await create(path, taken)
  await rm(aside, { force: true })
}

/** A missing file is not. */
async function isStale(path: string): Promise<boolean> {
  const age = await lstat(path).then(
    facts => Date.now() - facts.mtimeMs,
    () => 0,
  )
  return age >= STALE_MS || isDead(await holderOf(path))
}

/** Nothing where it is missing, or is not one of ours. */
function holderOf(path: string): Promise<string> {
  return readlink(path).catch(() => '')
}

/** Only where its number means a process to us: another container has others. */
function isDead(holder: string): boolean {
  const [pid = '', where] = holder.split(' ')
  if (!/^[1-9][0-9]{0,9}$/.test(pid) || where !== processes()) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Among whom process numbers are told apart (Linux: its namespace). */
function processes(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return 'all'
  }
}
